import type { FastifyInstance, FastifyRequest } from 'fastify';
import { metricsUrl, resolveSettings } from 'promenade/http';
import { instrumentBullmq } from 'promenade/bullmq';
import { promenade } from 'promenade/fastify';
import { instrumentIoredis } from 'promenade/ioredis';
import { instrumentJob, type JobQueueMeter, measureJobQueue } from 'promenade/job';
import { instrumentKysely } from 'promenade/kysely';
import { instrumentLibsql } from 'promenade/libsql';
import { instrumentLruCache } from 'promenade/lru-cache';
import { instrumentMysql2 } from 'promenade/mysql2';
import { instrumentPg } from 'promenade/pg';
import { promenade as workerMetrics } from 'promenade/worker';
import { permissionsOf } from './auth/users.ts';

/**
 * Turns metrics on, unless METRICS_ENABLED says otherwise; all other settings of Promenade are read
 * from the environment as they are. Where METRICS_AUTHENTICATION asks for it, users who have the
 * permission may read the page, and so may the API's token.
 *
 * @throws MetricsError ERR_METRICS_INVALID_SETTING
 */
export async function registerMetrics(app: FastifyInstance, isToken: (token: string) => boolean): Promise<void> {
  await app.register(
    promenade<FastifyRequest>({
      enabled: isEnabled(),
      session: ({ user }) => user !== undefined && { allowed: permissionsOf(user).metrics },
      checkToken: isToken,
    }),
  );
}

/**
 * What a process needs in its environment: its role, by which its metrics tell it from other
 * processes.
 */
export function metricsEnvironment(env: NodeJS.ProcessEnv, role: string): Record<string, string> {
  return { METRICS_ROLE: env['METRICS_ROLE'] || role };
}

/** Where the page is, for people; undefined when metrics are off. */
export function metricsPage(origin: string, env: NodeJS.ProcessEnv): string | undefined {
  return metricsUrl(resolveSettings({ enabled: isEnabled() }, env), origin);
}

/** Measures a SQLite database. */
export function measureSqlite<C extends Parameters<typeof instrumentLibsql>[0]>(client: C): C {
  return instrumentLibsql(client);
}

/** Measures a pool of connections to MySQL. */
export function measureMysql<P extends Parameters<typeof instrumentMysql2>[0]>(pool: P): P {
  return instrumentMysql2(pool);
}

/** Measures a pool of connections to PostgreSQL. */
export function measurePostgres<P extends Parameters<typeof instrumentPg>[0]>(pool: P): P {
  return instrumentPg(pool);
}

/** Counts the rows that are written. */
export function measureModels<K extends Parameters<typeof instrumentKysely>[0]>(db: K): K {
  return instrumentKysely(db);
}

/** Measures a cache in this process. */
export function measureMemoryCache<C extends Parameters<typeof instrumentLruCache>[0]>(cache: C): C {
  return instrumentLruCache(cache);
}

/** Measures a cache in Redis. */
export function measureRedisCache<C extends Parameters<typeof instrumentIoredis>[0]>(client: C): C {
  return instrumentIoredis(client);
}

/** Measures a function as a background job. */
export function measureJob<F extends (...args: never[]) => unknown>(queue: string, name: string, run: F): F {
  return instrumentJob(name, run, { queue });
}

/** Measures a queue in this process. */
export function measureLocalQueue(queue: string): JobQueueMeter {
  return measureJobQueue(queue);
}

/** Measures a queue of BullMQ, or a worker. */
export function measureJobs<Q extends Parameters<typeof instrumentBullmq>[0]>(queueOrWorker: Q): Q {
  return instrumentBullmq(queueOrWorker);
}

/** Turns metrics on in a process without a port, whose numbers other processes show. */
export function startWorkerMetrics(): { close(): Promise<void> } {
  return workerMetrics({ enabled: isEnabled() });
}

/** Unless METRICS_ENABLED says otherwise. */
function isEnabled(): true | undefined {
  return process.env['METRICS_ENABLED'] ? undefined : true;
}
