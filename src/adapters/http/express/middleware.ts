import type { ApplicationMetrics } from '../../../application.ts';
import { exchangeOf } from '../../../instrument/http/exchange.ts';
import { hookFailed } from '../../../instrument/hooks/guard.ts';
import { observeRouterChannel } from './channel.ts';
import { observeLayers } from './layers.ts';
import type { ExpressApplicationLike, Middleware, RoutedRequest } from './types.ts';
import { countViews } from './views.ts';

/** A middleware that serves the page and measures the application which it is given to. */
export interface ExpressPromenade extends Middleware {
  /**
   * Stops measuring, takes off what was put on, and closes the listener on METRICS_PORT.
   * Idempotent.
   */
  close(): Promise<void>;
}

/** The middleware that serves the page, and observes the application that it is given to. */
export function expressMiddleware<Request>(metrics: ApplicationMetrics<Request>): ExpressPromenade {
  const installation = new Installation(metrics);
  void metrics.listen();
  const middleware: Middleware = (request, response, next) => {
    installation.installIn((request as RoutedRequest).app);
    if (!metrics.isScrape(request)) return next();
    exchangeOf(request)?.exclude();
    metrics.endpoint.serve(request, response, request as Request);
  };
  // To Express this is an application to be mounted, which is how it tells the one that it is given
  // to: routes that come earlier never hand a request on to here.
  return Object.assign(middleware, {
    handle: middleware,
    set: () => middleware,
    emit: (event: string, parent: ExpressApplicationLike): boolean => {
      if (event === 'mount') installation.installIn(parent);
      return true;
    },
    close: () => installation.close(),
  });
}

/** What was put on, to be taken off again. */
class Installation {
  readonly #metrics: ApplicationMetrics<never>;
  readonly #undo: (() => void)[] = [];
  #app: ExpressApplicationLike | undefined;

  constructor(metrics: ApplicationMetrics<never>) {
    this.#metrics = metrics;
    if (metrics.measuresHttp) this.#undo.push(observeRouterChannel());
  }

  /** Once, in the first application that there is. */
  installIn(app: ExpressApplicationLike | undefined): void {
    if (this.#app !== undefined || app === undefined) return;
    this.#app = app;
    if (!this.#metrics.measuresHttp) return;
    try {
      const undoLayers = observeLayers(app);
      if (undoLayers !== undefined) this.#undo.push(undoLayers);
      this.#undo.push(countViews(app));
    } catch (error) {
      hookFailed(error);
    }
  }

  async close(): Promise<void> {
    for (const undo of this.#undo.splice(0)) undo();
    await this.#metrics.close();
  }
}
