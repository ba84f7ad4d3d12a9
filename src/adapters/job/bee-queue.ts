import { attach, type InstrumentOptions } from '../../instrument/hooks/attach.ts';
import { Disposers } from '../../instrument/hooks/disposers.ts';
import { attempt } from '../../instrument/hooks/guard.ts';
import { listen } from '../../instrument/hooks/listen.ts';
import { observeCall } from '../../instrument/hooks/observe.ts';
import { after, before, wrapMethod } from '../../instrument/hooks/wrap.ts';
import type { JobRun } from '../../instrument/job/job-run.ts';
import { type JobOutcome, outcomeOf } from '../../instrument/job/outcome.ts';
import { redisPlace } from '../../instrument/job/redis-place.ts';
import { JobRecorder } from '../../instrument/job/recorder.ts';

export { uninstrument } from '../../instrument/hooks/attach.ts';
export type { InstrumentOptions } from '../../instrument/hooks/attach.ts';

/** The part of a queue that is used, 1.5 and later. */
export interface BeeQueue {
  readonly name: string;
  createJob(data: never): object;
  process(...args: never[]): unknown;
  checkHealth(): Promise<object>;
  on(...args: never[]): unknown;
  removeListener(...args: never[]): unknown;
  close(...args: never[]): unknown;
}

/** Options for `instrumentBeeQueue`. */
export interface InstrumentBeeQueueOptions extends InstrumentOptions {
  /**
   * The labels `queue` and `job_name`.
   *
   * @default the queue's name; with its prefix or database where another queue of that name is
   *   measured too
   */
  readonly queue?: string | undefined;
}

/** The settings of a queue. */
interface WithSettings {
  /** The prefix of its keys has the name in it, between colons. */
  readonly settings?: { readonly keyPrefix?: string; readonly redis?: unknown };
}

const DEFAULT_PREFIX = 'bq';

interface BeeJob {
  /** Null if a job with this id exists already. */
  readonly id: string | null;
  readonly status: string;
  readonly options: { readonly timestamp: number; readonly delay?: number; readonly stacktraces?: readonly unknown[] };
  _save(...args: readonly unknown[]): Promise<unknown>;
}

const STATES: readonly string[] = ['waiting', 'active', 'delayed', 'succeeded', 'failed'];

/**
 * Measures a queue of bee-queue 1.5 and later: jobs put into it, runs, and its size.
 *
 *     const queue = instrumentBeeQueue(new Queue('mail'));
 *
 * `uninstrument` undoes it.
 *
 * @returns the queue.
 */
export function instrumentBeeQueue<T extends BeeQueue>(queue: T, options: InstrumentBeeQueueOptions = {}): T {
  return attach(queue, 'bee-queue', options, (instrumentation) => {
    const recorder = JobRecorder.of(instrumentation);
    return observeQueue(queue, recorder, options.queue ?? labelOf(queue, recorder));
  });
}

function labelOf(queue: BeeQueue, recorder: JobRecorder): string {
  const { name, settings } = queue as BeeQueue & WithSettings;
  const prefix = settings?.keyPrefix?.slice(0, -name.length - 2) ?? DEFAULT_PREFIX;
  return recorder.queueName(name, redisPlace(prefix, DEFAULT_PREFIX, settings?.redis));
}

function observeQueue(queue: BeeQueue, recorder: JobRecorder, name: string): () => void {
  const open = new Set<JobRun>();
  let down: (() => void) | undefined;
  let on = true;
  const unwatch = recorder.watchQueue(name, async () => {
    const health = (await queue.checkHealth()) as Record<string, number>;
    return Object.fromEntries(STATES.map((state) => [state, health[state] ?? 0]));
  });

  const closed = (): void => {
    down?.();
    unwatch();
  };
  // A job saves itself by its own method, alone or in a batch.
  const created = (job: unknown): void => {
    wrapMethod(job as object, '_save', (save) => {
      return function (this: unknown, ...args) {
        return observeCall(
          () => Reflect.apply(save, this, args),
          (outcome) => {
            if (on && !outcome.failed && (job as BeeJob).id) recorder.enqueued(name, name);
          },
        );
      };
    });
  };
  const hooks = new Disposers();
  hooks.add(
    unwatch,
    before(queue, 'close', closed),
    after(queue, 'process', () => (down ??= recorder.workerUp(name))),
    after(queue, 'createJob', created),
    // Only the worker that found the stalled job gets the event.
    listen(queue, { stalled: () => recorder.diedElsewhere(name, name) }),
    wrapMethod(queue, '_runJob', (runJob) => {
      return function (this: unknown, ...args) {
        const job = args[0] as BeeJob;
        const current = attempt(() => begin(recorder, name, job));
        if (!current) return Reflect.apply(runJob, this, args);
        open.add(current);
        return observeCall(
          () => Reflect.apply(runJob, this, args),
          (outcome) => {
            open.delete(current);
            // Without a result, the outcome did not reach Redis, and another worker finds the job
            // stalled.
            const known = !outcome.failed && outcome.result !== undefined;
            const ended = known && outcomes[job.status]?.((outcome.result as readonly unknown[])[1]);
            if (ended) current.end(ended);
            else current.leave();
          },
        );
      };
    }),
  );
  if ((queue as { handler?: unknown }).handler) down = recorder.workerUp(name);
  return () => {
    on = false;
    hooks.dispose();
    for (const current of open) current.leave();
    down?.();
  };
}

function begin(recorder: JobRecorder, queue: string, { options }: BeeJob): JobRun {
  const first = (options.stacktraces?.length ?? 0) === 0;
  const since = Math.max(options.timestamp, options.delay ?? 0);
  return recorder.started(queue, queue, first ? (Date.now() - since) / 1000 : undefined);
}

/** Outcomes by the status that a job has after its run. */
const outcomes: Readonly<Record<string, (error: unknown) => JobOutcome>> = {
  succeeded: () => 'succeeded',
  failed: (error) => outcomeOf(error),
  retrying: () => 'retried',
};
