import type { IncomingMessage, ServerResponse } from 'node:http';

/** A path as routers take it. */
export type RouterPath = string | RegExp | readonly unknown[];

/** Called by a middleware to hand on; with an error, or a signal to leave the route or router. */
export type Next = (error?: unknown) => void;

/** What is called for a layer: a middleware, a handler, a router or an application. */
export type LayerHandle = ((...args: never[]) => unknown) & { stack?: unknown; handle?: unknown; set?: unknown };

/** One entry of a router's stack. */
export interface Layer {
  readonly name: string;
  readonly handle: LayerHandle;
  readonly route?: RouteLike | undefined;
  match(path: string): boolean | { readonly path: string; readonly pattern: RouterPath };
  /** Router 2.3 and later, which have the tracing channel, too. */
  readonly rawPath?: RouterPath;
  /** Router before 2.3, Express 4: what the latest match found. */
  readonly path?: string | undefined;
  readonly matchers?: readonly unknown[];
  readonly params?: Readonly<Record<string, unknown>> | undefined;
  /** Express 4. */
  readonly regexp?: RegExp & { fast_slash?: boolean };
  readonly keys?: readonly { readonly name: string | number }[];
}

/** A route: a path with its own stack of handlers. */
export interface RouteLike {
  readonly path: RouterPath;
  readonly stack: readonly Layer[];
}

/** A router: Express's or the package `router`'s. */
export interface RouterLike {
  readonly stack: readonly Layer[];
}

/** The part of an Express application that is used. */
export interface ExpressApplicationLike {
  /** Express 5. */
  readonly router?: unknown;
  /** Express 4, where `router` throws. */
  readonly _router?: unknown;
  readonly response: object;
  /** The application that it is mounted in. */
  readonly parent?: ExpressApplicationLike | undefined;
}

/** A request on its way through routers. */
export interface RoutedRequest extends IncomingMessage {
  readonly app?: ExpressApplicationLike;
  readonly originalUrl?: string;
  /** The route that was matched last. */
  readonly route?: RouteLike;
}

/** A middleware for Express, Connect, or the package `router`. */
export type Middleware = (request: IncomingMessage, response: ServerResponse, next: Next) => void;

/** The router of an application; none before it has any routes or middlewares. */
export function routerOf(app: ExpressApplicationLike): RouterLike | undefined {
  const router = '_router' in app ? app._router : app.router;
  return isRouter(router) ? router : undefined;
}

/** Whether a layer's handle is a router that was mounted. */
export function isRouter(value: unknown): value is RouterLike {
  return (
    (typeof value === 'function' || typeof value === 'object') && Array.isArray((value as RouterLike | null)?.stack)
  );
}
