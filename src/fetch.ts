import { createEndpoint as createAnyEndpoint, type Endpoint, type EndpointOptions } from './endpoint/endpoint.ts';

export type { Access } from './endpoint/access.ts';
export { createFetchHandler, type FetchHandler } from './endpoint/fetch-handler.ts';
export type { ScraperOptions } from './endpoint/scraper.ts';
export { metricsUrl } from './settings/metrics-url.ts';
export { resolveSettings, type Environment, type Settings, type SettingsOptions } from './settings/settings.ts';
export type { Endpoint, EndpointOptions };

/** `createEndpoint` for servers with Fetch requests: `session` gets a standard `Request`. */
export const createEndpoint: (options?: EndpointOptions<Request>) => Endpoint<Request> = createAnyEndpoint;
