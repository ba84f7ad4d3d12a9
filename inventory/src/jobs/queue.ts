import { Queue, UnrecoverableError, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { measureJobs, measureLocalQueue } from '../metrics.ts';
import { RequestError } from '../resource/errors.ts';

/** Where jobs wait for somebody to run them. */
export interface JobQueue {
  add(name: string, id: number): Promise<void>;
  /** Jobs that run are waited for. */
  close(): Promise<void>;
}

type RunJob = (id: number) => Promise<void>;

const queueName = 'inventory';
const attempts = 3;
const concurrency = 2;
/**
 * A worker that was killed is noticed, and its job run again, after about this time, in
 * milliseconds.
 */
const lockMs = 6_000;

/** Jobs run in this very process, one after the other. Those that wait when it ends are lost. */
export function createLocalQueue(run: RunJob): JobQueue {
  const meter = measureLocalQueue(queueName);
  const noWorker = meter.worker();
  let last: Promise<unknown> = Promise.resolve();

  async function work(name: string, id: number, since: number): Promise<void> {
    const measured = meter.started(name, (performance.now() - since) / 1_000);
    try {
      await run(id);
      measured.end('succeeded');
    } catch (error) {
      measured.end('failed');
      tell(name, id, error);
    }
  }

  return {
    async add(name, id) {
      const since = performance.now();
      meter.enqueued(name);
      last = last.then(() => work(name, id, since));
    },
    async close() {
      await last;
      noWorker();
    },
  };
}

/** Jobs wait in Redis, and a worker process runs them. */
export function createRedisQueue(url: string): JobQueue {
  const connection = new Redis(url, { maxRetriesPerRequest: 1 });
  connection.on('error', () => {});
  const queue = measureJobs(
    new Queue(queueName, {
      connection,
      defaultJobOptions: { attempts, backoff: { type: 'exponential', delay: 1_000 }, removeOnComplete: 1_000 },
    }),
  );
  queue.on('error', () => {});
  return {
    async add(name, id) {
      await queue.add(name, { id }).catch((error: unknown) => {
        throw new RequestError(503, `The job queue can't be reached: ${(error as Error).message}`);
      });
    },
    async close() {
      await queue.close();
      connection.disconnect();
    },
  };
}

/** Runs the jobs that wait in Redis. */
export function createRedisWorker(url: string, run: RunJob): { close(): Promise<void> } {
  const connection = new Redis(url, { maxRetriesPerRequest: null });
  connection.on('error', () => {});
  const worker = measureJobs(
    new Worker<{ id: number }>(
      queueName,
      async ({ name, data }) => {
        try {
          await run(data.id);
        } catch (error) {
          if (error instanceof RequestError) throw new UnrecoverableError(error.message);
          tell(name, data.id, error);
          throw error;
        }
      },
      { connection, concurrency, lockDuration: lockMs, stalledInterval: lockMs },
    ),
  );
  worker.on('error', () => {});
  return {
    async close() {
      await worker.close();
      connection.disconnect();
    },
  };
}

function tell(name: string, id: number, error: unknown): void {
  console.error(`Job ${id} (${name}) failed: ${(error as Error).message}`);
}
