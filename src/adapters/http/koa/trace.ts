import { type Exchange, exchangeOf } from '../../../instrument/http/exchange.ts';
import { hookFailed } from '../../../instrument/hooks/guard.ts';
import { Onion } from '../../../instrument/http-server/onion.ts';
import type { KoaContextLike, KoaLayer, RoutedContext } from './types.ts';

/** One request's way through the middlewares of Koa and the routes of @koa/router. */
export class KoaTrace extends Onion {
  readonly #context: RoutedContext;
  readonly #onRouter: (router: unknown) => void;

  /** @param onRouter told which router the request came to, once it is over */
  private constructor(exchange: Exchange, context: RoutedContext, onRouter: (router: unknown) => void) {
    super(exchange);
    this.#context = context;
    this.#onRouter = onRouter;
  }

  /** `undefined` where nothing observes the request, or it is over. */
  static of(context: KoaContextLike, onRouter: (router: unknown) => void): KoaTrace | undefined {
    try {
      const exchange = exchangeOf(context.req);
      if (exchange === undefined || exchange.done) return undefined;
      const known = exchange.traceOf(KoaTrace);
      if (known !== undefined) return known;
      const trace = new KoaTrace(exchange, context, onRouter);
      exchange.follow(trace);
      return trace;
    } catch (error) {
      hookFailed(error);
      return undefined;
    }
  }

  override ended(): void {
    super.ended();
    const route = routeOf(this.#context);
    if (route !== undefined) this.exchange.routed(String(route.path), route.name ?? undefined);
    if (this.#context.router !== undefined) this.#onRouter(this.#context.router);
  }
}

/**
 * The route that a request came to. (`_matchedRoute` alone is not it: middlewares of a router
 * overwrite it on the way.) One that was refused on its way has the first route that it would have
 * come to, and one for another method (405, OPTIONS) that of its path.
 */
function routeOf({ matched, method, _matchedRoute }: RoutedContext): KoaLayer | undefined {
  const routes = matched?.filter(({ methods }) => methods.length > 0);
  if (routes === undefined || routes.length === 0) return undefined;
  const own = routes.filter(({ methods }) => methods.includes(method));
  return own.find(({ path }) => path === _matchedRoute) ?? own[0] ?? routes.at(-1);
}
