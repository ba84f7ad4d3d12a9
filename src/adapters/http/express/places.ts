import { fixedMountOf } from './mounts.ts';
import { joinPatterns, toPattern } from './paths.ts';
import { isOwn } from './own.ts';
import {
  type ExpressApplicationLike,
  isRouter,
  type Layer,
  type LayerHandle,
  type RouteLike,
  type RouterLike,
  type RouterPath,
} from './types.ts';

/** What a layer runs. */
export type LayerKind = 'middleware' | 'handler' | 'fallback' | 'router' | 'application' | 'own';

/**
 * What is known of a layer from where it stands, kept on the layer: a request asks for it at each.
 */
export class Place {
  readonly kind: LayerKind;
  readonly router: RouterLike | undefined;
  /** Of handlers: the route that they belong to. */
  readonly route: RouteLike | undefined;
  /** Its position in the stack of its router, or of its route's layer. */
  readonly index: number;
  /** Of a layer without a route: its path, where every match has the same. */
  readonly mount: RouterPath | undefined;
  /** Of a handler: a framework above Express has registered it, as a middleware. */
  readonly isMiddleware: boolean;
  /** Of a mounted application: itself, once a request has been there. */
  application: ExpressApplicationLike | undefined = undefined;
  readonly #name: string;
  #path: RouterPath | undefined = undefined;
  #base: string | undefined = undefined;
  #pattern = '';
  #label = '';

  constructor(layer: Layer, place: Pick<Place, 'router' | 'route' | 'index'>, position: number) {
    this.router = place.router;
    this.route = place.route;
    this.index = place.index;
    this.kind = kindOf(layer, place.route);
    this.mount = place.route === undefined && layer.route === undefined ? fixedMountOf(layer) : undefined;
    const { name } = layer;
    this.isMiddleware = given.has(layer.handle);
    this.#name = given.get(layer.handle) ?? (name === '<anonymous>' || name === '' ? `<anonymous ${position}>` : name);
  }

  /**
   * Returns the pattern of the layer below a base. The latest one is kept, since a router mostly
   * stands in one place: one text, whose hash is known.
   */
  patternAt(base: string, path: RouterPath | undefined): string {
    if (base !== this.#base || path !== this.#path) this.#join(base, path);
    return this.#pattern;
  }

  /**
   * Returns the layer's name below a base. One without a name has its position and its pattern, so
   * that those of two routers are two.
   */
  labelAt(base: string, path: RouterPath | undefined): string {
    if (base !== this.#base || path !== this.#path) this.#join(base, path);
    return this.#label;
  }

  #join(base: string, path: RouterPath | undefined): void {
    this.#base = base;
    this.#path = path;
    this.#pattern = joinPatterns(base, toPattern(path)) || '/';
    const isAnonymous = this.#name.startsWith('<anonymous ');
    this.#label = isAnonymous && this.#pattern !== '/' ? `${this.#name} at ${this.#pattern}` : this.#name;
  }
}

/** Under this symbol a layer keeps its place. */
const kPlace: unique symbol = Symbol('promenade.place');

interface Placed extends Layer {
  [kPlace]?: Place;
}

/** Returns the place of a layer; `undefined` where its router has not been looked at since. */
export function placeOf(layer: Layer): Place | undefined {
  return (layer as Placed)[kPlace];
}

/** Notes the place of a layer that stands in no router that is known. */
export function placeAlone(layer: Layer, route: RouteLike | undefined): Place {
  return ((layer as Placed)[kPlace] = new Place(layer, { router: undefined, route, index: 0 }, 1));
}

/** Names that frameworks above Express have given to middlewares. */
const given: WeakMap<object, string> = new WeakMap();

/** Handlers that a framework above Express has registered for what none of its routes takes. */
const fallbacks: WeakSet<object> = new WeakSet();

/** Gives a function a name in labels, and says that it is a middleware, also where it is a route's. */
export function nameMiddleware(handle: object, name: string): void {
  given.set(handle, name);
}

/** Marks a handler as a fallback, so its route is unmatched. */
export function addFallback(handler: object): void {
  fallbacks.add(handler);
}

/** True for a handler that is marked as a fallback. */
export function isFallback(handler: object): boolean {
  return fallbacks.has(handler);
}

function kindOf(layer: Layer, route: RouteLike | undefined): LayerKind {
  const { handle } = layer;
  if (isOwn(handle)) return 'own';
  if (route !== undefined) return isFallback(handle) ? 'fallback' : 'handler';
  if (isRouter(handle)) return 'router';
  return isApplication(layer, handle) ? 'application' : 'middleware';
}

/** Express wraps an application that is mounted in another; in a router it stands as it is. */
function isApplication(layer: Layer, handle: LayerHandle): boolean {
  return layer.name === 'mounted_app' || (typeof handle.handle === 'function' && typeof handle.set === 'function');
}

/** How many layers of a router have been noted. */
const noted: WeakMap<RouterLike, number> = new WeakMap();

/** Notes where the layers of a router stand, unless that was done since it has grown. */
export function noteLayers(router: RouterLike, again: boolean = false): void {
  if (!again && noted.get(router) === router.stack.length) return;
  noted.set(router, router.stack.length);
  for (const [index, layer] of router.stack.entries()) {
    (layer as Placed)[kPlace] ??= new Place(layer, { router, route: undefined, index }, index + 1);
    const { route } = layer;
    for (const [j, handler] of route?.stack.entries() ?? []) {
      (handler as Placed)[kPlace] ??= new Place(handler, { router, route, index }, j + 1);
    }
  }
}
