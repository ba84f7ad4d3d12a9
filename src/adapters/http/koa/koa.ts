import { type ApplicationOptions, startApplicationMetrics } from '../../../application.ts';
import { exchangeOf } from '../../../instrument/http/exchange.ts';
import { hookFailed } from '../../../instrument/hooks/guard.ts';
import { wrapMethod } from '../../../instrument/hooks/wrap.ts';
import { KoaTrace } from './trace.ts';
import {
  isKoaRouter,
  type KoaApplicationLike,
  type KoaContextLike,
  type KoaMiddleware,
  type KoaNext,
} from './types.ts';

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
  const observer = new MiddlewareObserver();
  if (metrics.measuresHttp) observer.observe(app);
  let closed = false;
  const page = (context: KoaContextLike, next: KoaNext): unknown => {
    if (closed || !metrics.isScrape(context.req)) return next();
    exchangeOf(context.req)?.exclude();
    context.respond = false;
    metrics.endpoint.serve(context.req, context.res, context as Context);
    return undefined;
  };
  own.add(page);
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

/** The middlewares that are ours, and not timed. */
const own: WeakSet<object> = new WeakSet();

/** Times the middlewares of an application, and those and the handlers of its routers. */
class MiddlewareObserver {
  readonly #undo: (() => void)[] = [];
  /** How many layers of a router have been seen, and how many functions of a layer. */
  readonly #seen: WeakMap<object, number> = new WeakMap();
  #anonymous = 0;

  /** Those that are there, and those that come. */
  observe(app: KoaApplicationLike): void {
    const list = app.middleware;
    let seen = 0;
    const more = (): void => {
      for (; seen < list.length; seen++) this.#middleware(list, seen);
    };
    more();
    this.#undo.push(
      wrapMethod(app as { use: unknown }, 'use', (use: (this: unknown, middleware: never) => unknown) => {
        return function (this: unknown, middleware: never): unknown {
          const result = use.call(this, middleware);
          quietly(more);
          return result;
        };
      }),
    );
  }

  undo(): void {
    for (const undo of this.#undo.splice(0)) undo();
  }

  #middleware(list: unknown[], i: number): void {
    const { router } = list[i] as KoaMiddleware;
    if (own.has(list[i] as object)) return;
    if (isKoaRouter(router)) this.#dispatch(list, i, router);
    else
      this.#time(
        list,
        i,
        nameOf(list[i] as KoaMiddleware, () => ++this.#anonymous),
      );
  }

  /**
   * What dispatches to a router's layers takes no time itself; but layers may have been added since
   * the latest request.
   */
  #dispatch(list: unknown[], i: number, router: unknown): void {
    this.#router(router);
    this.#replace(list, i, (dispatch) => {
      const observed = (context: never, next: KoaNext): unknown => {
        this.#router(router);
        return dispatch(context, next);
      };
      return observed;
    });
  }

  #router(router: unknown): void {
    if (!isKoaRouter(router) || this.#seen.get(router) === router.stack.length) return;
    this.#seen.set(router, router.stack.length);
    let anonymous = 0;
    for (const { methods, stack } of router.stack) {
      const last = methods.length > 0 ? stack.length - 1 : -1;
      for (let i = 0; i < stack.length; i++) {
        const name = nameOf(stack[i]!, () => ++anonymous);
        if (observed.has(stack[i]!)) continue;
        if (i === last) this.#handler(stack, i);
        else this.#time(stack, i, name);
      }
    }
  }

  #time(list: unknown[], i: number, name: string): void {
    this.#replace(list, i, (middleware) => (context, next) => {
      const trace = this.#trace(context);
      if (trace === undefined) return middleware(context, next);
      return trace.middleware(name, next, (inside) => middleware(context, inside as KoaNext));
    });
  }

  #handler(list: unknown[], i: number): void {
    this.#replace(list, i, (handler) => (context, next) => {
      const trace = this.#trace(context);
      if (trace === undefined) return handler(context, next);
      return trace.handler(
        next,
        (inside) => handler(context, inside as KoaNext),
        () => (context as KoaContextLike).respond === false,
      );
    });
  }

  readonly #trace = (context: KoaContextLike): KoaTrace | undefined => KoaTrace.of(context, this.#later);

  /**
   * A router that is hidden from us, in a composition or a mounted application, is seen when a
   * request comes out of it.
   */
  readonly #later = (router: unknown): void => quietly(() => this.#router(router));

  #replace(list: unknown[], i: number, make: (original: Run) => Run): void {
    this.#undo.push(wrapMethod(list as unknown as Record<number, unknown>, i, make));
    observed.add(list[i] as object);
  }
}

type Run = (context: never, next: KoaNext) => unknown;

/** What stands in the place of others. */
const observed: WeakSet<object> = new WeakSet();

function quietly(observe: () => void): void {
  try {
    observe();
  } catch (error) {
    hookFailed(error);
  }
}

function nameOf({ name, param }: KoaMiddleware, count: () => number): string {
  if (typeof param === 'string') return `param:${param}`;
  return name === '' ? `<anonymous ${count()}>` : name;
}
