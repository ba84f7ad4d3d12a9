import type { IncomingMessage, Server } from 'node:http';
import { type ApplicationMetrics, type ApplicationOptions, startApplicationMetrics } from '../../../application.ts';
import { expressMiddleware } from '../express/middleware.ts';
import { addFallback } from '../express/places.ts';
import { observedFastifyPlugin } from '../fastify/plugin.ts';
import type { FastifyInstanceLike } from '../fastify/types.ts';
import { hookFailed } from '../../../instrument/hooks/guard.ts';
import { wrapMethod } from '../../../instrument/hooks/wrap.ts';
import { observeExceptions } from './exceptions.ts';
import { nameMiddlewares } from './middlewares.ts';

/**
 * The part of Nest's HTTP adapter that is used: what stands between Nest and Express or Fastify.
 */
export interface NestHttpAdapterLike {
  getType(): string;
  // An application of Express or of Fastify, by what `getType` says; Nest's own type for it is `any`, and `unknown` would not take it.
  // oxlint-disable-next-line typescript/no-explicit-any
  getInstance(): any;
}

/** The part of a Nest application that is used. */
export interface NestApplicationLike {
  getHttpAdapter(): NestHttpAdapterLike;
  // The platform's server, which Nest leaves open.
  // oxlint-disable-next-line typescript/no-explicit-any
  getHttpServer(): any;
}

/**
 * Settings, what the application contributes, and how HTTP is measured. `session` gets the
 * platform's request.
 */
export type NestPromenadeOptions<Request = IncomingMessage> = ApplicationOptions<Request>;

/** The metrics of a Nest application. */
export interface NestPromenade {
  /**
   * Stops measuring and closes the listener on METRICS_PORT, as `app.close()` does too. Idempotent.
   */
  close(): Promise<void>;
}

/**
 * Metrics for a Nest application on Express or Fastify: serves METRICS_PATH, outside of the global
 * prefix and before guards, and measures every request. To be called before the application
 * listens. Where METRICS_ENABLED is not true it does nothing at all.
 *
 * @throws MetricsError ERR_METRICS_INVALID_SETTING, with everything that is wrong with the settings
 *   and how to mend it.
 *
 * @example
 * const app = await NestFactory.create(AppModule); promenade(app); await app.listen(3000);
 */
export function promenade<Request = IncomingMessage>(
  app: NestApplicationLike,
  options: NestPromenadeOptions<Request> = {},
): NestPromenade {
  const metrics = startApplicationMetrics<Request>(options);
  if (metrics === undefined) return { close: async () => {} };
  const adapter = app.getHttpAdapter();
  const undo = metrics.measuresHttp ? observe(app, adapter) : [];
  const stop = adapter.getType() === 'fastify' ? onFastify(metrics, adapter) : onExpress(metrics, app, adapter);
  return {
    close: async () => {
      for (const each of undo.splice(0)) each();
      await stop();
    },
  };
}

/** Fastify's own `close` takes it down. */
function onFastify<Request>(metrics: ApplicationMetrics<Request>, adapter: NestHttpAdapterLike): () => Promise<void> {
  const instance = adapter.getInstance() as FastifyInstanceLike & { register(plugin: unknown): unknown };
  instance.register(observedFastifyPlugin(metrics, instance));
  return () => metrics.close();
}

function onExpress<Request>(
  metrics: ApplicationMetrics<Request>,
  app: NestApplicationLike,
  adapter: NestHttpAdapterLike,
): () => Promise<void> {
  const middleware = expressMiddleware(metrics);
  (adapter.getInstance() as { use(middleware: unknown): unknown }).use(middleware);
  (app.getHttpServer() as Server).once('close', () => void middleware.close());
  return () => middleware.close();
}

/** Learns what Nest tells nobody about. @returns what undoes it */
function observe(app: NestApplicationLike, adapter: NestHttpAdapterLike): (() => void)[] {
  try {
    return [observeExceptions(app), observeFallback(adapter), nameMiddlewares(app, adapter)];
  } catch (error) {
    hookFailed(error);
    return [];
  }
}

/** Under a global prefix Nest answers 404 with a route of its own, which takes every path. */
function observeFallback(adapter: NestHttpAdapterLike): () => void {
  type SetNotFoundHandler = (this: unknown, handler: object, ...rest: never[]) => unknown;
  return wrapMethod(
    adapter as { setNotFoundHandler?: unknown },
    'setNotFoundHandler',
    (set: SetNotFoundHandler): SetNotFoundHandler =>
      function (this, handler, ...rest) {
        addFallback(handler);
        return set.call(this, handler, ...rest);
      },
  );
}
