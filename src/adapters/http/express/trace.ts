import { performance } from 'node:perf_hooks';
import type { Exchange, Trace } from '../../../instrument/http/exchange.ts';
import { joinPatterns, mountPatternOf, toPattern } from './paths.ts';
import { isFallback, routeOfPath } from './unmatched.ts';
import {
  isRouter,
  type Layer,
  type LayerHandle,
  type RoutedRequest,
  type RouteLike,
  type RouterLike,
  type RouterPath,
  routerOf,
} from './types.ts';

/** What is known of a layer from where it stands. */
interface LayerPlace {
  readonly router: RouterLike | undefined;
  /** Of handlers: the route that they belong to. */
  readonly route: RouteLike | undefined;
  /** What the layer is called in labels. */
  readonly name: string;
}

const places: WeakMap<Layer, LayerPlace> = new WeakMap();

/**
 * One request's way through routers: which route it has come to, and what runs at the moment. A
 * layer's own time ends where the next one starts, which is where it has called `next()`.
 */
export class RouterTrace implements Trace {
  readonly #exchange: Exchange;
  /**
   * What mounted routers are mounted at, on the way that this request has taken; those of
   * applications are at ''.
   */
  #bases: Map<RouterLike, string> | undefined = undefined;
  /** Where the application that was entered last is mounted. */
  #applicationBase: string | undefined = undefined;
  #name: string | undefined = undefined;
  #startedAt: number = 0;
  #route: RouteLike | undefined = undefined;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  static of(exchange: Exchange): RouterTrace {
    let trace = exchange.traceOf(RouterTrace);
    if (trace === undefined) exchange.follow((trace = new RouterTrace(exchange)));
    return trace;
  }

  /**
   * A layer is about to run.
   *
   * @param path what its router has matched (of the mount, or of the route for a handler), where
   *   the router tells
   * @param param of a callback for a parameter: its name
   */
  started(request: RoutedRequest, layer: Layer, handle: LayerHandle, path?: RouterPath, param?: string): void {
    const place = places.get(layer) ?? this.#locate(layer, request);
    if (param !== undefined) {
      this.#next(`param:${param}`, undefined);
    } else if (place.route !== undefined) {
      if (isFallback(handle)) return this.#next(undefined, undefined);
      const base = this.#baseOf(place.router, request);
      this.#exchange.routed(joinPatterns(base, toPattern(path ?? place.route.path)) || '/');
      this.#next(place.name, place.route);
    } else if (isRouter(handle)) {
      index(handle);
      this.#mount(handle, this.#mountOf(place, request, layer, path));
    } else if (isApplication(layer, handle)) {
      this.#applicationBase = this.#mountOf(place, request, layer, path);
      this.#next(undefined, undefined);
    } else {
      this.#next(place.name, undefined);
    }
  }

  ended(): void {
    this.#next(undefined, undefined);
    const { route, response } = this.#exchange;
    if (
      route === undefined &&
      (response.statusCode === 404 || response.statusCode === 405 || response.req.method === 'OPTIONS')
    ) {
      this.#lookForOtherMethods(response.req);
    }
  }

  /** A known path keeps its route where only the method is wrong. */
  #lookForOtherMethods({ app, originalUrl = '' }: RoutedRequest): void {
    let root = app;
    while (root?.parent !== undefined) root = root.parent;
    const router = root && routerOf(root);
    const route = router && routeOfPath(router, originalUrl.split('?', 1)[0]!);
    if (route !== undefined) this.#exchange.routed(route);
  }

  /**
   * What ran until now is through. A handler whose route goes on was a middleware of that route.
   */
  #next(name: string | undefined, route: RouteLike | undefined): void {
    const now = performance.now();
    if (this.#route !== undefined && this.#route !== route) this.#exchange.handlerEnded(now);
    else if (this.#name !== undefined) this.#exchange.middlewareRan(this.#name, now - this.#startedAt);
    if (route !== undefined) this.#exchange.handlerStarted(now);
    this.#name = name;
    this.#route = route;
    this.#startedAt = now;
  }

  #mount(router: RouterLike, base: string): void {
    (this.#bases ??= new Map()).set(router, base);
    this.#next(undefined, undefined);
  }

  #mountOf({ router }: LayerPlace, request: RoutedRequest, layer: Layer, path: RouterPath | undefined): string {
    return joinPatterns(this.#baseOf(router, request), path === undefined ? mountPatternOf(layer) : toPattern(path));
  }

  #baseOf(router: RouterLike | undefined, request: RoutedRequest): string {
    if (router === undefined) return '';
    if (this.#applicationBase !== undefined && request.app !== undefined && routerOf(request.app) === router) {
      (this.#bases ??= new Map()).set(router, this.#applicationBase);
      this.#applicationBase = undefined;
    }
    return this.#bases?.get(router) ?? '';
  }

  /**
   * Looks where a layer stands that was not seen before: in the application's router, or in one
   * that has grown since.
   */
  #locate(layer: Layer, request: RoutedRequest): LayerPlace {
    const root = request.app && routerOf(request.app);
    if (root !== undefined) index(root, true);
    for (const router of this.#bases?.keys() ?? []) index(router, true);
    let place = places.get(layer);
    if (place === undefined) {
      const route = request.route?.stack.includes(layer) === true ? request.route : undefined;
      places.set(layer, (place = { router: undefined, route, name: layer.name }));
    }
    return place;
  }
}

/**
 * A mounted application: Express wraps it when it is mounted in another; in a router it stands as
 * it is.
 */
function isApplication(layer: Layer, handle: LayerHandle): boolean {
  return layer.name === 'mounted_app' || (typeof handle.handle === 'function' && typeof handle.set === 'function');
}

/** How many layers of a router have been noted. */
const indexed: WeakMap<RouterLike, number> = new WeakMap();

/** Notes where the layers of a router stand, unless that was done since it has grown. */
function index(router: RouterLike, again: boolean = false): void {
  if (!again && indexed.get(router) === router.stack.length) return;
  indexed.set(router, router.stack.length);
  for (const [i, layer] of router.stack.entries()) {
    if (!places.has(layer)) places.set(layer, { router, route: undefined, name: nameOf(layer, i) });
    const { route } = layer;
    if (route === undefined) continue;
    for (const [j, handler] of route.stack.entries()) {
      if (!places.has(handler)) places.set(handler, { router, route, name: nameOf(handler, j) });
    }
  }
}

function nameOf(layer: Layer, i: number): string {
  return layer.name === '<anonymous>' || layer.name === '' ? `<anonymous ${i + 1}>` : layer.name;
}
