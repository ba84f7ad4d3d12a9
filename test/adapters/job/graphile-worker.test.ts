import { EventEmitter } from 'node:events';
import * as graphile from 'graphile-worker';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { instrumentGraphileWorker, uninstrument } from '../../../src/adapters/job/graphile-worker.ts';
import { Registry } from '../../../src/core/registry.ts';
import { jobKillContract } from '../../contracts/job-kill.contract.ts';
import { type JobSubject, jobContract, type JobSubjectOptions, type Order } from '../../contracts/job.contract.ts';
import { Numbers } from '../../support/http-numbers.ts';
import { runNewestJobs } from '../../support/job-newest.ts';
import { oldest } from '../../support/oldest.ts';
import { postgres } from '../../support/servers.ts';

/** Of all versions, as the newest that runs here describes it. */
type Graphile = typeof graphile;

const server = await postgres();
const database = server.missing ? undefined : await server.createDatabase();
afterAll(() => database?.drop());

let schemas = 0;
const logger = new graphile.Logger(() => () => {});

const versions: readonly (readonly [name: string, library: Graphile])[] = [
  ['Graphile Worker 0.16', await oldest<Graphile>('jobs', 'graphile-worker')],
  ['Graphile Worker 0.17', graphile],
];

function subject({ run, makeWorkerUtils }: Graphile) {
  return async ({ registry, enabled, work, concurrency }: JobSubjectOptions): Promise<JobSubject> => {
    const schema = `graphile${schemas++}`;
    const options = { registry, enabled, schema, queue: 'post' };
    const shared = { connectionString: database!.url, schema, logger };
    const utils = instrumentGraphileWorker(await makeWorkerUtils(shared), options);
    const events = instrumentGraphileWorker(new EventEmitter() as graphile.WorkerEvents, options);
    await utils.migrate();
    const task: graphile.Task = async (payload) => void (await work((payload as { order: Order }).order));
    const names = Array.from({ length: 1200 }, (_, i) => `mail to ${i}`);
    const taskList = Object.fromEntries(['mail', ...names].map((name) => [name, task]));
    const runner = await run({ ...shared, taskList, concurrency, events, noHandleSignals: true, pollInterval: 200 });
    let stopped = false;
    const stop = async (): Promise<void> => {
      if (!stopped) await runner.stop();
      stopped = true;
    };
    return {
      send: async (job, order, { attempts = 1, delayMs, id } = {}) => {
        await utils.addJob(
          job,
          { order },
          {
            maxAttempts: attempts,
            ...(delayMs !== undefined && { runAt: new Date(Date.now() + delayMs) }),
            ...(id !== undefined && { jobKey: id }),
          },
        );
      },
      again: () => {
        instrumentGraphileWorker(utils, options);
        instrumentGraphileWorker(events, options);
      },
      undo: () => {
        uninstrument(utils);
        uninstrument(events);
      },
      stop,
      close: async () => {
        await stop();
        await utils.release();
      },
    };
  };
}

describe.skipIf(server.missing)('with PostgreSQL', () => {
  for (const [name, library] of versions) {
    jobContract(name, subject(library), {
      queue: 'post',
      names: true,
      queued: true,
      bulk: false,
      retries: true,
      delays: true,
      ids: true,
      states: { waiting: 'waiting', active: 'active', delayed: 'delayed', failed: 'failed' },
      workers: true,
    });
  }

  test.each(['graphile-worker18'])('%s, on the Node that it needs', async () => {
    const { node, families } = await runNewestJobs('graphile-worker', database!.url);
    const post = ['graphile-worker', 'post'];
    expect(node).toMatch(/^v22\./);
    expect(families['job_enqueued']).toEqual([[...post, 4]]);
    expect(families['job_started']).toEqual([[...post, 5]]);
    expect(families['job_finished']).toEqual([
      [...post, 'cancelled', 1],
      [...post, 'failed', 1],
      [...post, 'retried', 1],
      [...post, 'stalled', 0],
      [...post, 'succeeded', 2],
    ]);
    expect(families['job_running']).toEqual([[...post, 0]]);
    expect(families['job_queue_size']!.map(([, state]) => state)).toEqual(['active', 'delayed', 'failed', 'waiting']);
  });

  const start = async () => {
    const utils = await graphile.makeWorkerUtils({ connectionString: database!.url, schema: 'killed', logger });
    await utils.migrate();
    return {
      settings: { url: database!.url, schema: 'killed' },
      send: async () => void (await utils.addJob('mail', {})),
      close: async () => utils.release(),
    };
  };
  // Graphile Worker keeps a dead worker's jobs locked for four hours.
  const traits = { library: 'graphile-worker', queue: 'graphile-worker', job: 'mail' } as const;
  jobKillContract('Graphile Worker', start, { ...traits, foundBy: 'successor', runsAgain: false });

  test('jobs that are added together, and ones that take the place of others', async () => {
    const registry = new Registry();
    const utils = await graphile.makeWorkerUtils({ connectionString: database!.url, schema: 'together', logger });
    try {
      await utils.migrate();
      instrumentGraphileWorker(utils, { registry, schema: 'together' });
      await utils.addJobs(['a', 'b', 'b'].map((identifier) => ({ identifier, payload: {} })));
      for (const jobKeyMode of ['replace', 'preserve_run_at', 'unsafe_dedupe'] as const) {
        await utils.addJob('c', {}, { jobKey: 'one', jobKeyMode });
      }
      const numbers = await vi.waitFor(async () => {
        const now = await Numbers.of(registry);
        expect(now.value('job_enqueued')).toBe(4);
        return now;
      });
      const count = (job: string): number => numbers.value('job_enqueued', { queue: 'graphile-worker', job_name: job });
      expect(['a', 'b', 'c'].map(count)).toEqual([1, 2, 1]);
      expect(numbers.value('job_queue_size', { state: 'waiting' })).toBe(4);
    } finally {
      await utils.release();
    }
  });

  test('of jobs that are added together by key, those that are new, under their own names', async () => {
    const registry = new Registry();
    const utils = await graphile.makeWorkerUtils({ connectionString: database!.url, schema: 'keys', logger });
    try {
      await utils.migrate();
      await utils.addJob('old', {}, { jobKey: 'k1' });
      await utils.addJob('locked', {}, { jobKey: 'k2' });
      await utils.withPgClient((client) =>
        client.query(`update keys._private_jobs set locked_at = now(), is_available = default where key = 'k2'`),
      );
      instrumentGraphileWorker(utils, { registry, schema: 'keys' });
      const spec = (identifier: string, jobKey?: string) => ({ identifier, payload: {}, ...(jobKey && { jobKey }) });
      await utils.addJobs([
        spec('plain'),
        spec('old', 'k1'),
        spec('first', 'k3'),
        spec('plain'),
        spec('locked', 'k2'),
        spec('second', 'k4'),
      ]);
      await utils.addJobs([spec('second', 'k4'), spec('third', 'k5')]);
      const numbers = await Numbers.of(registry);
      const counted = numbers.series('job_enqueued').map(({ labels, value }) => [labels['job_name'], value]);
      expect(Object.fromEntries(counted)).toEqual({ plain: 2, first: 1, locked: 1, second: 1, third: 1 });
    } finally {
      await utils.release();
    }
  });

  test('what is neither an emitter nor puts jobs into the queue is an error', () => {
    const wrong = { addJobs: () => {} } as unknown as graphile.WorkerUtils;
    expect(() => instrumentGraphileWorker(wrong)).toThrow(
      expect.objectContaining({ code: 'ERR_METRICS_INVALID_OPTION', message: expect.stringContaining('WorkerUtils') }),
    );
  });
});
