import type { ApplicationMetrics } from '../../../application.ts';
import type { Endpoint } from '../../../endpoint/endpoint.ts';
import { observeFastify } from './observe.ts';
import type { FastifyInstanceLike, FastifyReplyLike, FastifyRequestLike } from './types.ts';

/** A plugin as Fastify's `register` takes it. */
export type FastifyPromenadePlugin = (instance: FastifyInstanceLike) => Promise<void>;

/** How the page is served, beside the settings. */
export interface FastifyPageOptions {
  /**
   * Whether scrapes are in Fastify's request log. Without it their route logs at the level `warn`,
   * so errors and refusals that hooks log are still there.
   * @default false
   */
  readonly logScrapes?: boolean | undefined;
}

/** Methods that the page refuses. OPTIONS is left to the application, for CORS. */
const OTHER_METHODS = ['POST', 'PUT', 'PATCH', 'DELETE'];

/** Returns the plugin that serves the page, and observes the application it is registered in. */
export function fastifyPlugin<Request>(
  metrics: ApplicationMetrics<Request> | undefined,
  options: FastifyPageOptions = {},
): FastifyPromenadePlugin {
  const plugin: FastifyPromenadePlugin = async (instance) => {
    if (metrics === undefined) return;
    const stop = metrics.measuresHttp ? observeFastify(instance, pagesOf(metrics)) : undefined;
    await addPages(metrics, instance, options, stop);
  };
  return asPlugin(plugin);
}

/**
 * Observes an application at once, before plugins are loaded.
 * @returns The plugin that serves the page.
 */
export function observedFastifyPlugin<Request>(
  metrics: ApplicationMetrics<Request>,
  instance: FastifyInstanceLike,
): FastifyPromenadePlugin {
  const stop = metrics.measuresHttp ? observeFastify(instance, pagesOf(metrics)) : undefined;
  return asPlugin((scope) => addPages(metrics, scope, {}, stop));
}

function asPlugin(plugin: FastifyPromenadePlugin): FastifyPromenadePlugin {
  return Object.assign(plugin, {
    [Symbol.for('skip-override')]: true,
    [Symbol.for('fastify.display-name')]: 'promenade',
    [Symbol.for('plugin-meta')]: { name: 'promenade', fastify: '5.x' },
  });
}

/** The routes of the page, with and without a slash. */
function pagesOf({ endpoint: { publicPath } }: ApplicationMetrics<never>): ReadonlySet<string> {
  return new Set(publicPath === undefined ? [] : [publicPath, `${publicPath}/`]);
}

async function addPages<Request>(
  metrics: ApplicationMetrics<Request>,
  instance: FastifyInstanceLike,
  options: FastifyPageOptions,
  stop: (() => void) | undefined,
): Promise<void> {
  instance.addHook('onClose', async () => {
    stop?.();
    await metrics.close();
  });
  for (const url of pagesOf(metrics)) addPage(metrics.endpoint.serve, instance, url, options);
  await metrics.listen();
}

function addPage(
  serve: Endpoint<never>['serve'],
  instance: FastifyInstanceLike,
  url: string,
  { logScrapes = false }: FastifyPageOptions,
): void {
  const handler = (request: FastifyRequestLike, reply: FastifyReplyLike): void => {
    reply.hijack();
    serve(request.raw, reply.raw, request as never);
  };
  const log = logScrapes || !isChatty(instance.log?.level) ? {} : { logLevel: 'warn' as const };
  const route = { url, schema: { hide: true }, handler, ...log };
  try {
    instance.route({ method: ['GET', 'HEAD'], ...route });
    // Answered before Fastify reads a body, which it may know no parser for.
    instance.route({ method: OTHER_METHODS, ...route, onRequest: handler });
  } catch (error) {
    // With `ignoreTrailingSlash` the second path is the first.
    if ((error as { code?: unknown }).code !== 'FST_ERR_DUPLICATED_ROUTE' || !url.endsWith('/')) throw error;
  }
}

/** True for levels that have a line or two a request. */
function isChatty(level: unknown): boolean {
  return level === 'info' || level === 'debug' || level === 'trace';
}
