import { expect, test, vi } from 'vitest';
import { instrumentJob, uninstrument } from '../../../src/adapters/job/job/job.ts';
import { Registry } from '../../../src/core/registry.ts';
import { jobKillContract, type KillSubject } from '../../contracts/job-kill.contract.ts';
import { type JobSubject, jobContract, type JobSubjectOptions, outcomes } from '../../contracts/job.contract.ts';
import { Numbers } from '../../support/http-numbers.ts';

async function subject({ registry, enabled, work }: JobSubjectOptions): Promise<JobSubject> {
  let answer: unknown;
  const pending: Promise<void>[] = [];
  const mail = instrumentJob('mail', work, { registry, enabled, queue: 'post' });
  return {
    send: async (_job, order) => {
      const run = mail(order).then(
        (result) => void (answer = result),
        (error: Error) => void (answer = error.message),
      );
      pending.push(run);
    },
    lastAnswer: async () => answer,
    again: () => void instrumentJob('mail', mail, { registry, enabled, queue: 'post' }),
    undo: () => uninstrument(mail),
    stop: async () => void (await Promise.all(pending)),
    close: async () => void (await Promise.all(pending)),
  };
}

jobContract('instrumentJob', subject, {
  queue: 'post',
  names: true,
  queued: false,
  bulk: false,
  retries: false,
  delays: false,
  ids: false,
  workers: false,
});

// Nobody knows of the run but the process that died.
const killed = async (): Promise<KillSubject> => ({
  settings: {},
  send: async (worker) => void worker.process.send('run'),
  close: async () => {},
});
const traits = { library: 'job', queue: 'cron', job: 'report' } as const;
jobKillContract('instrumentJob', killed, { ...traits, foundBy: 'successor', runsAgain: false });

test('the function stays what it was', async () => {
  const registry = new Registry();
  class Report {
    readonly title = 'today';
    of(day: number, ...rest: readonly number[]): string {
      return `${this.title} ${day} ${rest.length}`;
    }
  }
  const { of } = Report.prototype;
  const measured = instrumentJob('report', of, { registry });
  expect(measured.name).toBe('of');
  expect(measured.length).toBe(1);
  expect(measured.call(new Report(), 1, 2, 3)).toBe('today 1 2');
  const error = new RangeError('no');
  const failing = instrumentJob(
    'failing',
    () => {
      throw error;
    },
    { registry },
  );
  expect(failing).toThrow(error);
  const numbers = await Numbers.of(registry);
  expect(outcomes(numbers)).toEqual({ succeeded: 1, failed: 1 });
  expect(numbers.series('job_finished', { job_name: 'failing' })[0]!.labels).toEqual({
    queue: 'default',
    job_name: 'failing',
    outcome: 'failed',
  });
});

test('a rejection that nobody handles stays one', async () => {
  const registry = new Registry();
  const seen: unknown[] = [];
  const listeners = process.listeners('unhandledRejection');
  process.removeAllListeners('unhandledRejection');
  process.on('unhandledRejection', (error) => seen.push(error));
  try {
    const error = new Error('nobody cares');
    void instrumentJob('careless', () => Promise.reject(error), { registry })();
    await vi.waitFor(() => expect(seen).toEqual([error]));
  } finally {
    process.removeAllListeners('unhandledRejection');
    for (const listener of listeners) process.on('unhandledRejection', listener);
  }
});
