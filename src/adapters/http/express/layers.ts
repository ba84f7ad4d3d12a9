import { exchangeOf } from '../../../instrument/http/exchange.ts';
import { hookFailed } from '../../../instrument/hooks/guard.ts';
import { RouterTrace } from './trace.ts';
import type { ExpressApplicationLike, Layer, Next, RoutedRequest } from './types.ts';
import { routerOf } from './types.ts';

type HandleRequest = (this: Layer, request: RoutedRequest, response: unknown, next: Next) => unknown;
type HandleError = (this: Layer, error: unknown, request: RoutedRequest, response: unknown, next: Next) => unknown;

/** The class of layers of one copy of Express 4 (whose names have underscores) or `router`. */
interface LayerPrototype {
  handle_request?: HandleRequest;
  handle_error?: HandleError;
  handleRequest?: HandleRequest;
  handleError?: HandleError;
}

/** Wrapped classes: how many have asked, and what undoes it. */
const wrapped: WeakMap<LayerPrototype, { users: number; undo: () => void }> = new WeakMap();

/**
 * Observes the layers of routers that publish nothing: Express 4's, and those of `router` before
 * 2.3. Their class is wrapped in its two methods; it serves every router of the copy of Express
 * that the application was made with, those in other modules too.
 *
 * @returns what undoes it; idempotent. `undefined` where the router has the channel, or nothing to
 *   find its class by.
 */
export function observeLayers(app: ExpressApplicationLike): (() => void) | undefined {
  const layer = routerOf(app)?.stack.at(-1);
  if (layer === undefined || 'rawPath' in layer) return undefined;
  const prototype = Object.getPrototypeOf(layer) as LayerPrototype;
  const use = wrapped.get(prototype) ?? { users: 0, undo: wrap(prototype) };
  wrapped.set(prototype, use);
  use.users++;
  let undone = false;
  return () => {
    if (undone) return;
    undone = true;
    if (--use.users > 0) return;
    wrapped.delete(prototype);
    use.undo();
  };
}

function wrap(prototype: LayerPrototype): () => void {
  const [request, error] =
    prototype.handleRequest === undefined
      ? (['handle_request', 'handle_error'] as const)
      : (['handleRequest', 'handleError'] as const);
  const { [request]: handleRequest, [error]: handleError } = prototype as Required<LayerPrototype>;
  const observedRequest: HandleRequest = function (req, res, next) {
    return handleRequest.call(this, req, res, this.handle.length > 3 ? next : started(this, req, next));
  };
  const observedError: HandleError = function (thrown, req, res, next) {
    return handleError.call(this, thrown, req, res, this.handle.length === 4 ? started(this, req, next, thrown) : next);
  };
  prototype[request] = observedRequest;
  prototype[error] = observedError;
  return () => {
    if (prototype[request] === observedRequest) prototype[request] = handleRequest;
    if (prototype[error] === observedError) prototype[error] = handleError;
  };
}

/**
 * Notes that a layer starts.
 * @returns its `next`, which notes the error that it brings, unless that is the one it was given.
 */
function started(layer: Layer, request: RoutedRequest, next: Next, incoming?: unknown): Next {
  try {
    const exchange = exchangeOf(request);
    // What dispatches a route runs its handlers, which are layers themselves.
    if (exchange === undefined || exchange.done || layer.route !== undefined) return next;
    RouterTrace.of(exchange).started(request, layer, layer.handle);
    return (error?: unknown): void => {
      if (error !== undefined && error !== null && error !== 'route' && error !== 'router' && error !== incoming) {
        exchange.threwOnce(error);
      }
      next(error);
    };
  } catch (error) {
    hookFailed(error);
    return next;
  }
}
