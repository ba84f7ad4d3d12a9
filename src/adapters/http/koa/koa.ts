import { type ApplicationOptions, startApplicationMetrics } from '../../../application.ts';
import { exchangeOf } from '../../../instrument/http/exchange.ts';
import { addOwn, KoaObserver } from './observe.ts';
import type { KoaApplicationLike, KoaContextLike, KoaNext } from './types.ts';

export type { KoaApplicationLike, KoaContextLike };

/**
 * Settings, what the application contributes, and how HTTP is measured. `session` gets Koa's
 * context.
 */
export type KoaPromenadeOptions<Context = KoaContextLike> = ApplicationOptions<Context>;

/** The metrics of a Koa application. */
export interface KoaPromenade {
  /**
   * Stops measuring, takes off what was put on, and closes the listener on METRICS_PORT.
   * Idempotent.
   */
  close(): Promise<void>;
}

/**
 * Metrics for a Koa application: serves METRICS_PATH, behind the middlewares that the application
 * has already, and measures every request, whatever is used before or after. Where METRICS_ENABLED
 * is not true it does nothing at all.
 *
 * @throws MetricsError ERR_METRICS_INVALID_SETTING, with everything that is wrong with the settings
 *   and how to mend it.
 *
 * @example
 * const app = new Koa(); promenade(app);
 */
export function promenade<Context = KoaContextLike>(
  app: KoaApplicationLike,
  options: KoaPromenadeOptions<Context> = {},
): KoaPromenade {
  const metrics = startApplicationMetrics<Context>(options);
  if (metrics === undefined) return { close: async () => {} };
  const observer = new KoaObserver();
  if (metrics.measuresHttp) observer.observe(app);
  let closed = false;
  const page = (context: KoaContextLike, next: KoaNext): unknown => {
    if (closed || !metrics.isScrape(context.req)) return next();
    exchangeOf(context.req)?.exclude();
    context.respond = false;
    metrics.endpoint.serve(context.req, context.res, context as Context);
    return undefined;
  };
  addOwn(page);
  if (metrics.endpoint.publicPath !== undefined) app.use(page);
  void metrics.listen();
  return {
    close: async () => {
      closed = true;
      observer.undo();
      await metrics.close();
    },
  };
}
