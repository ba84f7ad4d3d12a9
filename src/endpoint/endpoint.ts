import { createHash, randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { resolve } from 'node:path';
import { deriveDjangoFamilies } from '../compat/django.ts';
import { Apps } from '../apps/apps.ts';
import { defaultRegistry, directoryOf, shareStore } from '../core/default-registry.ts';
import type { Registry } from '../core/registry.ts';
import { observeSelf } from '../core/self-metrics.ts';
import type { AuthenticationCallbacks } from './authenticator.ts';
import { respond } from './fetch-handler.ts';
import { Listener } from './listener.ts';
import { serve, type MetricsHandler } from './node-handler.ts';
import { isAt } from './request-target.ts';
import { Scraper } from './scraper.ts';
import { type Environment, resolveSettings, type Settings, type SettingsOptions } from '../settings/settings.ts';

/** Options of an endpoint: settings, the page and the callbacks. */
export interface EndpointOptions<Subject = IncomingMessage> extends SettingsOptions, PageOptions<Subject> {}

/** Options of an endpoint beside its settings. */
export interface PageOptions<Subject> extends AuthenticationCallbacks<Subject> {
  /** The families on the page. @default the default registry */
  readonly registry?: Registry | undefined;
  /**
   * Maximum number of concurrent scrapes; further ones get 503. One address may have seven eighths
   * of them.
   *
   * @default 128
   */
  readonly maxScrapes?: number | undefined;
  /**
   * Adds `_created` lines to OpenMetrics 1.0 for counters, histograms and summaries, one line more
   * for each series. Prometheus prefers the protobuf format, which has start timestamps anyway.
   *
   * @default false
   */
  readonly createdSamples?: boolean | undefined;
}

/** The metrics page of an application. */
export interface Endpoint<Subject = IncomingMessage> {
  /** METRICS_ENABLED. When false, everything below is a no-op. */
  readonly enabled: boolean;
  readonly settings: Settings;
  readonly registry: Registry;
  /**
   * The path of the page on the application's own server; `undefined` if metrics are off, or
   * METRICS_PORT is set.
   */
  readonly publicPath: string | undefined;
  /**
   * Returns true if a request to the application's own server is for the page. Never throws, for
   * any URL.
   */
  readonly matches: (request: { readonly url?: string | undefined }) => boolean;
  /** Serves the page on node:http for any URL; call `matches` first. */
  readonly handler: MetricsHandler;
  /**
   * Serves the page for a Fetch request of any URL; call `matches` first. `session` gets `subject`,
   * by default the request.
   */
  readonly fetch: (request: Request, subject?: Subject) => Promise<Response>;
  /** As `handler`, for frameworks with their own request type: `session` gets `subject`. */
  readonly serve: (request: IncomingMessage, response: ServerResponse, subject: Subject) => void;
  /**
   * Opens the listener on METRICS_PORT. Resolves when it is open, or while a sibling process holds
   * the port. A no-op without METRICS_PORT.
   *
   * @throws MetricsError ERR_METRICS_INVALID_SETTING when that address can never be listened on.
   */
  listen(): Promise<void>;
  /**
   * Closes the listener and aborts running collectors of apps. The registry stays open: it may be
   * shared.
   */
  close(): Promise<void>;
}

/**
 * Reads the settings and creates the endpoint. Adapters mount it; with your own server, mount it
 * yourself.
 *
 * @throws MetricsError ERR_METRICS_INVALID_SETTING, with every problem of the settings and its fix;
 *   `ERR_METRICS_STORE_*` where the directory can't be used.
 */
export function createEndpoint<Subject = IncomingMessage>(
  options: EndpointOptions<Subject> = {},
  environment?: Environment,
): Endpoint<Subject> {
  const { registry, maxScrapes, createdSamples, session, checkToken, ...settingsOptions } = options;
  const settings = resolveSettings(settingsOptions, environment);
  return openEndpoint(settings, { registry, maxScrapes, createdSamples, session, checkToken });
}

/**
 * Creates the endpoint from resolved settings.
 *
 * @throws MetricsError as `createEndpoint` does.
 */
export function openEndpoint<Subject>(settings: Settings, options: PageOptions<Subject>): Endpoint<Subject> {
  const { registry = defaultRegistry, maxScrapes, createdSamples, session, checkToken } = options;
  if (!settings.enabled) return disabledEndpoint(settings, registry);
  shareStore(registry, settings);
  const scraper = new Scraper<Subject>({ registry, settings, maxScrapes, createdSamples, session, checkToken });
  observeSelf(registry, settings.namespace === '' ? '' : `${settings.namespace}_`);
  if (settings.compat === 'django') deriveDjangoFamilies(registry, settings.namespace);
  const stopApps = Apps.of(registry).start(settings);
  const publicPath = settings.port === undefined ? settings.path : undefined;
  const listener = listenerOf(settings, scraper, registry);
  return {
    enabled: true,
    settings,
    registry,
    publicPath,
    matches: ({ url }) => publicPath !== undefined && isAt(url ?? '', publicPath),
    handler: (request, response) => serve(scraper, request, response, request as Subject),
    fetch: (request, subject = request as Subject) => respond(scraper, request, subject),
    serve: (request, response, subject) => serve(scraper, request, response, subject),
    listen: async () => listener?.listen(),
    close: async () => {
      stopApps();
      await listener?.close();
    },
  };
}

/** Returns the endpoint for metrics that are off. */
function disabledEndpoint<Subject>(settings: Settings, registry: Registry): Endpoint<Subject> {
  const notFound: MetricsHandler = (_request, response) => void response.writeHead(404).end();
  return {
    enabled: false,
    settings,
    registry,
    publicPath: undefined,
    matches: () => false,
    handler: notFound,
    fetch: async () => new Response(null, { status: 404 }),
    serve: notFound,
    listen: async () => {},
    close: async () => {},
  };
}

/** Creates the listener. It has no sessions: those belong to the application's server. */
function listenerOf(settings: Settings, scraper: Scraper<never>, registry: Registry): Listener | undefined {
  const { host, port, path } = settings;
  if (port === undefined) return undefined;
  return new Listener({
    host,
    port,
    path,
    handler: (request, response) => serve(scraper, request, response, undefined),
    identity: () => identityOf(registry),
  });
}

/** Identities of registries without a shared directory. */
const identities: WeakMap<Registry, string> = new WeakMap();

/**
 * Returns the same identity for all processes of a directory, and for all endpoints of a registry:
 * each can serve the other's page.
 */
function identityOf(registry: Registry): string {
  const directory = directoryOf(registry);
  if (directory !== undefined) return createHash('sha256').update(resolve(directory)).digest('hex').slice(0, 16);
  let identity = identities.get(registry);
  if (identity === undefined) identities.set(registry, (identity = randomUUID()));
  return identity;
}
