import { exchangeOf } from '../../../instrument/http/exchange.ts';
import { hookFailed } from '../../../instrument/hooks/guard.ts';
import { wrapMethod } from '../../../instrument/hooks/wrap.ts';
import { noteMount } from './mounts.ts';
import { RouterTrace } from './trace.ts';
import type { Layer, Next, RoutedRequest, RouterLike, RouterPath } from './types.ts';

type HandleRequest = (this: Layer, request: RoutedRequest, response: unknown, next: Next) => unknown;
type HandleError = (this: Layer, error: unknown, request: RoutedRequest, response: unknown, next: Next) => unknown;
type Use = (this: unknown, ...args: never[]) => unknown;

/** The class of layers of one copy of Express 4 (whose names have underscores) or `router`. */
interface LayerClass {
  handle_request?: HandleRequest;
  handle_error?: HandleError;
  handleRequest?: HandleRequest;
  handleError?: HandleError;
}

/** What was wrapped, and what undoes it. */
const wrapped: Map<object, () => void> = new Map();

let users = 0;

/**
 * Begins to observe the layers of routers that publish nothing: Express 4's, and those of `router`
 * before 2.3. Their classes are wrapped as they are met, see {@link observeLayersOf}.
 *
 * @returns What undoes it, once all who began have ended; idempotent.
 */
export function observeLayers(): () => void {
  users++;
  let ended = false;
  return () => {
    if (ended) return;
    ended = true;
    if (--users > 0) return;
    for (const undo of wrapped.values()) undo();
    wrapped.clear();
  };
}

/**
 * Wraps the classes of a router and of its layers, unless they publish on the channel. They serve
 * every router of the copy of Express that they are from, in whatever module it was made.
 *
 * @returns False for a router that has no layers yet to find their class by.
 */
export function observeLayersOf(router: RouterLike): boolean {
  const layer = router.stack[0];
  if (layer === undefined) return false;
  if (users === 0 || 'rawPath' in layer) return true;
  const layers = Object.getPrototypeOf(layer) as LayerClass;
  if (wrapped.has(layers)) return true;
  const undo = [...wrapLayers(layers), wrapUse(router)];
  wrapped.set(layers, () => {
    for (const each of undo) each();
  });
  return true;
}

function wrapLayers(layers: LayerClass): (() => void)[] {
  const [request, error] =
    layers.handleRequest === undefined
      ? (['handle_request', 'handle_error'] as const)
      : (['handleRequest', 'handleError'] as const);
  const { [request]: handleRequest, [error]: handleError } = layers as Required<LayerClass>;
  const observedRequest: HandleRequest = function (req, res, next) {
    return handleRequest.call(this, req, res, this.handle.length > 3 ? next : started(this, req, next));
  };
  const observedError: HandleError = function (thrown, req, res, next) {
    return handleError.call(this, thrown, req, res, this.handle.length === 4 ? started(this, req, next, thrown) : next);
  };
  layers[request] = observedRequest;
  layers[error] = observedError;
  return [
    () => {
      if (layers[request] === observedRequest) layers[request] = handleRequest;
    },
    () => {
      if (layers[error] === observedError) layers[error] = handleError;
    },
  ];
}

/** Has the paths of layers noted from now on, as they are written: their routers forget them. */
function wrapUse(router: RouterLike): () => void {
  let holder = router as { use?: unknown };
  while (!Object.hasOwn(holder, 'use')) {
    holder = Object.getPrototypeOf(holder) as typeof holder;
    if (holder === null) return () => {};
  }
  return wrapMethod(holder, 'use', (use: Use): Use => {
    return function (...args) {
      const { stack } = this as RouterLike;
      const before = stack.length;
      const result = use.apply(this, args);
      const first: unknown = args[0];
      const path = isFunction(first) ? '/' : (first as RouterPath);
      for (const layer of stack.slice(before)) noteMount(layer, path);
      return result;
    };
  });
}

/** True for a function, and for nested lists of functions: then no path was given. */
function isFunction(argument: unknown): boolean {
  let first = argument;
  while (Array.isArray(first) && first.length > 0) first = first[0] as unknown;
  return typeof first === 'function';
}

/**
 * Notes that a layer starts.
 * @returns Its `next`, which notes the error that it is given, unless that is the one that came.
 */
function started(layer: Layer, request: RoutedRequest, next: Next, incoming?: unknown): Next {
  try {
    const exchange = exchangeOf(request);
    // What dispatches a route runs its handlers, which are layers themselves.
    if (exchange === undefined || exchange.done || layer.route !== undefined) return next;
    RouterTrace.of(exchange, request)?.started(layer, { isErrorHandler: incoming !== undefined });
    return (error?: unknown): void => {
      if (error !== undefined && error !== null && error !== 'route' && error !== 'router' && error !== incoming) {
        exchange.threwOnce(error);
        RouterTrace.of(exchange, request)?.failed();
      }
      next(error);
    };
  } catch (error) {
    hookFailed(error);
    return next;
  }
}
