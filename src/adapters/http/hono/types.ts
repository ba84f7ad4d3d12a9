import type { IncomingMessage, ServerResponse } from 'node:http';

/** The part of Hono's context that is used. */
export interface HonoContextLike {
  readonly req: { readonly raw: Request; readonly path: string };
  /** What @hono/node-server puts there; elsewhere it is something else. */
  readonly env: unknown;
  /** What a handler has thrown and an error handler has answered. */
  readonly error?: unknown;
}

/** A handler or a middleware; what tells them apart is that middlewares take `next`. */
export type HonoHandler = ((context: never, next: () => Promise<void>) => unknown) & {
  /**
   * Of a handler from an application with an error handler of its own, which Hono wraps: the
   * handler.
   */
  readonly __COMPOSED_HANDLER?: unknown;
};

/** What a handler was registered for. */
export interface HonoRoute {
  readonly path: string;
  readonly method: string;
}

/**
 * What Hono's routers have found for a path: handlers with what they were registered for, and their
 * parameters.
 */
export type HonoMatch = readonly [handlers: readonly HonoEntry[], ...rest: readonly unknown[]];
export type HonoEntry = readonly [[HonoHandler, HonoRoute], unknown];

/** The interface of all Hono's routers. */
export interface HonoRouterLike {
  name: string;
  // Hono's own routers take the type of their handlers, which is not exported.
  // oxlint-disable-next-line typescript/no-explicit-any
  add(method: string, path: string, handler: any): void;
  // What it finds is made of that type too.
  // oxlint-disable-next-line typescript/no-explicit-any
  match(method: string, path: string): any;
}

/** The part of a Hono application that is used. */
export interface HonoApplicationLike {
  router: HonoRouterLike;
  readonly routes: readonly HonoRoute[];
}

/** The request and response of node:http, where the application is served by @hono/node-server. */
export function nodeOf({ env }: HonoContextLike): { incoming: IncomingMessage; outgoing: ServerResponse } | undefined {
  const node = env as { incoming?: IncomingMessage; outgoing?: ServerResponse } | null | undefined;
  return node?.incoming === undefined || node.outgoing === undefined
    ? undefined
    : { incoming: node.incoming, outgoing: node.outgoing };
}
