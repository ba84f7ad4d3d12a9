export type { Access } from './endpoint/access.ts';
export type { AuthenticationCallbacks } from './endpoint/authenticator.ts';
export { createEndpoint, type Endpoint, type EndpointOptions } from './endpoint/endpoint.ts';
export { createMetricsHandler, type MetricsHandler } from './endpoint/node-handler.ts';
export type { ScraperOptions } from './endpoint/scraper.ts';
export { resolveSettings, type Environment, type Settings, type SettingsOptions } from './endpoint/settings.ts';
