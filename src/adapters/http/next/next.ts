import type { IncomingMessage } from 'node:http';
import { type ApplicationOptions, startApplicationMetrics } from '../../../application.ts';
import { defaultRegistry } from '../../../core/default-registry.ts';
import type { Registry } from '../../../core/registry.ts';
import { exchangeOf } from '../../../instrument/http/exchange.ts';
import { observeNextRoutes } from './routes.ts';
import { serveBefore } from './server.ts';

/**
 * Settings, what the application contributes, and how HTTP is measured. `session` gets the request
 * of node:http.
 */
export type NextPromenadeOptions = ApplicationOptions;

/** The metrics of a Next application. */
export interface NextPromenade {
  /** Stops measuring and serving the page, and closes the listener on METRICS_PORT. Idempotent. */
  close(): Promise<void>;
}

/** By registry. Next may call what registers more than once. */
const running: WeakMap<Registry, NextPromenade> = new WeakMap();

/**
 * Metrics for a Next application, with a server of its own or by `next start`: serves METRICS_PATH
 * on the application's server, before Next sees the request, and measures every request. Call it
 * once in each process, before there are requests; who calls it again gets what is there. Where
 * METRICS_ENABLED is not true it does nothing at all.
 *
 * @throws MetricsError ERR_METRICS_INVALID_SETTING, with everything that is wrong with the settings
 *   and how to mend it.
 *
 * @example
 * // metrics.mjs, for NODE_OPTIONS='--import ./metrics.mjs' next start promenade();
 */
export function promenade(options: NextPromenadeOptions = {}): NextPromenade {
  const { registry = defaultRegistry } = options;
  const known = running.get(registry);
  if (known !== undefined) return known;
  const metrics = startApplicationMetrics<IncomingMessage>(options);
  if (metrics === undefined) return { close: async () => {} };
  const { endpoint, measuresHttp } = metrics;
  const undo = measuresHttp ? [observeNextRoutes()] : [];
  if (endpoint.publicPath !== undefined) {
    undo.push(
      serveBefore((request, response) => {
        if (!metrics.isScrape(request)) return false;
        exchangeOf(request)?.exclude();
        endpoint.handler(request, response);
        return true;
      }),
    );
  }
  void metrics.listen();
  const started: NextPromenade = {
    close: async () => {
      running.delete(registry);
      for (const each of undo.splice(0)) each();
      await metrics.close();
    },
  };
  running.set(registry, started);
  return started;
}
