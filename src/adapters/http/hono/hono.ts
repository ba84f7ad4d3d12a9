import { type ApplicationMetrics, type ApplicationOptions, startApplicationMetrics } from '../../../application.ts';
import { exchangeOf } from '../../../instrument/http/exchange.ts';
import { ObservingRouter } from './router.ts';
import { type HonoApplicationLike, type HonoContextLike, nodeOf } from './types.ts';

export type { HonoApplicationLike, HonoContextLike };

/**
 * Settings, what the application contributes, and how HTTP is measured. `session` gets Hono's
 * context.
 */
export type HonoPromenadeOptions<Context = HonoContextLike> = ApplicationOptions<Context>;

/** The metrics of a Hono application. */
export interface HonoPromenade {
  /**
   * Stops measuring, takes off what was put on, and closes the listener on METRICS_PORT.
   * Idempotent.
   */
  close(): Promise<void>;
}

/**
 * Metrics for a Hono application on @hono/node-server: serves METRICS_PATH, behind the middlewares
 * that the application has already, and measures every request, whatever is added before or after.
 * Where METRICS_ENABLED is not true it does nothing at all.
 *
 * @throws MetricsError ERR_METRICS_INVALID_SETTING, with everything that is wrong with the settings
 *   and how to mend it.
 *
 * @example
 * const app = new Hono(); promenade(app); serve({ fetch: app.fetch, port: 3000 });
 */
export function promenade<Context = HonoContextLike>(
  app: HonoApplicationLike,
  options: HonoPromenadeOptions<Context> = {},
): HonoPromenade {
  const metrics = startApplicationMetrics<Context>(options);
  if (metrics === undefined) return { close: async () => {} };
  const router = metrics.measuresHttp ? new ObservingRouter(app) : undefined;
  addPage(app, metrics);
  if (router !== undefined) app.router = router;
  void metrics.listen();
  return {
    close: async () => {
      if (router !== undefined) {
        // Applications that were made from this one may have it too.
        router.observes = false;
        if (app.router === router) app.router = router.router;
      }
      await metrics.close();
    },
  };
}

/**
 * By the router itself, so that the path is METRICS_PATH also where the application has a base
 * path.
 */
function addPage<Context>(app: HonoApplicationLike, { endpoint }: ApplicationMetrics<Context>): void {
  const { publicPath } = endpoint;
  if (publicPath === undefined) return;
  const page = (context: HonoContextLike): Promise<Response> | Response => {
    const node = nodeOf(context);
    if (node === undefined) return endpoint.fetch(context.req.raw, context as Context);
    exchangeOf(node.incoming)?.exclude();
    endpoint.serve(node.incoming, node.outgoing, context as Context);
    return alreadySent();
  };
  for (const path of new Set([publicPath, publicPath === '/' ? '/' : `${publicPath}/`])) {
    app.router.add('ALL', path, [page, { basePath: '/', path, method: 'ALL', handler: page }]);
  }
}

/** What tells @hono/node-server that there is nothing to send. */
function alreadySent(): Response {
  const response = new Response(null, { headers: { 'x-hono-already-sent': 'true' } });
  // The Response that it puts in the place of Node's is sent as it is, unless somebody has looked
  // at it.
  void response.body;
  return response;
}
