import type { IncomingMessage } from 'node:http';
import { activate } from './core/activation.ts';
import { createEndpoint, type Endpoint, type EndpointOptions } from './endpoint/endpoint.ts';
import type { Environment } from './settings/settings.ts';
import { instrumentHttpServer, type InstrumentHttpServerOptions } from './instrument/http-server/http-server.ts';
import { suspectScrapesAt } from './instrument/http/suspects.ts';
import { collectRuntimeMetrics } from './runtime/collect-runtime-metrics.ts';

/** Options of each framework's `promenade(options)`. */
export interface ApplicationOptions<Subject = IncomingMessage> extends EndpointOptions<Subject> {
  /** Options for measuring requests; `false` turns it off. */
  readonly http?:
    | false
    | Omit<InstrumentHttpServerOptions, 'registry' | 'namespace' | 'compat' | 'schemeHeader'>
    | undefined;
  /**
   * Adds the `process_*` and `nodejs_*` families.
   * @default true
   */
  readonly runtime?: boolean | undefined;
}

/** The running metrics of an application. */
export interface ApplicationMetrics<Subject> {
  readonly endpoint: Endpoint<Subject>;
  readonly measuresHttp: boolean;
  /** Returns true if a request to the application's own server is for the page. */
  isScrape(request: IncomingMessage): boolean;
  /** Opens the listener on METRICS_PORT, if there is one. */
  listen(): Promise<void>;
  /** Stops measuring and closes the listener. Counts stay. Idempotent. */
  close(): Promise<void>;
}

/**
 * Turns metrics on as the settings say: the page, runtime metrics and HTTP metrics. Adapters mount
 * them in their framework.
 *
 * @returns `undefined` where METRICS_ENABLED is not true: nothing has happened then, and nothing
 *   costs anything.
 * @throws MetricsError ERR_METRICS_INVALID_SETTING, with every problem of the settings and its fix.
 */
export function startApplicationMetrics<Subject>(
  options: ApplicationOptions<Subject>,
  environment?: Environment,
): ApplicationMetrics<Subject> | undefined {
  const { http, runtime = true, ...endpointOptions } = options;
  const endpoint = createEndpoint<Subject>(endpointOptions, environment);
  if (!endpoint.enabled) return undefined;
  const { registry, settings, publicPath } = endpoint;
  const { namespace, compat, schemeHeader } = settings;
  activate(registry, { namespace, compat });
  const stopHttp =
    http === false ? undefined : instrumentHttpServer({ ...http, registry, namespace, compat, schemeHeader });
  const stopSuspecting = publicPath === undefined ? undefined : suspectScrapesAt(publicPath);
  const stopRuntime = runtime ? collectRuntimeMetrics({ registry }) : undefined;
  return {
    endpoint,
    measuresHttp: stopHttp !== undefined,
    // Hot path: cheap substring test first.
    isScrape: (request) => publicPath !== undefined && request.url!.includes(publicPath) && endpoint.matches(request),
    listen: () => endpoint.listen(),
    close: async () => {
      stopHttp?.();
      stopSuspecting?.();
      stopRuntime?.();
      await endpoint.close();
    },
  };
}
