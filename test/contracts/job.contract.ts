import { afterEach, describe, expect, test, vi } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import { Registry } from '../../src/core/registry.ts';
import { Numbers } from '../support/http-numbers.ts';

/** What a job is told to do. */
export type Order = 'succeed' | 'fail' | 'fail once' | 'hold' | 'abort';

/**
 * What the jobs of a test do. The subject's workers call it for each run, and hand its result or
 * error over to the library.
 */
export type Work = (order: Order) => Promise<string>;

export interface JobSubjectOptions {
  readonly registry: Registry;
  readonly enabled?: boolean;
  readonly work: Work;
  /** How many runs at once. */
  readonly concurrency: number;
}

/** How a job is put into its queue. */
export interface SendOptions {
  /** How often it is run at most. */
  readonly attempts?: number;
  /** Not before so long. */
  readonly delayMs?: number;
  /** Only one with this id is in the queue. */
  readonly id?: string;
}

/** A library with a queue of its own and a worker on it, both instrumented. */
export interface JobSubject {
  /** Puts a job into the queue, or starts it where there is none. */
  send(job: string, order: Order, options?: SendOptions): Promise<void>;
  sendBulk?(jobs: readonly string[], order: Order): Promise<void>;
  /**
   * What the library says that the latest run returned or threw: a result, or an error's message.
   */
  lastAnswer?(): Promise<unknown>;
  /** Cancels the run that is under way. */
  cancel?(): Promise<void>;
  /** Instruments all of it again. */
  again(): void;
  undo(): void;
  /** Stops working; runs that are under way end first. */
  stop(): Promise<void>;
  /** Throws everything away. */
  close(): Promise<void>;
}

/** How libraries differ. */
export interface JobTraits {
  /** The label `queue` of its jobs. */
  readonly queue: string;
  /** Whether a queue has jobs of several names; else the label `job_name` is the queue's name. */
  readonly names: boolean;
  /**
   * Whether jobs wait in a queue; else they run when their time has come, and nothing is enqueued.
   */
  readonly queued: boolean;
  readonly bulk: boolean;
  /** Whether it tells since when a job has been ready to run. @default as `queued` */
  readonly waits?: boolean;
  readonly retries: boolean;
  readonly delays: boolean;
  readonly ids: boolean;
  /** What it calls the states of a queue whose size it tells. */
  readonly states?: {
    readonly waiting: string;
    readonly active?: string;
    readonly delayed?: string;
    readonly failed?: string;
  };
  readonly workers: boolean;
}

/** For numbers that come a moment after the job. */
const PATIENCE = { timeout: 20_000, interval: 20 };

/** A test that does not apply to a library is none of its tests. */
const testIf = (applies: boolean): typeof test | (() => void) => (applies ? test : () => {});

/** What every adapter for background jobs has to do, against the real library and its server. */
export function jobContract(
  name: string,
  start: (options: JobSubjectOptions) => Promise<JobSubject>,
  traits: JobTraits,
): void {
  const running: App[] = [];
  const mail = traits.names ? 'mail' : traits.queue;
  const labels = { queue: traits.queue, job_name: mail };

  async function begin(options: { readonly enabled?: boolean; readonly concurrency?: number } = {}): Promise<App> {
    const app = await App.start(start, options);
    running.push(app);
    return app;
  }

  afterEach(async () => {
    for (const app of running.splice(0)) await app.close();
  });

  describe(`${name}: jobs`, () => {
    test('a run that succeeds', async () => {
      const app = await begin();
      const before = Date.now() / 1000;
      await app.subject.send('mail', 'succeed');
      const numbers = await app.finished(1);
      expect(numbers.series('job_started').map((series) => series.labels)).toEqual([labels]);
      expect(numbers.value('job_started', labels)).toBe(1);
      expect(outcomes(numbers)).toEqual({ succeeded: 1 });
      expect(numbers.count('job_duration_seconds', { ...labels, outcome: 'succeeded' })).toBe(1);
      expect(numbers.value('job_running', labels)).toBe(0);
      expect(numbers.value('job_last_success_timestamp_seconds', labels)).toBeGreaterThanOrEqual(before);
      expect(numbers.value('job_last_success_timestamp_seconds', labels)).toBeLessThanOrEqual(Date.now() / 1000);
      expect(numbers.value('job_enqueued')).toBe(traits.queued ? 1 : 0);
      expect(numbers.value('job_enqueued', labels)).toBe(traits.queued ? 1 : 0);
      if (app.subject.lastAnswer) expect(await app.subject.lastAnswer()).toBe('done');
    });

    test('a run that fails for good', async () => {
      const app = await begin();
      await app.subject.send('mail', 'fail', { attempts: 1 });
      const numbers = await app.finished(1);
      expect(outcomes(numbers)).toEqual({ failed: 1 });
      expect(numbers.count('job_duration_seconds', { ...labels, outcome: 'failed' })).toBe(1);
      expect(numbers.value('job_running')).toBe(0);
      expect(numbers.series('job_last_success_timestamp_seconds')).toEqual([]);
      if (app.subject.lastAnswer) expect(await app.subject.lastAnswer()).toBe('failed on purpose');
    });

    testIf(traits.retries)('a run that fails and is retried, and then succeeds', async () => {
      const app = await begin();
      await app.subject.send('mail', 'fail once', { attempts: 3 });
      const numbers = await app.finished(2);
      expect(outcomes(numbers)).toEqual({ retried: 1, succeeded: 1 });
      expect(numbers.value('job_started')).toBe(2);
      expect(numbers.value('job_enqueued')).toBe(1);
      expect(numbers.value('job_running')).toBe(0);
    });

    testIf(traits.retries)('one that fails until nobody retries it', async () => {
      const app = await begin();
      await app.subject.send('mail', 'fail', { attempts: 2 });
      const numbers = await app.finished(2);
      expect(outcomes(numbers)).toEqual({ retried: 1, failed: 1 });
      expect(numbers.value('job_started')).toBe(2);
    });

    test('one that was stopped on purpose', async () => {
      const app = await begin();
      await app.subject.send('mail', 'abort', { attempts: 1 });
      const numbers = await app.finished(1);
      expect(outcomes(numbers)).toEqual({ cancelled: 1 });
      expect(numbers.value('job_running')).toBe(0);
    });

    test('runs at once', async () => {
      const app = await begin({ concurrency: 3 });
      for (let i = 0; i < 3; i++) await app.subject.send('mail', 'hold');
      const busy = await app.when((numbers) => numbers.value('job_running') === 3);
      expect(busy.value('job_started')).toBe(3);
      // Alerts need a 0 before the first failure.
      const atFirst = busy.series('job_finished').map((series) => [series.labels, series.value]);
      expect(atFirst).toHaveLength(3);
      for (const outcome of ['succeeded', 'failed', 'stalled'])
        expect(atFirst).toContainEqual([{ ...labels, outcome }, 0]);
      app.release();
      const numbers = await app.finished(3);
      expect(numbers.value('job_running')).toBe(0);
      expect(outcomes(numbers)).toEqual({ succeeded: 3 });
    });

    testIf(traits.waits ?? traits.queued)('the time that jobs wait for a worker', async () => {
      const app = await begin();
      await app.subject.send('mail', 'hold');
      await app.when((numbers) => numbers.value('job_running') === 1);
      await app.subject.send('mail', 'succeed');
      const sent = performance.now();
      await new Promise((resolve) => setTimeout(resolve, 300));
      const waited = (performance.now() - sent) / 1000;
      app.release();
      const numbers = await app.finished(2);
      expect(numbers.count('job_wait_seconds', labels)).toBe(2);
      // Servers round to milliseconds.
      expect(numbers.sum('job_wait_seconds', labels)).toBeGreaterThan(waited - 0.01);
    });

    testIf(traits.delays && (traits.waits ?? true))('a delay is no waiting', async () => {
      const app = await begin();
      const sent = performance.now();
      await app.subject.send('mail', 'succeed', { delayMs: 1000 });
      const numbers = await app.finished(1);
      const passed = (performance.now() - sent) / 1000;
      expect(numbers.count('job_wait_seconds', labels)).toBe(1);
      expect(numbers.sum('job_wait_seconds', labels)).toBeLessThan(passed - 0.9);
    });

    testIf(traits.ids)('a job that is there already is not enqueued again', async () => {
      const app = await begin();
      await app.subject.send('mail', 'hold');
      await app.when((numbers) => numbers.value('job_running') === 1);
      await app.subject.send('mail', 'succeed', { id: 'one' });
      await app.subject.send('mail', 'succeed', { id: 'one' });
      await Promise.all([1, 2, 3].map(() => app.subject.send('mail', 'succeed', { id: 'two' })));
      app.release();
      const numbers = await app.finished(3);
      expect(numbers.value('job_enqueued')).toBe(3);
      expect(numbers.value('job_started')).toBe(3);
    });

    testIf(traits.bulk)('many jobs sent at once, under many names', async () => {
      const app = await begin({ concurrency: 10 });
      const names = Array.from({ length: 1200 }, (_, i) => (traits.names ? `mail to ${i}` : 'mail'));
      await app.subject.sendBulk!(names, 'succeed');
      const numbers = await app.numbers();
      expect(numbers.value('job_enqueued')).toBe(1200);
      expect(numbers.series('job_enqueued').length).toBeLessThanOrEqual(1001);
      if (traits.names) {
        expect(numbers.value('job_enqueued', { queue: traits.queue, job_name: '<overflow>' })).toBe(200);
      }
      await app.subject.stop();
    });

    testIf(traits.states !== undefined)('how many jobs are in the queue, by state', async () => {
      const states = traits.states!;
      const app = await begin();
      if (states.failed) {
        await app.subject.send('mail', 'fail', { attempts: 1 });
        await app.finished(1);
      }
      await app.subject.send('mail', 'hold');
      await app.when((numbers) => numbers.value('job_running') === 1);
      await app.subject.send('mail', 'succeed');
      await app.subject.send('mail', 'succeed');
      if (states.delayed) await app.subject.send('mail', 'succeed', { delayMs: 100_000 });
      const size = (numbers: Numbers, state: string): number =>
        numbers.value('job_queue_size', { queue: traits.queue, state });
      const numbers = await app.when((now) => size(now, states.waiting) === 2);
      if (states.active) expect(size(numbers, states.active)).toBe(1);
      if (states.delayed) expect(size(numbers, states.delayed)).toBe(1);
      if (states.failed) expect(size(numbers, states.failed)).toBe(1);
      app.release();
      const later = await app.when(
        (now) => size(now, states.waiting) === 0 && (!states.active || size(now, states.active) === 0),
      );
      if (states.delayed) expect(size(later, states.delayed)).toBe(1);
      app.subject.undo();
      expect((await app.numbers()).series('job_queue_size')).toEqual([]);
    });

    testIf(traits.workers)('workers, until they stop', async () => {
      const app = await begin();
      expect((await app.numbers()).value('job_workers', { queue: traits.queue })).toBe(1);
      await app.subject.stop();
      await app.when((numbers) => numbers.value('job_workers', { queue: traits.queue }) === 0);
    });

    test('instrumented twice, it counts once', async () => {
      const app = await begin();
      app.subject.again();
      await app.subject.send('mail', 'succeed');
      const numbers = await app.finished(1);
      expect(numbers.value('job_started')).toBe(1);
      expect(numbers.value('job_enqueued')).toBe(traits.queued ? 1 : 0);
      expect(outcomes(numbers)).toEqual({ succeeded: 1 });
      if (traits.workers) expect(numbers.value('job_workers')).toBe(1);
    });

    test('undone, it counts nothing more, and leaves nothing running', async () => {
      const app = await begin();
      await app.subject.send('mail', 'succeed');
      await app.finished(1);
      await app.subject.send('mail', 'hold');
      await app.when((numbers) => numbers.value('job_running') === 1);
      app.subject.undo();
      app.release();
      await app.when((numbers) => numbers.value('job_running') === 0);
      await app.subject.send('mail', 'succeed');
      await vi.waitFor(() => expect(app.runs).toBe(3), PATIENCE);
      const numbers = await app.numbers();
      expect(numbers.value('job_started')).toBe(2);
      expect(numbers.value('job_enqueued')).toBe(traits.queued ? 2 : 0);
      if (traits.workers) expect(numbers.value('job_workers')).toBe(0);
    });

    test('where metrics are off, there is nothing', async () => {
      const app = await begin({ enabled: false });
      await app.subject.send('mail', 'succeed');
      await vi.waitFor(() => expect(app.runs).toBe(1), PATIENCE);
      expect([...app.registry.metrics()]).toEqual([]);
    });
  });
}

/** How often each outcome was counted. Outcomes that show as 0 are left out. */
export function outcomes(numbers: Numbers): Record<string, number> {
  const counted: Record<string, number> = {};
  for (const { labels, value } of numbers.series('job_finished')) {
    if (value === 0) continue;
    counted[labels['outcome']!] = (counted[labels['outcome']!] ?? 0) + value;
  }
  return counted;
}

/** A subject, its registry, and the gate that holds its jobs. */
class App {
  readonly registry: Registry;
  /** Runs that have ended, as the jobs themselves know it. */
  runs = 0;
  subject!: JobSubject;
  #skippedMs = 0;
  #failedOnce = false;
  #open!: () => void;
  readonly #gate: Promise<void> = new Promise((resolve) => {
    this.#open = resolve;
  });

  static async start(
    start: (options: JobSubjectOptions) => Promise<JobSubject>,
    { enabled = true, concurrency = 1 }: { readonly enabled?: boolean; readonly concurrency?: number },
  ): Promise<App> {
    const app = new App();
    const work: Work = (order) => app.#work(order);
    app.subject = await start({ registry: app.registry, enabled, work, concurrency });
    return app;
  }

  private constructor() {
    const sharedMs = (): number => systemClock.sharedMs() + this.#skippedMs;
    this.registry = new Registry({ clock: { now: Date.now, sharedMs } });
  }

  /** The numbers of now: queues that rest are asked again. */
  numbers(): Promise<Numbers> {
    this.#skippedMs += 5000;
    return Numbers.of(this.registry);
  }

  async when(condition: (numbers: Numbers) => boolean): Promise<Numbers> {
    return vi.waitFor(async () => {
      const numbers = await this.numbers();
      expect(condition(numbers)).toBe(true);
      return numbers;
    }, PATIENCE);
  }

  /** The numbers once so many runs have ended, and no other is under way. */
  async finished(count: number): Promise<Numbers> {
    return vi.waitFor(async () => {
      const numbers = await this.numbers();
      expect(numbers.value('job_finished')).toBe(count);
      return numbers;
    }, PATIENCE);
  }

  release(): void {
    this.#open();
  }

  async close(): Promise<void> {
    this.release();
    await this.subject.close();
    this.registry.close();
  }

  async #work(order: Order): Promise<string> {
    try {
      return await this.#obey(order);
    } finally {
      this.runs++;
    }
  }

  async #obey(order: Order): Promise<string> {
    if (order === 'hold') await this.#gate;
    if (order === 'abort') throw new DOMException('stopped on purpose', 'AbortError');
    const fails = order === 'fail' || (order === 'fail once' && !this.#failedOnce);
    this.#failedOnce = true;
    if (fails) throw new TypeError('failed on purpose');
    return 'done';
  }
}
