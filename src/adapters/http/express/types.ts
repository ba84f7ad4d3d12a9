import type { IncomingMessage, ServerResponse } from 'node:http';

/** A path as routers take it. */
export type RouterPath = string | RegExp | readonly unknown[];

/** Called by a middleware to hand on; with an error, or a signal to leave the route or router. */
export type Next = (error?: unknown) => void;

/** The function of a layer: a middleware, a handler, a router or an application. */
export type LayerHandle = ((...args: never[]) => unknown) & { stack?: unknown; handle?: unknown; set?: unknown };

/** One entry of a router's stack. */
export interface Layer {
  readonly name: string;
  readonly handle: LayerHandle;
  readonly route?: RouteLike | undefined;
  match(path: string): boolean | { readonly path: string; readonly pattern: RouterPath };
  /** The path as written, in router 2.3 and later: those that have the tracing channel. */
  readonly rawPath?: RouterPath;
  /** Router before 2.3 and Express 4: the part of the path that the latest match covered. */
  readonly path?: string | undefined;
  /** Router before 2.3: one for each path that the layer was given. */
  readonly matchers?: readonly Matcher[];
  /** Express 4. */
  readonly regexp?: RegExp & { fast_slash?: boolean };
  readonly keys?: readonly { readonly name: string | number }[];
}

/** Compares a path with one that the program wrote. Throws on parameters that can't be decoded. */
export type Matcher = (
  path: string,
) => false | { readonly path: string; readonly params: Readonly<Record<string, unknown>> };

/** A route: a path with its own stack of handlers. */
export interface RouteLike {
  readonly path: RouterPath;
  readonly stack: readonly Layer[];
  readonly methods: Readonly<Record<string, boolean | undefined>>;
}

/** A router: Express's or the package `router`'s. */
export interface RouterLike {
  readonly stack: readonly Layer[];
}

/** The part of an Express application that is used. */
export interface ExpressApplicationLike {
  /** Express 5: a getter that makes the router, and with it freezes the settings for routing. */
  readonly router?: unknown;
  /** Express 4, where `router` throws. */
  readonly _router?: unknown;
  /** Express 4: makes the router. */
  readonly lazyrouter?: unknown;
  readonly response: object;
  readonly settings?: Readonly<Record<string, unknown>> | undefined;
  /** The application that it is mounted in. */
  readonly parent?: ExpressApplicationLike | undefined;
}

/** A request on its way through routers. */
export interface RoutedRequest extends IncomingMessage {
  readonly app?: ExpressApplicationLike;
  readonly originalUrl?: string;
  /** The part of the path that mounts have taken off. */
  readonly baseUrl?: string;
  /** The scheme, as Express sees it. */
  readonly protocol?: string;
  /** The route that was matched last. */
  readonly route?: RouteLike;
  /** Set while a router has the request. */
  readonly next?: unknown;
}

/** A middleware for Express, Connect, or the package `router`. */
export type Middleware = (request: IncomingMessage, response: ServerResponse, next: Next) => void;

/**
 * Returns the router of an application; `undefined` in Express 4 before it has any routes or
 * middlewares. In Express 5 this makes the router.
 */
export function routerOf(app: ExpressApplicationLike): RouterLike | undefined {
  const router = isExpress4(app) ? app._router : app.router;
  return isRouter(router) ? router : undefined;
}

/** True for applications of Express 4, where even to ask for `router` throws. */
export function isExpress4(app: ExpressApplicationLike): boolean {
  return typeof app.lazyrouter === 'function' || '_router' in app;
}

/** True for a router, also where it is the handle of the layer that it is mounted in. */
export function isRouter(value: unknown): value is RouterLike {
  return (
    (typeof value === 'function' || typeof value === 'object') && Array.isArray((value as RouterLike | null)?.stack)
  );
}
