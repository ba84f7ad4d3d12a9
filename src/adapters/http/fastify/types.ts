import type { IncomingMessage, ServerResponse } from 'node:http';

/** The part of Fastify's request that is used. */
export interface FastifyRequestLike {
  readonly raw: IncomingMessage;
  readonly is404: boolean;
  /** The scheme, as Fastify sees it: with `trustProxy`, as the proxy says. */
  readonly protocol?: string | undefined;
  readonly routeOptions: { readonly url?: string | undefined };
  /** The instance of the route. */
  readonly server?: object | undefined;
}

/** The part of Fastify's reply that is used. */
export interface FastifyReplyLike {
  readonly raw: ServerResponse;
  readonly sent: boolean;
  hijack(): unknown;
}

/** The part of a Fastify instance that is used. */
export interface FastifyInstanceLike {
  readonly log?: { readonly level?: unknown } | undefined;
  addHook(name: 'onClose', hook: () => Promise<void>): unknown;
  // Fastify's own instance takes no narrower functions: its request has eight type parameters.
  /* oxlint-disable typescript/no-explicit-any */
  route(options: {
    method: string[];
    url: string;
    schema: object;
    logLevel?: 'warn';
    onRequest?: (request: any, reply: any, done: () => void) => void;
    handler: (request: any, reply: any) => void;
  }): unknown;
  /* oxlint-enable typescript/no-explicit-any */
}

/** A hook as Fastify calls it: the request first, the callback last. */
export type FastifyHook = (this: unknown, ...args: unknown[]) => unknown;

/** The hooks of a request, in the order in which Fastify runs them. */
export const lifecycleHooks = [
  'onRequest',
  'preParsing',
  'preValidation',
  'preHandler',
  'preSerialization',
  'onError',
  'onSend',
  'onResponse',
  'onTimeout',
  'onRequestAbort',
] as const;

export type HookKind = (typeof lifecycleHooks)[number];

type HookLists = Partial<Record<HookKind, FastifyHook[] | null>>;

/**
 * One of Fastify's own symbols, by its description: it exports none of them. Fastify 5.0 to 5.12
 * have those that are used here; where one is missing, what needs it is left out.
 */
function symbolOf(target: object, description: string): symbol | undefined {
  for (let object: object | null = target; object !== null; object = Object.getPrototypeOf(object)) {
    const symbol = Object.getOwnPropertySymbols(object).find((candidate) => candidate.description === description);
    if (symbol !== undefined) return symbol;
  }
  return undefined;
}

/** Returns what Fastify keeps under one of its own symbols. */
export function internal(target: object, description: string): unknown {
  const symbol = symbolOf(target, description);
  return symbol === undefined ? undefined : (target as Record<symbol, unknown>)[symbol];
}

/** Returns the instance that all others of the application were made from. */
export function rootOf(instance: object): object {
  let root = instance;
  for (;;) {
    const parent = parentOf(root);
    if (parent === undefined) return root;
    root = parent;
  }
}

/** Returns the instance that an encapsulated one was made from; `undefined` for the root. */
export function parentOf(instance: object): object | undefined {
  const parent: object | null = Object.getPrototypeOf(instance);
  return parent === null || !('addHook' in parent) ? undefined : parent;
}

/** Returns the hooks that were added to an instance, after those that it was made with. */
export function hooksOf(instance: object, kind: HookKind): readonly FastifyHook[] {
  return (internal(instance, 'fastify.hooks') as HookLists | undefined)?.[kind] ?? [];
}

/** Returns the prefix of an encapsulated instance; `''` for none. */
export function prefixOf(instance: object): string {
  return (instance as { readonly prefix?: string }).prefix ?? '';
}

/**
 * Puts a hook before all others, in an instance and those made from it already; later ones inherit
 * it. (`addHook` would put it behind those that the application added first, and they may answer.)
 *
 * @returns false where Fastify's lists can't be found.
 */
export function prependHook(instance: object, name: HookKind, hook: FastifyHook): boolean {
  const hooks = (internal(instance, 'fastify.hooks') as HookLists | undefined)?.[name];
  if (!Array.isArray(hooks)) return false;
  hooks.unshift(hook);
  const children = internal(instance, 'fastify.children');
  if (Array.isArray(children)) for (const child of children) prependHook(child as object, name, hook);
  return true;
}

/** Under this symbol a route's context has what was found out about the route. */
export const kRoute: unique symbol = Symbol('promenade.route');

/** What is known of a route from its first request on. */
export interface RouteFacts {
  /** The pattern; `undefined` for what matches nothing. */
  readonly pattern: string | undefined;
  readonly isScrape: boolean;
}

/** What Fastify has put together for a route when it started, as far as it is used. */
export type RouteContext = HookLists & {
  readonly config?: { readonly url?: string | undefined };
  [kRoute]?: RouteFacts;
};

/**
 * The symbol under which requests have the context of their route; each copy of Fastify has its
 * own.
 */
let contextSymbol: symbol = Symbol('none');

/** The context of the route that a request has matched; `undefined` where it can't be found. */
export function contextOf(request: object): RouteContext | undefined {
  const context = (request as Record<symbol, RouteContext | undefined>)[contextSymbol];
  if (context !== undefined) return context;
  contextSymbol = symbolOf(request, 'fastify.context') ?? contextSymbol;
  return (request as Record<symbol, RouteContext | undefined>)[contextSymbol];
}
