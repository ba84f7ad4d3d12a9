import { Queue, UnrecoverableError, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { instrumentBullmq } from 'promenade/bullmq';
import { measureJobQueue } from 'promenade/job';
import { RequestError } from '../resource/errors.ts';

/** Where jobs wait until they are run. */
export interface JobQueue {
  add(name: string, id: number): Promise<void>;
  /** Waits for the jobs that run. */
  close(): Promise<void>;
}

const queueName = 'inventory';
const attempts = 3;
const concurrency = 2;
/** The job of a killed worker is retried after about this time, in milliseconds. */
const lockMs = 6_000;

/** Runs jobs in this process, one after the other. Those still waiting when it ends are lost. */
export function createLocalQueue(run: (id: number) => Promise<void>): JobQueue {
  const meter = measureJobQueue(queueName);
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

/** Creates a queue in Redis, whose jobs a worker process runs. */
export function createRedisQueue(url: string): JobQueue {
  const connection = new Redis(url, { maxRetriesPerRequest: 1 });
  connection.on('error', () => {});
  const queue = instrumentBullmq(
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

/** A worker's actions on a job, by the job's id. */
export interface JobActions {
  /** Runs a job. @throws the job's own error */
  readonly run: (id: number) => Promise<void>;
  /** Marks a job as failed that the queue has given up. */
  readonly giveUp: (id: number, reason: string) => Promise<void>;
}

/** Runs the jobs that wait in Redis. */
export function createRedisWorker(url: string, { run, giveUp }: JobActions): { close(): Promise<void> } {
  const connection = new Redis(url, { maxRetriesPerRequest: null });
  connection.on('error', () => {});
  const worker = instrumentBullmq(
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
  // BullMQ itself fails a job whose workers were killed too often.
  worker.on('failed', (job, error) => {
    if (job?.finishedOn === undefined) return;
    const gaveUp = giveUp(job.data.id, error.message);
    gaveUp.catch((failure: unknown) => console.error(`Job ${job.data.id} can't be marked as failed:`, failure));
  });
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
