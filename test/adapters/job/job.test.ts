import { runInNewContext } from 'node:vm';
import { expect, test, vi } from 'vitest';
import { instrumentJob, uninstrument } from '../../../src/adapters/job/job/job.ts';
import { Registry } from '../../../src/core/registry.ts';
import { jobKillContract, type KillSubject } from '../../contracts/job-kill.contract.ts';
import { type JobSubject, jobContract, type JobSubjectOptions, outcomes } from '../../contracts/job.contract.ts';
import { collectGarbage } from '../../support/heap-used.ts';
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

/** Promises that are not Node's, each failing. */
const no = new RangeError('no');
class LibraryPromise<T> {
  readonly #promise: Promise<T>;
  constructor(executor: (resolve: (value: T) => void, reject: (error: unknown) => void) => void) {
    this.#promise = new Promise(executor);
  }
  static resolve<T>(value: T): LibraryPromise<T> {
    return new LibraryPromise((resolve) => resolve(value));
  }
  static reject<T>(reason: unknown): LibraryPromise<T> {
    return new LibraryPromise((_, reject) => reject(reason));
  }
  static all(): never {
    throw new Error('not used here');
  }
  // oxlint-disable-next-line unicorn/no-thenable
  then<R>(resolved?: (value: T) => R, rejected?: (error: unknown) => R): LibraryPromise<R> {
    return new LibraryPromise((resolve, reject) => {
      void this.#promise.then(resolved, rejected).then(resolve as never, reject);
    });
  }
}
// oxlint-disable-next-line unicorn/no-thenable
const lazy = (then: PromiseLike<string>['then']): PromiseLike<string> => ({ then });

test.each<[string, () => PromiseLike<string>, ((result: object) => void)?]>([
  [
    'of a library',
    () => LibraryPromise.reject<string>(no) as unknown as PromiseLike<string>,
    (result) => expect(result).toBeInstanceOf(LibraryPromise),
  ],
  [
    'of another realm',
    () => runInNewContext('Promise.reject(no)', { no }),
    (result) => expect(result).not.toBeInstanceOf(Promise),
  ],
  ['of a subclass', () => class extends Promise<string> {}.reject(no)],
  [
    'with more hung on it',
    () => Object.assign(Promise.reject(no), { pid: 7 }),
    (result) => expect(result).toHaveProperty('pid', 7),
  ],
  ['that is a thenable', () => lazy((_resolved, rejected) => Promise.reject(no).then(undefined, rejected))],
  ['that is frozen', () => Object.freeze(Promise.reject(no))],
])('a promise %s that rejects has failed, and reaches the caller as it was', async (_kind, work, look) => {
  const registry = new Registry();
  const result = instrumentJob('strange', work, { registry })();
  const [caller] = await Promise.allSettled([result]);
  expect(caller).toEqual({ status: 'rejected', reason: no });
  look?.(result);
  const numbers = await Numbers.of(registry);
  expect(outcomes(numbers)).toEqual({ failed: 1 });
  expect(numbers.value('job_running')).toBe(0);
  expect(numbers.series('job_last_success_timestamp_seconds')).toEqual([]);
});

test('a thenable that is lazy does its work once, when it is used, and is the same object', async () => {
  const registry = new Registry();
  let runs = 0;
  const query = lazy((resolved, rejected) => {
    runs++;
    return Promise.resolve('rows').then(resolved, rejected);
  });
  const result = instrumentJob('query', () => query, { registry })();
  expect(result).toBe(query);
  expect(runs).toBe(0);
  expect((await Numbers.of(registry)).value('job_running')).toBe(1);
  expect(await result).toBe('rows');
  expect(runs).toBe(1);
  expect(outcomes(await Numbers.of(registry))).toEqual({ succeeded: 1 });
});

test('a generator succeeds or fails while it is used, and is the same object', async () => {
  const registry = new Registry();
  const job = instrumentJob(
    'rows',
    function* (fails: boolean) {
      yield 1;
      if (fails) throw no;
      return 'end';
    },
    { registry },
  );
  const asyncJob = instrumentJob(
    'async rows',
    async function* (fails: boolean) {
      yield 1;
      if (fails) throw no;
    },
    { registry },
  );
  const rows = job(false);
  expect(Object.prototype.toString.call(rows)).toBe('[object Generator]');
  expect((await Numbers.of(registry)).value('job_running')).toBe(1);
  expect([...rows]).toEqual([1]);
  expect(() => [...job(true)]).toThrow(no);
  for (const _row of job(true)) break;
  const seen: number[] = [];
  for await (const row of asyncJob(false)) seen.push(row);
  await expect(async () => {
    for await (const row of asyncJob(true)) seen.push(row);
  }).rejects.toBe(no);
  expect(seen).toEqual([1, 1]);
  const numbers = await Numbers.of(registry);
  expect(outcomes(numbers)).toEqual({ succeeded: 3, failed: 2 });
  expect(numbers.value('job_running')).toBe(0);
});

test('what a job returned and nobody used ends as cancelled when it is gone', async () => {
  const registry = new Registry();
  instrumentJob('unused', function* () {}, { registry })();
  await vi.waitFor(async () => {
    collectGarbage();
    expect(outcomes(await Numbers.of(registry))).toEqual({ cancelled: 1 });
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
