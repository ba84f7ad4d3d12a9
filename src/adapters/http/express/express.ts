import type { IncomingMessage, ServerResponse } from 'node:http';
import { type ApplicationOptions, startApplicationMetrics } from '../../../application.ts';
import { expressMiddleware, type ExpressPromenade } from './middleware.ts';
import type { Next } from './types.ts';

export type { ExpressPromenade };

/**
 * Settings, what the application contributes, and how HTTP is measured. `session` gets Express's
 * request.
 */
export type ExpressPromenadeOptions<Request = IncomingMessage> = ApplicationOptions<Request>;

/**
 * Metrics for an Express 5 or 4 application: serves METRICS_PATH from where it is put, and measures
 * every request, whatever is registered before or after. Where METRICS_ENABLED is not true it does
 * nothing at all, and hands every request on.
 *
 * @throws MetricsError ERR_METRICS_INVALID_SETTING, with everything that is wrong with the settings
 *   and how to mend it.
 *
 * @example
 * const app = express(); app.use(promenade());
 */
export function promenade<Request = IncomingMessage>(options: ExpressPromenadeOptions<Request> = {}): ExpressPromenade {
  const metrics = startApplicationMetrics<Request>(options);
  return metrics === undefined ? Object.assign(handOn, { close: async () => {} }) : expressMiddleware(metrics);
}

function handOn(_request: IncomingMessage, _response: ServerResponse, next: Next): void {
  next();
}
