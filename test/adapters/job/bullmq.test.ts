import { randomBytes } from 'node:crypto';
import * as bullmq from 'bullmq';
import * as bullmq5 from 'bullmq5';
import { Redis } from 'ioredis';
import { afterAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { instrumentBullmq, uninstrument } from '../../../src/adapters/job/bullmq/bullmq.ts';
import { Registry } from '../../../src/core/registry.ts';
import { observeSelf } from '../../../src/core/self-metrics.ts';
import { jobKillContract, type KillSubject } from '../../contracts/job-kill.contract.ts';
import { type JobSubject, jobContract, type JobSubjectOptions, outcomes } from '../../contracts/job.contract.ts';
import { Numbers } from '../../support/http-numbers.ts';
import { oldest, oldestUrl } from '../../support/oldest.ts';
import { redis } from '../../support/servers.ts';

/** Of all versions, as the newest describes it. */
type BullMQ = typeof bullmq;

const server = await redis();
const connection = { host: server.host, port: server.port };
/** Apart from what other files put into this Redis. */
const prefix = `promenade-${randomBytes(4).toString('hex')}`;
afterAll(async () => {
  if (server.missing) return;
  const client = new Redis(connection);
  const keys = await client.keys(`${prefix}-*`);
  if (keys.length > 0) await client.unlink(...keys);
  client.disconnect();
});
const PATIENCE = { timeout: 20_000, interval: 20 };

const versions: readonly (readonly [name: string, library: BullMQ, specifier: string])[] = [
  ['BullMQ 5.0', await oldest<BullMQ>('jobs', 'bullmq'), oldestUrl('jobs', 'bullmq')],
  ['BullMQ 5', bullmq5 as unknown as BullMQ, 'bullmq5'],
  ['BullMQ 6.0', await oldest<BullMQ>('jobs', 'bullmq6'), 'bullmq6'],
  ['BullMQ 6', bullmq, 'bullmq'],
];

let queues = 0;

function subject({ Queue, Worker }: BullMQ, name: string) {
  return async ({ registry, enabled, work, concurrency }: JobSubjectOptions): Promise<JobSubject> => {
    const ownPrefix = `${prefix}-${queues++}`;
    const options = { connection, prefix: ownPrefix };
    const queue = instrumentBullmq(new Queue(name, options), { registry, enabled });
    const worker = new Worker(name, (job) => work(job.data.order), { ...options, concurrency });
    instrumentBullmq(worker, { registry, enabled });
    worker.on('error', () => {});
    let answer: unknown;
    worker.on('completed', (_job, result) => (answer = result));
    worker.on('failed', (_job, error) => (answer = error.message));
    await Promise.all([queue.waitUntilReady(), worker.waitUntilReady()]);
    return {
      send: async (job, order, { attempts, delayMs, id } = {}) => {
        await queue.add(
          job,
          { order },
          {
            ...(attempts !== undefined && { attempts }),
            ...(delayMs !== undefined && { delay: delayMs }),
            ...(id !== undefined && { jobId: id }),
          },
        );
      },
      sendBulk: async (jobs, order) => {
        await queue.addBulk(jobs.map((job) => ({ name: job, data: { order } })));
      },
      lastAnswer: async () => answer,
      again: () => {
        instrumentBullmq(queue, { registry, enabled });
        instrumentBullmq(worker, { registry, enabled });
      },
      undo: () => {
        uninstrument(queue);
        uninstrument(worker);
      },
      stop: () => worker.close(),
      close: async () => {
        await worker.close();
        await queue.obliterate({ force: true });
        await queue.close();
      },
    };
  };
}

describe.skipIf(server.missing)('with Redis', () => {
  for (const [name, library, specifier] of versions) {
    jobContract(name, subject(library, 'post'), {
      queue: 'post',
      names: true,
      queued: true,
      bulk: true,
      retries: true,
      delays: true,
      ids: true,
      states: { waiting: 'waiting', active: 'active', delayed: 'delayed', failed: 'failed' },
      workers: true,
    });

    describe(`${name}: BullMQ's own`, () => {
      test('a job that puts itself off, or meets a limit, is to be run again', async () => {
        const app = await open(library);
        const { DelayedError } = library;
        let runs = 0;
        const worker = app.work(async (job, token) => {
          if (runs++ === 0) {
            await job.moveToDelayed(Date.now() + 10, token);
            throw new DelayedError();
          }
          if (runs === 2) {
            await worker.rateLimit(10);
            // It makes an error, and is no class.
            const { RateLimitError: limited } = library.Worker;
            throw limited();
          }
          return 'done';
        });
        await app.queue.add('mail', {});
        const numbers = await app.when((now) => now.value('job_finished') === 3);
        expect(outcomes(numbers)).toEqual({ retried: 2, succeeded: 1 });
        expect(numbers.value('job_started')).toBe(3);
        expect(numbers.value('job_running')).toBe(0);
      });

      test('a flow counts each of its jobs, in their queues', async () => {
        const app = await open(library);
        const producer = new library.FlowProducer(app.options);
        app.closers.push(() => producer.close());
        instrumentBullmq(producer, { registry: app.registry });
        const flow = {
          name: 'parent',
          queueName: 'post',
          children: [1, 2].map(() => ({ name: 'child', queueName: 'parts' })),
        };
        await producer.add(flow);
        await producer.addBulk([flow, flow]);
        const numbers = await app.numbers();
        expect(numbers.value('job_enqueued', { queue: 'post', job_name: 'parent' })).toBe(3);
        expect(numbers.value('job_enqueued', { queue: 'parts', job_name: 'child' })).toBe(6);
      });

      test('a worker that has lost its job leaves the outcome to the one that finds it', async () => {
        const app = await open(library);
        const short = { lockDuration: 200, stalledInterval: 200, lockRenewTime: 1e6 };
        let release: (() => void) | undefined;
        let runs = 0;
        app.work(() => {
          if (runs++ > 0) return Promise.resolve();
          return new Promise<void>((resolve) => {
            release = resolve;
          });
        }, short);
        await app.queue.add('mail', {});
        await app.when((now) => now.value('job_running') === 1);
        app.work(async () => 'done', { ...short, lockRenewTime: 100 });
        await app.when((now) => now.value('job_finished') === 2);
        release!();
        const numbers = await app.when((now) => now.value('job_running') === 0);
        expect(outcomes(numbers)).toEqual({ stalled: 1, succeeded: 1 });
        expect(numbers.value('job_started')).toBe(2);
      });

      test('a worker counts as one while it runs', async () => {
        const app = await open(library);
        const worker = app.work(async () => 'done', { autorun: false });
        const workers = async (): Promise<number> => (await app.numbers()).value('job_workers');
        expect((await app.numbers()).series('job_workers')).toEqual([]);
        void worker.run();
        expect(await workers()).toBe(1);
        await worker.pause();
        expect(await workers()).toBe(0);
        await worker.resume();
        await app.when((now) => now.value('job_workers') === 1);
        await worker.close();
        expect(await workers()).toBe(0);
      });

      test('the run of a job that is obliterated meanwhile ends', async () => {
        const app = await open(library);
        const gates: (() => void)[] = [];
        app.work(() => new Promise<void>((resolve) => gates.push(resolve)));
        await app.queue.add('mail', {});
        await app.when((now) => now.value('job_running') === 1);
        await app.queue.obliterate({ force: true });
        gates[0]!();
        const numbers = await app.when((now) => now.value('job_running') === 0);
        expect(outcomes(numbers)).toEqual({ cancelled: 1 });
        expect(numbers.value('job_started')).toBe(1);
      });

      test('queues of one name under two prefixes, or in two databases, are two', async () => {
        const app = await open(library);
        const other = { ...app.options, prefix: `${app.options.prefix}-other` };
        const third = { ...app.options, connection: { ...connection, db: 8 } };
        const { registry } = app;
        const producer = instrumentBullmq(new library.FlowProducer(other), { registry });
        app.closers.push(() => producer.close());
        for (const [i, options] of [other, third].entries()) {
          const queue = instrumentBullmq(new library.Queue('post', options), { registry });
          app.closers.push(
            () => queue.obliterate({ force: true }),
            () => queue.close(),
          );
          await queue.addBulk(Array.from({ length: i + 2 }, () => ({ name: 'mail', data: {} })));
        }
        await app.queue.add('mail', {});
        await producer.add({ name: 'mail', queueName: 'post' });
        const worker = instrumentBullmq(new library.Worker('post', async () => 'done', third), { registry });
        worker.on('error', () => {});
        app.closers.push(() => worker.close());
        const numbers = await app.when((now) => now.value('job_finished') === 3);
        const by = (family: string): object =>
          Object.fromEntries(numbers.series(family).map(({ labels, value }) => [labels['queue'], value]));
        const names = ['post', `${other.prefix}:post`, `${app.options.prefix}:post`];
        expect(by('job_enqueued')).toEqual({ [names[0]!]: 1, [names[1]!]: 3, [names[2]!]: 3 });
        expect(by('job_started')).toEqual({ [names[2]!]: 3 });
        const sizes = numbers.series('job_queue_size', { state: 'waiting' });
        expect(new Set(sizes.map(({ labels }) => labels['queue']))).toEqual(new Set(names));
      });

      test('what is neither queue, worker nor flow is an error', async () => {
        const app = await open(library);
        const events = new library.QueueEvents('post', { ...app.options, autorun: false });
        app.closers.push(() => events.close());
        const wrong = events as unknown as bullmq.Worker;
        expect(() => instrumentBullmq(wrong, { registry: app.registry })).toThrow(
          expect.objectContaining({
            code: 'ERR_METRICS_INVALID_OPTION',
            message: expect.stringContaining('a QueueEvents'),
          }),
        );
        expect(() => instrumentBullmq({} as bullmq.Worker)).toThrow('hand over a Queue, a Worker or a FlowProducer');
      });

      test('a listener of the application that throws hides nothing', async () => {
        const app = await open(library);
        const worker = app.work(async () => 'done');
        const throwing = (): never => {
          throw new Error('in a listener');
        };
        worker.on('active', throwing).on('completed', throwing);
        await app.queue.add('mail', {});
        const numbers = await app.when((now) => now.value('job_finished') >= 1);
        expect(outcomes(numbers)).toEqual({ succeeded: 1 });
        expect(numbers.value('job_running')).toBe(0);
      });
    });

    const startKill = async (more: object): Promise<KillSubject> => {
      const options = { connection, prefix: `${prefix}-${queues++}` };
      const queue = new library.Queue('post', options);
      const worker = { queue: 'post', ...options, lockDuration: 500, stalledInterval: 500, ...more };
      return {
        settings: { specifier, worker },
        send: async () => void (await queue.add('mail', {})),
        close: async () => {
          await queue.obliterate({ force: true });
          await queue.close();
        },
      };
    };
    // Those in between have what the newest have; processes take their time.
    if (name === 'BullMQ 5' || name === 'BullMQ 6.0') continue;
    const kill = { library: 'bullmq', queue: 'post', job: 'mail', foundBy: 'living' } as const;
    jobKillContract(name, () => startKill({}), { ...kill, runsAgain: true });
    jobKillContract(`${name}, where none may stall`, () => startKill({ maxStalledCount: 0 }), {
      ...kill,
      runsAgain: false,
      outcome: 'failed',
    });
  }

  describe.each([
    ['BullMQ 5', bullmq5 as unknown as BullMQ],
    ['BullMQ 6', bullmq],
  ])('%s', (_name, library) => {
    test('jobs that are deduplicated are enqueued once, and one that takes the place of another is another', async () => {
      const app = await open(library);
      for (let i = 0; i < 3; i++) await app.queue.add('mail', {}, { deduplication: { id: 'one' } });
      expect((await app.when((now) => now.value('job_enqueued') > 0)).value('job_enqueued')).toBe(1);
      const debounce = { delay: 100_000, deduplication: { id: 'two', ttl: 100_000, extend: true, replace: true } };
      for (let i = 0; i < 3; i++) await app.queue.add('mail', {}, debounce);
      expect((await app.when((now) => now.value('job_enqueued') >= 4)).value('job_enqueued')).toBe(4);
    });

    test('a job that is cancelled', async () => {
      const app = await open(library);
      const worker = app.work(
        (_job, _token, signal) =>
          new Promise((_, reject) => {
            signal!.addEventListener('abort', () => reject(new Error('enough')));
          }),
      );
      const job = await app.queue.add('mail', {});
      await app.when((now) => now.value('job_running') === 1);
      expect(worker.cancelJob(job.id!)).toBe(true);
      const numbers = await app.when((now) => now.value('job_finished') === 1);
      expect(outcomes(numbers)).toEqual({ cancelled: 1 });
    });

    test('iterations of a job scheduler', async () => {
      const app = await open(library);
      app.work(async () => 'done');
      await app.queue.upsertJobScheduler('clock', { every: 100, limit: 3 }, { name: 'tick' });
      const numbers = await app.when((now) => now.value('job_finished') === 3);
      expect(numbers.value('job_enqueued', { queue: 'post', job_name: 'tick' })).toBe(3);
    });
  });

  describe.each([
    ['BullMQ 5.0', versions[0]![1]],
    ['BullMQ 5', versions[1]![1]],
  ])('%s', (_name, library) => {
    test("a repeated job's iterations are enqueued once each", async () => {
      const app = await open(library);
      app.work(async () => 'done');
      const repeat = { repeat: { every: 100, limit: 3 } } as object;
      await app.queue.add('tick', {}, repeat);
      const numbers = await app.when((now) => now.value('job_finished') === 3);
      expect(numbers.value('job_enqueued', { queue: 'post', job_name: 'tick' })).toBe(3);
      expect(numbers.value('job_started')).toBe(3);
    });
  });

  test('a page comes while Redis is gone, and says that the queue did not answer', async () => {
    const registry = new Registry();
    observeSelf(registry);
    const nobody = new Redis(1, '127.0.0.1', { maxRetriesPerRequest: null });
    nobody.on('error', () => {});
    onTestFinished(() => nobody.disconnect());
    const queue = new bullmq.Queue('post', { connection: nobody, prefix, skipVersionCheck: true });
    queue.on('error', () => {});
    instrumentBullmq(queue, { registry });
    const numbers = await Numbers.of(registry);
    expect(numbers.series('job_queue_size')).toEqual([]);
    expect((await Numbers.of(registry)).value('metrics_collect_errors', { family: 'job_queue_size' })).toBe(1);
    uninstrument(queue);
  });
});

/** A queue of one's own. */
async function open(library: BullMQ): Promise<Opened> {
  const opened = new Opened(library);
  onTestFinished(() => opened.close());
  await opened.queue.waitUntilReady();
  return opened;
}

class Opened {
  readonly registry: Registry = new Registry();
  readonly options: { readonly connection: object; readonly prefix: string };
  readonly queue: bullmq.Queue;
  readonly closers: (() => Promise<void>)[] = [];
  readonly #library: BullMQ;

  constructor(library: BullMQ) {
    this.#library = library;
    this.options = { connection, prefix: `${prefix}-${queues++}` };
    this.queue = instrumentBullmq(new library.Queue('post', this.options), { registry: this.registry });
  }

  work(processor: bullmq.Processor, more: object = {}): bullmq.Worker {
    const worker = new this.#library.Worker('post', processor, { ...this.options, ...more });
    worker.on('error', () => {});
    this.closers.push(() => worker.close());
    return instrumentBullmq(worker, { registry: this.registry });
  }

  numbers(): Promise<Numbers> {
    return Numbers.of(this.registry);
  }

  async when(condition: (numbers: Numbers) => boolean): Promise<Numbers> {
    return vi.waitFor(async () => {
      const numbers = await this.numbers();
      expect(condition(numbers)).toBe(true);
      return numbers;
    }, PATIENCE);
  }

  async close(): Promise<void> {
    for (const close of this.closers) await close();
    await this.queue.obliterate({ force: true });
    await this.queue.close();
  }
}
