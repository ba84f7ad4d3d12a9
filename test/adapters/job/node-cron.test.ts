import * as cron from 'node-cron';
import { describe, expect, test, vi } from 'vitest';
import { instrumentNodeCron, uninstrument } from '../../../src/adapters/job/node-cron.ts';
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
type NodeCron = typeof cron;

const NEW_YEAR = '0 0 1 1 *';

function subject({ createTask }: NodeCron) {
  return async ({ registry, enabled, work }: JobSubjectOptions): Promise<JobSubject> => {
    const orders: Order[] = [];
    const runs: Promise<unknown>[] = [];
    let answer: unknown;
    const task = createTask(NEW_YEAR, () => work(orders.shift()!), { name: 'mail' });
    // 4.0 forgets the names of tasks that are created so.
    const options = { registry, enabled, ...(task.name === task.id && { job: 'mail' }) };
    instrumentNodeCron(task, options);
    const stop = async (): Promise<void> => void (await Promise.all(runs));
    return {
      send: async (_job, order) => {
        orders.push(order);
        const run = task.execute();
        runs.push(
          run.then(
            (result) => (answer = result),
            (error: Error) => (answer = error.message),
          ),
        );
      },
      lastAnswer: () => stop().then(() => answer),
      again: () => void instrumentNodeCron(task, options),
      undo: () => uninstrument(task),
      stop,
      close: async () => {
        await stop();
        await task.destroy();
      },
    };
  };
}

describe.each([
  ['node-cron 4.0', await oldest<NodeCron>('jobs', 'node-cron')],
  ['node-cron 4', cron],
])('%s', (name, library) => {
  jobContract(name, subject(library), {
    queue: 'node-cron',
    names: true,
    queued: false,
    bulk: false,
    retries: false,
    delays: false,
    ids: false,
    workers: false,
  });

  test('runs when the time has come; a task without a name is one of all that have none', async () => {
    const registry = new Registry();
    const task = instrumentNodeCron(
      library.schedule('* * * * * *', () => 'done'),
      { registry, queue: 'clock' },
    );
    try {
      const numbers = await vi.waitFor(async () => {
        const now = await Numbers.of(registry);
        expect(now.value('job_finished')).toBeGreaterThanOrEqual(1);
        return now;
      }, 10_000);
      expect(Object.keys(outcomes(numbers))).toEqual(['succeeded']);
      expect(numbers.series('job_started').map(({ labels }) => labels)).toEqual([
        { queue: 'clock', job_name: '<unnamed>' },
      ]);
    } finally {
      await task.destroy();
    }
  });
});
