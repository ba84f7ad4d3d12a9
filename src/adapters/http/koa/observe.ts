import { hookFailed } from '../../../instrument/hooks/guard.ts';
import { wrapMethod } from '../../../instrument/hooks/wrap.ts';
import { chooseRoute, type KoaFinder, KoaTrace, patternOf } from './trace.ts';
import {
  isKoaRouter,
  type KoaApplicationLike,
  type KoaContextLike,
  type KoaLayer,
  type KoaMiddleware,
  type KoaNext,
  type KoaRouterLike,
} from './types.ts';

type Run = (context: never, next: KoaNext) => unknown;

/** The functions that stand in the place of others. */
const observed: WeakSet<object> = new WeakSet();

/** The middlewares that serve the page: they are not timed. */
const own: WeakSet<object> = new WeakSet();

/** Marks a middleware as one that serves the page. */
export function addOwn(middleware: object): void {
  own.add(middleware);
}

/**
 * Observes a Koa application: times its middlewares, those of its routers, and the handlers of
 * routes. It serves no page and adds no middleware.
 */
export class KoaObserver implements KoaFinder {
  readonly #undo: (() => void)[] = [];
  /** How many layers of a router have been seen. */
  readonly #seen: WeakMap<object, number> = new WeakMap();
  /** Routers, and what they are mounted below. */
  readonly #routers: Map<KoaRouterLike, string> = new Map();
  #anonymous = 0;

  /** Observes the middlewares that are there, and those that come. */
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
      noteMounts(app.context),
    );
  }

  undo(): void {
    for (const undo of this.#undo.splice(0)) undo();
  }

  /**
   * A router that is hidden from us, in a composition or a mounted application, is seen when a
   * request comes out of it.
   */
  found(router: unknown, base: string): void {
    quietly(() => this.#router(router, base));
  }

  routeOf(path: string, method: string): string | undefined {
    for (const [router, base] of this.#routers) {
      if (!path.startsWith(base)) continue;
      const matched = router.match?.(path.slice(base.length) || '/', method).path ?? [];
      const route = chooseRoute(matched, method);
      if (route !== undefined) return patternOf(base, route);
    }
    return undefined;
  }

  #middleware(list: unknown[], i: number): void {
    const middleware = list[i] as KoaMiddleware;
    if (own.has(middleware)) return;
    const { router } = middleware;
    if (isKoaRouter(router)) this.#dispatch(list, i, router);
    else
      this.#time(
        list,
        i,
        nameOf(middleware, () => `<anonymous ${++this.#anonymous}>`),
      );
  }

  /**
   * Leaves what dispatches to a router's layers untimed, since it takes no time itself; but layers
   * may have been added since the latest request.
   */
  #dispatch(list: unknown[], i: number, router: unknown): void {
    this.#router(router, '');
    this.#replace(list, i, (dispatch) => {
      const dispatched = (context: never, next: KoaNext): unknown => {
        quietly(() => this.#router(router, undefined));
        return dispatch(context, next);
      };
      return dispatched;
    });
  }

  /** @param base What it is mounted below; `undefined` where that is known. */
  #router(router: unknown, base: string | undefined): void {
    if (!isKoaRouter(router)) return;
    if (base !== undefined && !this.#routers.has(router)) this.#routers.set(router, base);
    if (this.#seen.get(router) === router.stack.length) return;
    this.#seen.set(router, router.stack.length);
    const counts = new Map<string, number>();
    for (const layer of router.stack) {
      const place = (this.#routers.get(router) ?? '') + placeOf(layer, router);
      const last = layer.methods.length > 0 ? layer.stack.length - 1 : -1;
      for (let i = 0; i < layer.stack.length; i++) {
        const name = nameOf(layer.stack[i]!, () => {
          counts.set(place, (counts.get(place) ?? 0) + 1);
          return `<anonymous ${counts.get(place)}>${place === '' ? '' : ` at ${place}`}`;
        });
        if (observed.has(layer.stack[i]!)) continue;
        if (i === last) this.#handler(layer, i, name);
        else this.#time(layer.stack, i, name);
      }
    }
  }

  #time(list: unknown[], i: number, name: string): void {
    this.#replace(list, i, (middleware) => (context, next) => {
      const trace = KoaTrace.of(context, this);
      if (trace === undefined) return middleware(context, next);
      return trace.middleware(name, next, (inside) => middleware(context, inside as KoaNext));
    });
  }

  #handler(layer: KoaLayer, i: number, name: string): void {
    this.#replace(layer.stack, i, (handler) => (context, next) => {
      const trace = KoaTrace.of(context, this);
      if (trace === undefined) return handler(context, next);
      return trace.route(layer, name, next, (inside) => handler(context, inside as KoaNext));
    });
  }

  #replace(list: unknown[], i: number, make: (original: Run) => Run): void {
    this.#undo.push(wrapMethod(list as unknown as Record<number, unknown>, i, make));
    observed.add(list[i] as object);
  }
}

/**
 * Notes the prefixes of koa-mount as requests come below them: it writes each into the context.
 * @param contexts The prototype of an application's contexts.
 */
function noteMounts(contexts: object | undefined): () => void {
  if (contexts === undefined || 'mountPath' in contexts) return () => {};
  const kMountPath = Symbol('promenade.mountPath');
  Object.defineProperty(contexts, 'mountPath', {
    configurable: true,
    enumerable: false,
    get(this: Record<symbol, unknown>): unknown {
      return this[kMountPath];
    },
    set(this: KoaContextLike & Record<symbol, unknown>, prefix: unknown): void {
      this[kMountPath] = prefix;
      if (typeof prefix === 'string') quietly(() => KoaTrace.mounted(this, prefix));
    },
  });
  return () => {
    Reflect.deleteProperty(contexts, 'mountPath');
  };
}

function quietly(observe: () => void): void {
  try {
    observe();
  } catch (error) {
    hookFailed(error);
  }
}

function nameOf({ name, param }: KoaMiddleware, anonymous: () => string): string {
  if (typeof param === 'string') return `param:${param}`;
  return name === '' ? anonymous() : name;
}

/** Where a layer stands; of a middleware for all paths, where its router does. */
function placeOf({ path, methods }: KoaLayer, { opts }: KoaRouterLike): string {
  const isPlain = typeof path === 'string' && path.startsWith('/') && !/[*(]/.test(path);
  return methods.length > 0 || isPlain ? String(path) : (opts?.prefix ?? '');
}
