import diagnostics from 'node:diagnostics_channel';
import type { IncomingMessage } from 'node:http';
import type { ApplicationMetrics } from '../../../application.ts';
import type { Endpoint } from '../../../endpoint/endpoint.ts';
import { type Exchange, exchangeOf, UNMATCHED } from '../../../instrument/http/exchange.ts';
import { hookFailed } from '../../../instrument/hooks/guard.ts';
import { OWN_HOOK, timeHooks } from './hooks.ts';
import {
  contextOf,
  type FastifyHook,
  type FastifyInstanceLike,
  type FastifyReplyLike,
  type FastifyRequestLike,
  kRoute,
  prependHook,
  type RouteContext,
  type RouteFacts,
  rootOf,
} from './types.ts';
import { countViews } from './views.ts';

/** A plugin as Fastify's `register` takes it. */
export type FastifyPromenadePlugin = (instance: FastifyInstanceLike) => Promise<void>;

/** The plugin that serves the page, and observes the application that it is registered in. */
export function fastifyPlugin<Request>(metrics: ApplicationMetrics<Request> | undefined): FastifyPromenadePlugin {
  const plugin: FastifyPromenadePlugin = async (instance) => {
    if (metrics !== undefined) await install(metrics, instance);
  };
  return Object.assign(plugin, {
    [Symbol.for('skip-override')]: true,
    [Symbol.for('fastify.display-name')]: 'promenade',
    [Symbol.for('plugin-meta')]: { name: 'promenade', fastify: '5.x' },
  });
}

async function install<Request>(metrics: ApplicationMetrics<Request>, instance: FastifyInstanceLike): Promise<void> {
  const { endpoint, measuresHttp } = metrics;
  instance.addHook('onClose', async () => {
    if (measuresHttp) unsubscribe();
    await metrics.close();
  });
  const paths = endpoint.publicPath === undefined ? [] : [...new Set([endpoint.publicPath, `${endpoint.publicPath}/`])];
  if (measuresHttp) {
    subscribe();
    observe(rootOf(instance), new Set(paths));
  }
  for (const url of paths) addRoute(endpoint.serve, instance, url);
  await metrics.listen();
}

function addRoute(serve: Endpoint<never>['serve'], instance: FastifyInstanceLike, url: string): void {
  const handler = (request: FastifyRequestLike, reply: FastifyReplyLike): void => {
    reply.hijack();
    serve(request.raw, reply.raw, request as never);
  };
  try {
    instance.route({ method: ['GET', 'HEAD'], url, schema: { hide: true }, handler });
  } catch (error) {
    // With `ignoreTrailingSlash` the second path is the first.
    if ((error as { code?: unknown }).code !== 'FST_ERR_DUPLICATED_ROUTE' || !url.endsWith('/')) throw error;
  }
}

/** Says which route each request is, and counts errors and templates. */
function observe(root: object, scrapes: ReadonlySet<string>): void {
  const onRequest = named((request: FastifyRequestLike, reply: FastifyReplyLike, done: () => void): void => {
    try {
      const exchange = exchangeOf(request.raw);
      if (exchange !== undefined) arrived(exchange, request, reply, scrapes);
    } catch (error) {
      hookFailed(error);
    }
    done();
  });
  const onError = named((request: FastifyRequestLike, _reply: unknown, error: unknown, done: () => void): void => {
    exchangeOf(request.raw)?.threw(error);
    done();
  });
  prependHook(root, 'onRequest', onRequest);
  prependHook(root, 'onError', onError);
}

function arrived(
  exchange: Exchange,
  request: FastifyRequestLike,
  reply: FastifyReplyLike,
  scrapes: ReadonlySet<string>,
): void {
  const context = contextOf(request);
  const facts = context?.[kRoute] ?? firstRequest(context, request, reply, scrapes);
  if (facts.isScrape) exchange.exclude();
  exchange.settle(facts.pattern ?? UNMATCHED);
}

/**
 * What has to be done once for a route. (`routeOptions` is made anew, a dozen properties, whenever
 * it is asked for.)
 */
function firstRequest(
  context: RouteContext | undefined,
  request: FastifyRequestLike,
  reply: FastifyReplyLike,
  scrapes: ReadonlySet<string>,
): RouteFacts {
  const pattern = request.routeOptions.url;
  const facts: RouteFacts = { pattern, isScrape: pattern !== undefined && scrapes.has(pattern) };
  countViews(reply);
  if (context !== undefined) {
    context[kRoute] = facts;
    timeHooks(context);
  }
  return facts;
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

const subscriptions: readonly (readonly [string, (message: unknown) => void])[] = [
  [`${HANDLER_CHANNEL}:start`, guarded(onHandlerStart)],
  [`${HANDLER_CHANNEL}:asyncStart`, guarded(onHandlerSettled)],
];

let subscribers = 0;

function subscribe(): void {
  if (subscribers++ === 0) for (const [name, listener] of subscriptions) diagnostics.subscribe(name, listener);
}

function unsubscribe(): void {
  if (--subscribers === 0) for (const [name, listener] of subscriptions) diagnostics.unsubscribe(name, listener);
}

function onHandlerStart({ request, route }: HandlerMessage): void {
  const exchange = exchangeOf(request.raw);
  if (exchange === undefined) return;
  if (exchange.route === undefined && route.url !== undefined) exchange.routed(route.url);
  exchange.handlerStarted();
}

/** Its promise has settled. What returns none has ended when the response has. */
function onHandlerSettled({ request }: HandlerMessage): void {
  exchangeOf(request.raw)?.handlerEnded();
}

/** A subscriber that throws would be the application's uncaught exception. */
function guarded(listener: (message: HandlerMessage) => void): (message: unknown) => void {
  return (message) => {
    try {
      listener(message as HandlerMessage);
    } catch (error) {
      hookFailed(error);
    }
  };
}
