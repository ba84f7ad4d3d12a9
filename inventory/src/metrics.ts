import type { FastifyInstance, FastifyRequest } from 'fastify';
import { promenade } from 'promenade/fastify';
import { metricsUrl, resolveSettings } from 'promenade/http';
import { permissionsOf } from './auth/users.ts';

/**
 * Adds the metrics page to the application; METRICS_ENABLED=true turns it on. With
 * METRICS_AUTHENTICATION, users who have the permission may read it, and so may the API's token.
 *
 * @throws MetricsError ERR_METRICS_INVALID_SETTING
 */
export async function registerMetrics(app: FastifyInstance, isToken: (token: string) => boolean): Promise<void> {
  await app.register(
    promenade<FastifyRequest>({
      session: ({ session }) => session !== undefined && { allowed: permissionsOf(session.user).metrics },
      checkToken: isToken,
    }),
  );
}

/** Returns the address of the metrics page; undefined if metrics are off. */
export function metricsPage(origin: string, env: NodeJS.ProcessEnv): string | undefined {
  return metricsUrl(resolveSettings({}, env), origin);
}
