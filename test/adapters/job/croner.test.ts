import { Cron } from 'croner';
import { describe, expect, test, vi } from 'vitest';
import { instrumentCroner, uninstrument } from '../../../src/adapters/job/croner.ts';
import { Registry } from '../../../src/core/registry.ts';
import {
  type JobSubject,
  jobContract,
  type JobSubjectOptions,
  type Order,
  outcomes,
} from '../../contracts/job.contract.ts';
import { Numbers } from '../../support/http-numbers.ts';
import { oldest } from '../../support/oldest.ts';

/** Of all versions, as the newest describes it. */
type Croner = typeof Cron;

const NEW_YEAR = '0 0 1 1 *';
let names = 0;

function subject(Library: Croner) {
  return async ({ registry, enabled, work }: JobSubjectOptions): Promise<JobSubject> => {
    const orders: Order[] = [];
    const runs: Promise<unknown>[] = [];
    let answer: unknown;
    // Croner wants a name once only.
    const cron = new Library(NEW_YEAR, { name: `mail ${names++}` }, async () => void (await work(orders.shift()!)));
    const options = { registry, enabled, job: 'mail' };
    instrumentCroner(cron, options);
    const stop = async (): Promise<void> => void (await Promise.all(runs));
    return {
      send: async (_job, order) => {
        orders.push(order);
        answer = undefined;
        runs.push(
          cron.trigger().then(
            () => (answer ??= 'done'),
            (error: Error) => (answer = error.message),
          ),
        );
      },
      lastAnswer: () => stop().then(() => answer),
      again: () => void instrumentCroner(cron, options),
      undo: () => uninstrument(cron),
      stop,
      close: async () => {
        await stop();
        cron.stop();
      },
    };
  };
}

describe.each([
  ['croner 9.0', (await oldest<{ Cron: Croner }>('jobs', 'croner')).Cron],
  ['croner 11', Cron],
])('%s', (name, library) => {
  jobContract(name, subject(library), {
    queue: 'croner',
    names: true,
    queued: false,
    bulk: false,
    retries: false,
    delays: false,
    ids: false,
    workers: false,
  });

  test('runs when the time has come, with errors that croner catches', async () => {
    const registry = new Registry();
    const cron = new library('* * * * * *', { catch: true }, () => {
      throw new Error('no');
    });
    instrumentCroner(cron, { registry });
    try {
      const numbers = await vi.waitFor(async () => {
        const now = await Numbers.of(registry);
        expect(now.value('job_finished')).toBeGreaterThanOrEqual(1);
        return now;
      }, 10_000);
      expect(Object.keys(outcomes(numbers))).toEqual(['failed']);
      expect(numbers.series('job_started').map(({ labels }) => labels)).toEqual([
        { queue: 'croner', job_name: '<unnamed>' },
      ]);
    } finally {
      cron.stop();
    }
  });
});
