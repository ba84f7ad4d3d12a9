import type { FastifyInstance, FastifyRequest } from 'fastify';
import { promenade } from 'promenade/fastify';
import { originOf } from './settings.ts';

/**
 * Turns metrics on, unless METRICS_ENABLED says otherwise; all other settings of Promenade are read from the environment as
 * they are. Where METRICS_AUTHENTICATION asks for it, whoever is logged in may read the page, and so may the API's token.
 *
 * @throws MetricsError ERR_METRICS_INVALID_SETTING
 */
export async function registerMetrics(app: FastifyInstance, isToken: (token: string) => boolean): Promise<void> {
  await app.register(
    promenade<FastifyRequest>({
      enabled: process.env['METRICS_ENABLED'] ? undefined : true,
      session: (request) => request.user !== undefined,
      checkToken: isToken,
    }),
  );
}

/** What web processes need in their environment: their role, by which their metrics tell them from other processes. */
export function metricsEnvironment(env: NodeJS.ProcessEnv): Record<string, string> {
  return { METRICS_ROLE: env['METRICS_ROLE'] || 'web' };
}

/** Where the page is, for people; undefined when metrics are off. */
export function metricsPage(origin: string, env: NodeJS.ProcessEnv): string | undefined {
  if (/^(false|0|no|off)$/i.test(env['METRICS_ENABLED'] ?? '')) return undefined;
  const port = env['METRICS_PORT'];
  const path = env['METRICS_PATH'] || '/metrics';
  return (port ? originOf(env['METRICS_HOST'] || '127.0.0.1', port) : origin) + path;
}
