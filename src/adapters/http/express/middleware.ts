import type { ApplicationMetrics } from '../../../application.ts';
import { exchangeOf } from '../../../instrument/http/exchange.ts';
import { ExpressObserver } from './observe.ts';
import { addOwn } from './own.ts';
import { type ExpressApplicationLike, type Layer, type Middleware, type RoutedRequest, routerOf } from './types.ts';

/** A middleware that serves the page and measures the application which it is given to. */
export interface ExpressPromenade extends Middleware {
  /**
   * Stops measuring, takes off what was put on, and closes the listener on METRICS_PORT.
   * Idempotent.
   */
  close(): Promise<void>;
}

/** Returns the middleware that serves the page, and observes the applications it is given to. */
export function expressMiddleware<Request>(metrics: ApplicationMetrics<Request>): ExpressPromenade {
  const observer = metrics.measuresHttp ? new ExpressObserver() : undefined;
  void metrics.listen();
  const page: Middleware = (request, response, next) => {
    observer?.observe((request as RoutedRequest).app);
    if (!metrics.isScrape(request)) return next();
    exchangeOf(request)?.exclude();
    metrics.endpoint.serve(request, response, request as Request);
  };
  addOwn(page);
  // To Express this is an application to be mounted, which is how it learns of the application that
  // it is given to: routes that come earlier never hand a request on to here.
  return Object.assign(page, {
    handle: page,
    set: () => page,
    emit: (event: string, parent: ExpressApplicationLike): boolean => {
      if (event !== 'mount') return true;
      observer?.observe(parent);
      const layer = routerOf(parent)?.stack.at(-1);
      if (layer?.name === 'mounted_app') unmount(layer, page, metrics.endpoint.publicPath);
      return true;
    },
    close: async () => {
      observer?.close();
      await metrics.close();
    },
  });
}

/**
 * Takes off what Express has wrapped around us as around an application, which would exchange the
 * prototypes of each request, and has routers pass by our layer on their way to everything but the
 * page.
 */
function unmount(layer: Layer, page: Middleware, path: string | undefined): void {
  const { match } = layer;
  Object.assign(layer, {
    handle: page,
    name: 'promenade',
    match: function (this: Layer, at: unknown): unknown {
      return path !== undefined && typeof at === 'string' && at.includes(path) ? match.call(this, at) : false;
    },
  });
}
