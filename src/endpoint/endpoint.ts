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

/** What an endpoint is made with: settings, and what the application contributes. */
export interface EndpointOptions<Subject = IncomingMessage> extends SettingsOptions, PageOptions<Subject> {}

/** What an endpoint is made with beside its settings. */
export interface PageOptions<Subject> extends AuthenticationCallbacks<Subject> {
  /** The families on the page. @default the default registry */
  readonly registry?: Registry | undefined;
  /**
   * How many pages may be in the making or on their way at once; beyond it a scrape gets 503.
   * @default 128
   */
  readonly maxScrapes?: number | undefined;
  /**
   * Whether OpenMetrics 1.0 says with a `_created` line since when each counter, histogram and
   * summary counts: one moment for all, that of the directory. A line a series more; Prometheus
   * itself prefers the protobuf format for it.
   * @default false
   */
  readonly createdSamples?: boolean | undefined;
}

/** The metrics page of an application, as its settings have it. */
export interface Endpoint<Subject = IncomingMessage> {
  /** METRICS_ENABLED. When false, nothing below does or costs anything. */
  readonly enabled: boolean;
  readonly settings: Settings;
  readonly registry: Registry;
  /**
   * Where the application's own server serves the page; `undefined` where it doesn't: disabled, or
   * METRICS_PORT is set.
   */
  readonly publicPath: string | undefined;
  /**
   * Whether a request to the application's own server is for the page. Never throws, whatever the
   * URL is.
   */
  readonly matches: (request: { readonly url?: string | undefined }) => boolean;
  /** Serves the page on node:http to whoever asks; ask `matches` first. */
  readonly handler: MetricsHandler;
  /**
   * Serves the page where requests are those of the Fetch standard; ask `matches` first. `subject`
   * is what `session` gets, by default the request.
   */
  readonly fetch: (request: Request, subject?: Subject) => Promise<Response>;
  /**
   * As `handler`, for frameworks whose request is not node:http's: `subject` is what `session`
   * gets.
   */
  readonly serve: (request: IncomingMessage, response: ServerResponse, subject: Subject) => void;
  /**
   * Opens the listener on METRICS_PORT; resolves when it is open, or is another process's for now.
   * Does nothing without METRICS_PORT.
   *
   * @throws MetricsError ERR_METRICS_INVALID_SETTING when that address can never be listened on.
   */
  listen(): Promise<void>;
  /**
   * Closes the listener and gives up apps' collectors that run. The registry goes on: it may be
   * shared.
   */
  close(): Promise<void>;
}

/**
 * Reads the settings and makes what they ask for. The adapters mount it; with a server of your own,
 * mount it yourself.
 *
 * @throws MetricsError ERR_METRICS_INVALID_SETTING, with everything that is wrong with the settings
 *   and how to mend it; `ERR_METRICS_STORE_*` where the directory can't be used.
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
 * Makes the endpoint that settings ask for, which have been read before.
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

/** What there is when metrics are off. */
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

/** Nobody is logged in on the listener: sessions are the business of the application's server. */
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

/** Of registries that share no directory. */
const identities: WeakMap<Registry, string> = new WeakMap();

/**
 * Processes of one directory can stand in for each other, and so can the endpoints of one registry.
 */
function identityOf(registry: Registry): string {
  const directory = directoryOf(registry);
  if (directory !== undefined) return createHash('sha256').update(resolve(directory)).digest('hex').slice(0, 16);
  let identity = identities.get(registry);
  if (identity === undefined) identities.set(registry, (identity = randomUUID()));
  return identity;
}
