import type { IncomingMessage, ServerResponse } from 'node:http';
import { type ApplicationOptions, startApplicationMetrics } from '../../application.ts';
import { exchangeOf } from '../../instrument/http/exchange.ts';

export type { Access } from '../../endpoint/access.ts';
export type { AuthenticationCallbacks } from '../../endpoint/authenticator.ts';
export { createEndpoint, type Endpoint, type EndpointOptions } from '../../endpoint/endpoint.ts';
export { createMetricsHandler, type MetricsHandler } from '../../endpoint/node-handler.ts';
export type { ScraperOptions } from '../../endpoint/scraper.ts';
export { metricsUrl } from '../../settings/metrics-url.ts';
export { resolveSettings, type Environment, type Settings, type SettingsOptions } from '../../settings/settings.ts';
export { setRoute } from '../../instrument/http/exchange.ts';
export type { RouteFilter } from '../../instrument/http-server/recorder.ts';
export { instrumentHttpServer, type InstrumentHttpServerOptions } from '../../instrument/http-server/http-server.ts';

/** Settings, what the application contributes, and how HTTP is measured. */
export type HttpPromenadeOptions = ApplicationOptions;

/** The metrics of an application on plain node:http. */
export interface HttpPromenade {
  /**
   * Serves the page if the request is for it.
   * @returns whether it was; if not, the request is the application's.
   */
  serve(request: IncomingMessage, response: ServerResponse): boolean;
  /** Stops measuring and closes the listener on METRICS_PORT. Idempotent. */
  close(): Promise<void>;
}

/**
 * Metrics for an application on node:http (or on https): serves METRICS_PATH and measures every
 * request. `setRoute` says which route a request is. Where METRICS_ENABLED is not true it does
 * nothing at all.
 *
 * @throws MetricsError ERR_METRICS_INVALID_SETTING, with everything that is wrong with the settings
 *   and how to mend it.
 *
 * @example
 * const metrics = promenade(); createServer((request, response) => { if (metrics.serve(request,
 * response)) return; setRoute(request, '/devices/:id'); response.end('...'); }).listen(3000);
 */
export function promenade(options: HttpPromenadeOptions = {}): HttpPromenade {
  const metrics = startApplicationMetrics<IncomingMessage>(options);
  if (metrics === undefined) return { serve: () => false, close: async () => {} };
  void metrics.listen();
  return {
    serve(request, response) {
      if (!metrics.isScrape(request)) return false;
      exchangeOf(request)?.exclude();
      metrics.endpoint.handler(request, response);
      return true;
    },
    close: () => metrics.close(),
  };
}
