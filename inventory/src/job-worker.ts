import { createRedisWorker } from './jobs/queue.ts';
import { promenade } from 'promenade/worker';
import { openServices } from './services.ts';
import { SettingError, type Settings } from './settings.ts';
import type { Serving } from './supervisor.ts';

/**
 * Runs one process without a port that takes jobs from Redis, until a signal stops it.
 *
 * @throws Error without Redis.
 */
export async function runJobWorker(settings: Settings): Promise<void> {
  const { redis } = settings;
  if (redis === undefined)
    throw new SettingError('REDIS_URL', 'must say where the jobs wait; without it web processes run them');
  const metrics = promenade({ role: 'worker' });
  const services = await openServices(settings);
  const worker = createRedisWorker(redis, {
    run: (id) => services.jobs.run(id, services),
    giveUp: (id, reason) => services.jobs.giveUp(id, reason),
  });
  let stopping = false;

  const stop = async (): Promise<void> => {
    if (stopping) return;
    stopping = true;
    await worker.close();
    await services.close();
    await metrics.close();
    // The IPC channel to the primary would keep the process alive.
    process.exit(0);
  };
  process.on('SIGTERM', () => void stop());
  process.on('SIGINT', () => void stop());
  if (process.send) process.send({ servingAt: 0 } satisfies Serving);
  else console.log('Waiting for jobs.');
}
