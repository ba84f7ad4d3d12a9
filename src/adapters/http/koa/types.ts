import type { IncomingMessage, ServerResponse } from 'node:http';

/** The part of Koa's context that is used, and what @koa/router leaves there. */
export interface KoaContextLike {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly method: string;
  /** The path, without the prefixes of koa-mount. */
  readonly path: string;
  readonly status?: number;
  readonly body?: unknown;
  /** The scheme, as Koa sees it. */
  readonly protocol?: string;
  /** With `proxy` it takes the scheme from the proxy. */
  readonly app?: { readonly proxy?: boolean | undefined } | undefined;
  /** False: the application answers by itself. */
  respond?: boolean;
}

/** Hands on to the next middleware. */
export type KoaNext = () => Promise<unknown>;

/** A middleware. That of a router has the router. */
export type KoaMiddleware = ((context: never, next: KoaNext) => unknown) & {
  readonly router?: unknown;
  /** Of a function for a parameter of @koa/router: its name. */
  readonly param?: unknown;
};

/** The part of a Koa application that is used. */
export interface KoaApplicationLike {
  readonly middleware: unknown[];
  /** The prototype of the contexts of its requests. */
  readonly context?: object;
  // Koa's own `use` is generic, and takes no narrower middleware.
  // oxlint-disable-next-line typescript/no-explicit-any
  use(middleware: (context: any, next: KoaNext) => unknown): unknown;
}

/** A router of @koa/router. */
export interface KoaRouterLike {
  readonly stack: readonly KoaLayer[];
  readonly opts?: { readonly prefix?: string | undefined } | undefined;
  match?(path: string, method: string): { readonly path: readonly KoaLayer[] };
}

/** A route, or a middleware of a router, which has no methods. */
export interface KoaLayer {
  readonly name?: string | null | undefined;
  readonly path: string | RegExp;
  readonly methods: readonly string[];
  readonly stack: KoaMiddleware[];
}

/** What @koa/router leaves in the context. */
export interface RoutedContext extends KoaContextLike {
  /**
   * The routes and middlewares that the path matches, whatever their methods, of all routers that
   * the request came to.
   */
  readonly matched?: readonly KoaLayer[];
  /** The path of the one that it came to last. */
  readonly _matchedRoute?: string | RegExp;
  readonly router?: unknown;
}

/** Whether it is one of @koa/router, or built like it. */
export function isKoaRouter(value: unknown): value is KoaRouterLike {
  const stack = (value as Partial<KoaRouterLike> | undefined)?.stack;
  return Array.isArray(stack) && stack.every((layer) => Array.isArray((layer as Partial<KoaLayer>)?.stack));
}
