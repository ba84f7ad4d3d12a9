import diagnostics from 'node:diagnostics_channel';
import type { IncomingMessage } from 'node:http';
import { type Exchange, exchangeOf, routeUpgrade, UNMATCHED } from '../../../instrument/http/exchange.ts';
import { guarded, hookFailed } from '../../../instrument/hooks/guard.ts';
import { ConnectObserver } from './connect.ts';
import { OWN_HOOK, timeHooks } from './hooks.ts';
import {
  contextOf,
  type FastifyHook,
  type FastifyReplyLike,
  type FastifyRequestLike,
  kRoute,
  prependHook,
  type RouteContext,
  type RouteFacts,
  rootOf,
} from './types.ts';
import { countViews } from './views.ts';

/**
 * Observes a Fastify application before it is ready: the routes of its requests, their errors,
 * hooks, middlewares and templates. It adds no route and changes no setting.
 *
 * @param instance Any instance of the application.
 * @param scrapes Routes that are left out, the page's.
 * @returns What ends it; idempotent.
 */
export function observeFastify(instance: object, scrapes: ReadonlySet<string> = new Set()): () => void {
  const root = rootOf(instance);
  const observation = new Observation(scrapes, new ConnectObserver(root));
  const onRequest = named((request: FastifyRequestLike, reply: FastifyReplyLike, done: () => void): void => {
    try {
      observation.arrived(request, reply);
    } catch (error) {
      hookFailed(error);
    }
    done();
  });
  const onError = named((request: FastifyRequestLike, _reply: unknown, error: unknown, done: () => void): void => {
    exchangeOf(request.raw)?.threwOnce(error);
    done();
  });
  prependHook(root, 'onRequest', onRequest);
  prependHook(root, 'onError', onError);
  subscribe();
  let ended = false;
  return () => {
    if (ended) return;
    ended = true;
    unsubscribe();
    observation.close();
  };
}

/** What is done for the requests of an application. */
class Observation {
  readonly #scrapes: ReadonlySet<string>;
  readonly #connect: ConnectObserver;

  constructor(scrapes: ReadonlySet<string>, connect: ConnectObserver) {
    this.#scrapes = scrapes;
    this.#connect = connect;
  }

  /** Says which route a request is. */
  arrived(request: FastifyRequestLike, reply: FastifyReplyLike): void {
    const exchange = exchangeOf(request.raw);
    const context = contextOf(request);
    const facts = context?.[kRoute] ?? this.#firstRequest(context, request, reply);
    if (exchange === undefined) {
      if (facts.pattern !== undefined) routeUpgrade(request.raw, facts.pattern);
      return;
    }
    this.#noteScheme(exchange, request);
    if (facts.isScrape) exchange.exclude();
    if (facts.pattern !== undefined) exchange.settle(facts.pattern);
    // A middleware that is mounted at a path may answer, and then that is the route.
    else if (!this.#connect.uses) exchange.settle(UNMATCHED);
  }

  close(): void {
    this.#connect.close();
  }

  #noteScheme(exchange: Exchange, { protocol }: FastifyRequestLike): void {
    if (protocol === 'http' || protocol === 'https') exchange.cameBy(protocol);
  }

  /**
   * Does what has to be done once for a route. (`routeOptions` is an object of a dozen properties
   * that is made whenever it is asked for.)
   */
  #firstRequest(context: RouteContext | undefined, request: FastifyRequestLike, reply: FastifyReplyLike): RouteFacts {
    const pattern = request.routeOptions.url;
    const facts: RouteFacts = { pattern, isScrape: pattern !== undefined && this.#scrapes.has(pattern) };
    countViews(reply);
    if (context !== undefined) {
      context[kRoute] = facts;
      timeHooks(context, request.server ?? {}, pattern, this.#connect.untimed);
    }
    return facts;
  }
}

function named(hook: unknown): FastifyHook {
  return Object.defineProperty(hook as FastifyHook, 'name', { value: OWN_HOOK });
}

/** Fastify's channel around handlers, which tells their own time. */
const HANDLER_CHANNEL = 'tracing:fastify.request.handler';

interface HandlerMessage {
  readonly request: { readonly raw: IncomingMessage };
  readonly route: { readonly url?: string };
}

const onHandlerStart = guarded((message: unknown): void => {
  const { request, route } = message as HandlerMessage;
  const exchange = exchangeOf(request.raw);
  if (exchange === undefined) return;
  if (exchange.route === undefined && route.url !== undefined) exchange.routed(route.url);
  exchange.handlerStarted();
});

/** The handler's promise has settled. One that returns none has ended when the response has. */
const onHandlerSettled = guarded((message: unknown): void => {
  exchangeOf((message as HandlerMessage).request.raw)?.handlerEnded();
});

let subscribers = 0;

function subscribe(): void {
  if (subscribers++ > 0) return;
  diagnostics.subscribe(`${HANDLER_CHANNEL}:start`, onHandlerStart);
  diagnostics.subscribe(`${HANDLER_CHANNEL}:asyncStart`, onHandlerSettled);
}

function unsubscribe(): void {
  if (--subscribers > 0) return;
  diagnostics.unsubscribe(`${HANDLER_CHANNEL}:start`, onHandlerStart);
  diagnostics.unsubscribe(`${HANDLER_CHANNEL}:asyncStart`, onHandlerSettled);
}
