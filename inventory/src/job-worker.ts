import { createRedisWorker } from './jobs/queue.ts';
import { startWorkerMetrics } from './metrics.ts';
import { openServices } from './services.ts';
import type { Settings } from './settings.ts';
import type { Serving } from './supervisor.ts';

/** Runs one process that has no port and works off the jobs that wait in Redis, until it is told to stop. */
export async function runJobWorker(settings: Settings & { readonly redis: string }): Promise<void> {
  const metrics = startWorkerMetrics();
  const services = await openServices(settings);
  const worker = createRedisWorker(settings.redis, (id) => services.jobs.run(id, services));
  let stopping = false;

  const stop = async (): Promise<void> => {
    if (stopping) return;
    stopping = true;
    await worker.close();
    await services.close();
    await metrics.close();
    process.exit(0);
  };
  process.on('SIGTERM', () => void stop());
  process.on('SIGINT', () => void stop());
  process.send?.({ servingAt: 0 } satisfies Serving);
}
