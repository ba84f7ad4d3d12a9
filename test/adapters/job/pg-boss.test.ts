import { randomUUID } from 'node:crypto';
import PgBoss from 'pg-boss';
import { afterAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { instrumentPgBoss, uninstrument } from '../../../src/adapters/job/pg-boss/pg-boss.ts';
import { Registry } from '../../../src/core/registry.ts';
import { jobKillContract } from '../../contracts/job-kill.contract.ts';
import {
  type JobSubject,
  jobContract,
  type JobSubjectOptions,
  type Order,
  outcomes,
} from '../../contracts/job.contract.ts';
import { Numbers } from '../../support/http-numbers.ts';
import { runNewestJobs } from '../../support/job-newest.ts';
import { oldest, oldestUrl } from '../../support/oldest.ts';
import { postgres } from '../../support/servers.ts';

const server = await postgres();
const database = server.missing ? undefined : await server.createDatabase();
afterAll(() => database?.drop());

const PATIENCE = { timeout: 20_000, interval: 50 };
const QUICK = { pollingIntervalSeconds: 0.5 } as const;

let schemas = 0;

/** Of all versions, as the newest that runs here describes it. */
function subject(Boss: typeof PgBoss) {
  return async ({ registry, enabled, work, concurrency }: JobSubjectOptions): Promise<JobSubject> => {
    const boss = new Boss({ connectionString: database!.url, schema: `boss${schemas++}`, max: 4 });
    instrumentPgBoss(boss, { registry, enabled });
    boss.on('error', () => {});
    await boss.start();
    await boss.createQueue('post', { name: 'post', policy: 'standard' });
    for (let i = 0; i < concurrency; i++) {
      await boss.work<{ order: Order }>('post', QUICK, ([job]) => work(job!.data.order));
    }
    const ids = new Map<string, string>();
    let latest = '';
    return {
      send: async (_job, order, { attempts = 1, delayMs, id } = {}) => {
        const options: PgBoss.SendOptions = { retryLimit: attempts - 1, retryDelay: 0 };
        if (delayMs !== undefined) options.startAfter = delayMs / 1000;
        if (id !== undefined) {
          if (!ids.has(id)) ids.set(id, randomUUID());
          options.id = ids.get(id)!;
        }
        latest = (await boss.send('post', { order }, options)) ?? latest;
      },
      sendBulk: async (jobs, order) => {
        await boss.insert(jobs.map(() => ({ name: 'post', data: { order } })));
      },
      lastAnswer: () =>
        vi.waitFor(async () => {
          const { output } = (await boss.getJobById('post', latest))! as {
            output: { value?: unknown; message?: string };
          };
          return output.value ?? output.message;
        }, PATIENCE),
      again: () => void instrumentPgBoss(boss, { registry, enabled }),
      undo: () => uninstrument(boss),
      stop: async () => boss.offWork('post'),
      close: () => boss.stop({ wait: true, timeout: 1000 }),
    };
  };
}

const versions: readonly (readonly [name: string, library: typeof PgBoss, specifier: string])[] = [
  ['pg-boss 10.0', (await oldest<{ default: typeof PgBoss }>('jobs', 'pg-boss')).default, oldestUrl('jobs', 'pg-boss')],
  ['pg-boss 10', PgBoss, 'pg-boss'],
];

describe.skipIf(server.missing)('with PostgreSQL', () => {
  for (const [name, library, specifier] of versions) {
    jobContract(name, subject(library), {
      queue: 'post',
      names: false,
      queued: true,
      bulk: true,
      retries: true,
      delays: true,
      ids: true,
      states: { waiting: 'created', active: 'active', failed: 'failed' },
      workers: true,
    });

    if (name === 'pg-boss 10.0') continue;
    const start = async () => {
      const boss = new library(database!.url);
      boss.on('error', () => {});
      await boss.start();
      await boss.createQueue('killed', { name: 'killed', policy: 'standard' });
      return {
        settings: { specifier, url: database!.url, queue: 'killed' },
        send: async () => void (await boss.send('killed', {}, { retryLimit: 3, retryDelay: 0, expireInSeconds: 5 })),
        close: () => boss.stop({ wait: true, timeout: 1000 }),
      };
    };
    const traits = {
      library: 'pg-boss',
      queue: 'killed',
      job: 'killed',
      foundBy: 'successor',
      runsAgain: true,
    } as const;
    jobKillContract(name, start, traits);
  }

  test.each(['pg-boss12'])('%s, on the Node that it needs', async () => {
    const { node, seen, families } = await runNewestJobs('pg-boss', database!.url);
    expect(node).toMatch(/^v22\./);
    expect(families['job_enqueued']).toEqual([
      ['each', 'each', 3],
      ['post', 'post', 4],
    ]);
    expect(families['job_started']).toEqual([
      ['each', 'each', 3],
      ['post', 'post', 5],
    ]);
    expect(families['job_finished']).toEqual([
      ['each', 'each', 'failed', 2],
      ['each', 'each', 'stalled', 0],
      ['each', 'each', 'succeeded', 1],
      ['post', 'post', 'cancelled', 1],
      ['post', 'post', 'failed', 1],
      ['post', 'post', 'retried', 1],
      ['post', 'post', 'stalled', 0],
      ['post', 'post', 'succeeded', 2],
    ]);
    expect(families['job_workers']).toEqual([
      ['each', 0],
      ['post', 1],
    ]);
    const states = families['job_queue_size']!.filter(([queue]) => queue === 'post').map(([, state]) => state);
    expect(states).toEqual(['active', 'deferred', 'failed', 'ready']);
    expect(seen).toEqual(Array.from({ length: 5 }, () => [false, true]).flat());
  });

  describe("pg-boss's own", () => {
    test('a batch fails as a whole, one that takes too long too, and one that is cancelled is', async () => {
      const { boss, when } = await open();
      const seen: unknown[] = [];
      await boss.work<{ order: string }>('post', { ...QUICK, batchSize: 10 }, async (jobs) => {
        seen.push(...jobs.map((job) => Object.keys(job).sort()));
        const [{ id, data }] = jobs as [PgBoss.Job<{ order: string }>];
        if (data.order === 'hang') await new Promise(() => {});
        if (data.order === 'cancel') await boss.cancel('post', id);
        if (data.order === 'fail') throw new Error('no');
      });
      await boss.insert([1, 2, 3].map(() => ({ name: 'post', data: { order: 'fail' }, retryLimit: 0 })));
      const batch = await when((now) => now.value('job_finished') === 3);
      expect(outcomes(batch)).toEqual({ failed: 3 });
      // Handlers are given what they asked for, and no more.
      expect(seen).toEqual([1, 2, 3].map(() => ['data', 'expireInSeconds', 'id', 'name']));
      await boss.send('post', { order: 'cancel' });
      expect(outcomes(await when((now) => now.value('job_finished') === 4))).toEqual({ failed: 3, cancelled: 1 });
      await boss.send('post', { order: 'hang' }, { retryLimit: 1, retryDelay: 100, expireInSeconds: 1 });
      const all = await when((now) => now.value('job_finished') === 5);
      expect(outcomes(all)).toEqual({ failed: 3, cancelled: 1, retried: 1 });
      expect(all.value('job_running')).toBe(0);
      expect(all.value('job_enqueued')).toBe(5);
    });

    test('queues of one name in two schemas are two', async () => {
      const registry = new Registry();
      const bosses = await Promise.all([open(registry), open(registry)]);
      for (const [i, { boss }] of bosses.entries()) {
        for (let job = 0; job <= i; job++) await boss.send('post', {});
      }
      const numbers = await bosses[0].when((now) => now.value('job_queue_size', { state: 'created' }) === 3);
      const sizes = numbers
        .series('job_queue_size', { state: 'created' })
        .map(({ labels, value }) => [labels['queue'], value]);
      const enqueued = numbers.series('job_enqueued').map(({ labels, value }) => [labels['queue'], value]);
      expect(enqueued).toEqual([
        [expect.stringMatching(/^boss\d+\.post$/), 2],
        ['post', 1],
      ]);
      expect(sizes).toEqual(enqueued);
    });

    test('handlers that ask for metadata have them', async () => {
      const { boss, when } = await open();
      const seen: unknown[] = [];
      await boss.work('post', { ...QUICK, includeMetadata: true }, async ([job]) => {
        seen.push(job!.retryLimit, job!.createdOn);
      });
      await boss.sendAfter('post', {}, { retryLimit: 7 }, new Date());
      await when((now) => now.value('job_finished') === 1);
      expect(seen).toEqual([7, expect.any(Date)]);
    });
  });
});

async function open(
  registry: Registry = new Registry(),
): Promise<{ boss: PgBoss; when: (condition: (now: Numbers) => boolean) => Promise<Numbers> }> {
  const boss = instrumentPgBoss(new PgBoss({ connectionString: database!.url, schema: `boss${schemas++}` }), {
    registry,
  });
  boss.on('error', () => {});
  await boss.start();
  onTestFinished(() => boss.stop({ graceful: false }));
  await boss.createQueue('post', { name: 'post', policy: 'standard' });
  const when = (condition: (now: Numbers) => boolean): Promise<Numbers> =>
    vi.waitFor(async () => {
      const now = await Numbers.of(registry);
      expect(condition(now)).toBe(true);
      return now;
    }, PATIENCE);
  return { boss, when };
}
