import { randomBytes } from 'node:crypto';
import BeeQueue from 'bee-queue';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { instrumentBeeQueue, uninstrument } from '../../../src/adapters/job/bee-queue.ts';
import { Registry } from '../../../src/core/registry.ts';
import { jobKillContract } from '../../contracts/job-kill.contract.ts';
import { type JobSubject, jobContract, type JobSubjectOptions, type Order } from '../../contracts/job.contract.ts';
import { Numbers } from '../../support/http-numbers.ts';
import { oldest } from '../../support/oldest.ts';
import { redis } from '../../support/servers.ts';

/** Of all versions, as the newest describes it. */
type Bee = typeof BeeQueue;

const { default: oldestBee } = await oldest<{ default: Bee }>('jobs', 'bee-queue');
const server = await redis();
const settings = { host: server.host, port: server.port };
const prefix = `promenade-${randomBytes(4).toString('hex')}`;
let queues = 0;

/** Where a queue's keys are. */
function own(): { readonly redis: object; readonly prefix: string } {
  return { redis: settings, prefix: `${prefix}-${queues++}` };
}

function subject(Queue: Bee) {
  return async ({ registry, enabled, work, concurrency }: JobSubjectOptions): Promise<JobSubject> => {
    const queue = new Queue<{ order: Order }>('post', { ...own(), activateDelayedJobs: true, delayedDebounce: 50 });
    instrumentBeeQueue(queue, { registry, enabled });
    queue.on('error', () => {});
    let answer: unknown;
    queue.on('succeeded', (_job, result: unknown) => (answer = result));
    queue.on('failed', (_job, error: Error) => (answer = error.message));
    await queue.ready();
    queue.process(concurrency, (job: { data: { order: Order } }) => work(job.data.order));
    const create = (order: Order) => queue.createJob({ order });
    return {
      send: async (_job, order, { attempts = 1, delayMs, id } = {}) => {
        const job = create(order).retries(attempts - 1);
        if (delayMs !== undefined) job.delayUntil(Date.now() + delayMs);
        if (id !== undefined) job.setId(id);
        await job.save();
      },
      sendBulk: async (jobs, order) => void (await queue.saveAll(jobs.map(() => create(order)))),
      lastAnswer: async () => answer,
      again: () => void instrumentBeeQueue(queue, { registry, enabled }),
      undo: () => uninstrument(queue),
      stop: () => queue.close(),
      close: async () => {
        if (queue.isRunning()) await queue.close();
        await clear(Queue, queue.settings.keyPrefix);
      },
    };
  };
}

async function clear(Queue: Bee, keyPrefix: string): Promise<void> {
  const queue = new Queue('post', {
    redis: settings,
    prefix: keyPrefix.slice(0, keyPrefix.indexOf(':')),
    isWorker: false,
  });
  await queue.ready();
  await queue.destroy();
  await queue.close();
}

describe.skipIf(server.missing)('with Redis', () => {
  for (const [name, library] of [
    ['bee-queue 1.5', oldestBee],
    ['bee-queue 2', BeeQueue],
  ] as const) {
    jobContract(name, subject(library), {
      queue: 'post',
      names: false,
      queued: true,
      bulk: true,
      retries: true,
      delays: true,
      ids: true,
      states: { waiting: 'waiting', active: 'active', delayed: 'delayed', failed: 'failed' },
      workers: true,
    });
  }

  const start = async () => {
    const options = { ...own(), stallInterval: 1000 };
    const queue = new BeeQueue('post', { ...options, isWorker: false });
    await queue.ready();
    return {
      settings: { queue: 'post', options },
      send: async () => void (await queue.createJob({}).save()),
      close: async () => {
        await queue.destroy();
        await queue.close();
      },
    };
  };
  const traits = { library: 'bee-queue', queue: 'post', job: 'post' } as const;
  jobKillContract('bee-queue', start, { ...traits, foundBy: 'living', runsAgain: true });

  test('queues of one name under two prefixes, or in two databases, are two', async () => {
    const registry = new Registry();
    const places = [own(), { redis: { ...settings, db: 9 } }, { redis: { ...settings, db: 10 } }];
    for (const [i, place] of places.entries()) {
      const queue = instrumentBeeQueue(new BeeQueue('twins', { ...place, isWorker: false }), { registry });
      onTestFinished(async () => {
        await queue.destroy();
        await queue.close();
      });
      for (let job = 0; job <= i; job++) await queue.createJob({}).save();
    }
    const numbers = await Numbers.of(registry);
    const sizes = numbers
      .series('job_queue_size', { state: 'waiting' })
      .map(({ labels, value }) => [labels['queue'], value]);
    expect(Object.fromEntries(sizes)).toEqual({ twins: 1, '9/twins': 2, '10/twins': 3 });
    const enqueued = numbers.series('job_enqueued').map(({ labels, value }) => [labels['queue'], value]);
    expect(Object.fromEntries(enqueued)).toEqual(Object.fromEntries(sizes));
  });

  test('a job that was created before it was undone counts no more', async () => {
    const registry = new Registry();
    const queue = instrumentBeeQueue(new BeeQueue('post', { ...own(), isWorker: false }), { registry });
    onTestFinished(async () => {
      await queue.destroy();
      await queue.close();
    });
    await queue.createJob({}).save();
    const job = queue.createJob({});
    uninstrument(queue);
    await job.save();
    await vi.waitFor(async () => expect((await queue.checkHealth()).waiting).toBe(2));
    expect((await Numbers.of(registry)).value('job_enqueued')).toBe(1);
  });
});
