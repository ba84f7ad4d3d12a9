import { type ApplicationOptions, startApplicationMetrics } from '../../../application.ts';
import { type FastifyPageOptions, fastifyPlugin, type FastifyPromenadePlugin } from './plugin.ts';
import type { FastifyInstanceLike, FastifyReplyLike, FastifyRequestLike } from './types.ts';

export type { FastifyInstanceLike, FastifyPromenadePlugin, FastifyReplyLike, FastifyRequestLike };

/**
 * Settings, what the application contributes, and how HTTP is measured. `session` gets Fastify's
 * request.
 */
export interface FastifyPromenadeOptions<Request = FastifyRequestLike>
  extends ApplicationOptions<Request>, FastifyPageOptions {}

/**
 * Metrics for a Fastify 5 application: serves METRICS_PATH and measures every request, whatever is
 * registered before or after. Where METRICS_ENABLED is not true it does nothing at all.
 *
 * @throws MetricsError ERR_METRICS_INVALID_SETTING, with everything that is wrong with the settings
 *   and how to mend it.
 *
 * @example
 * const app = Fastify(); app.register(promenade());
 */
export function promenade<Request = FastifyRequestLike>({
  logScrapes,
  ...options
}: FastifyPromenadeOptions<Request> = {}): FastifyPromenadePlugin {
  return fastifyPlugin(startApplicationMetrics<Request>(options), { logScrapes });
}
