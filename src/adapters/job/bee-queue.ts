import { attach, type InstrumentOptions } from '../../instrument/hooks/attach.ts';
import { guarded, hookFailed } from '../../instrument/hooks/guard.ts';
import {
  type JobOutcome,
  jobRecorder,
  type JobRecorder,
  type JobRun,
  outcomeOf,
} from '../../instrument/job/recorder.ts';
import { observeCall } from '../../instrument/hooks/observe.ts';
import { wrapMethod } from '../../instrument/hooks/wrap.ts';

export { uninstrument } from '../../instrument/hooks/attach.ts';
export type { InstrumentOptions } from '../../instrument/hooks/attach.ts';

/** What is used of a queue, 1.5 and later. */
export interface BeeQueue {
  readonly name: string;
  createJob(data: never): object;
  process(...args: never[]): unknown;
  checkHealth(): Promise<object>;
  on(...args: never[]): unknown;
  removeListener(...args: never[]): unknown;
  close(...args: never[]): unknown;
}

interface BeeJob {
  /** None where a job with this id was there already. */
  readonly id: string | null;
  readonly status: string;
  readonly options: { readonly timestamp: number; readonly delay?: number; readonly stacktraces?: readonly unknown[] };
  _save(...args: readonly unknown[]): Promise<unknown>;
}

type Method = (...args: unknown[]) => unknown;

const STATES: readonly string[] = ['waiting', 'active', 'delayed', 'succeeded', 'failed'];

/**
 * Measures a queue of bee-queue 1.5 and later: what is put into it, what runs, how large it is.
 *
 *     const queue = instrumentBeeQueue(new Queue('mail'));
 *
 * `uninstrument` undoes it.
 *
 * @returns what was handed over.
 */
export function instrumentBeeQueue<T extends BeeQueue>(queue: T, options: InstrumentOptions = {}): T {
  return attach(queue, 'bee-queue', options, ({ registry, namespace }) =>
    observeQueue(queue, jobRecorder(registry, namespace)),
  );
}

function observeQueue(queue: BeeQueue, recorder: JobRecorder): () => void {
  const { name } = queue;
  const open = new Set<JobRun>();
  let down: (() => void) | undefined;
  let on = true;
  const unwatch = recorder.watchQueue(name, async () => {
    const health = (await queue.checkHealth()) as Record<string, number>;
    return Object.fromEntries(STATES.map((state) => [state, health[state] ?? 0]));
  });

  const run = (runJob: Method): Method => {
    return function (this: unknown, ...args) {
      const job = args[0] as BeeJob;
      const current = begin(recorder, name, job);
      if (!current) return runJob.apply(this, args);
      open.add(current);
      return observeCall(
        () => runJob.apply(this, args),
        (outcome) => {
          open.delete(current);
          // Else the outcome did not reach Redis, and another worker finds that the job has
          // stalled.
          const known = !outcome.failed && outcome.result !== undefined;
          const ended = known && outcomes[job.status]?.((outcome.result as readonly unknown[])[1]);
          if (ended) current.end(ended);
          else current.leave();
        },
      );
    };
  };
  // A job is saved by its own method, alone or in a batch: what both have in common.
  const watchSave = (create: Method): Method => {
    return function (this: unknown, ...args) {
      const job = create.apply(this, args) as BeeJob;
      wrapMethod(job, '_save', (save: Method): Method => {
        return function (this: unknown, ...saveArgs) {
          return observeCall(
            () => save.apply(this, saveArgs),
            (outcome) => {
              if (on && !outcome.failed && job.id) recorder.enqueued(name, name);
            },
          );
        };
      });
      return job;
    };
  };
  const watchWorker = (process: Method): Method => {
    return function (this: unknown, ...args) {
      const result = process.apply(this, args);
      down ??= recorder.workerUp(name);
      return result;
    };
  };
  const watchClose = (close: Method): Method => {
    return function (this: unknown, ...args) {
      down?.();
      unwatch();
      return close.apply(this, args);
    };
  };
  // Only the worker that found it is told.
  const stalled = guarded(() => recorder.diedElsewhere(name, name));
  queue.on(...(['stalled', stalled] as never[]));
  if ((queue as { handler?: unknown }).handler) down = recorder.workerUp(name);
  const target = queue as object as Record<'createJob' | '_runJob' | 'process' | 'close', unknown>;
  const removers = [
    wrapMethod(target, 'createJob', watchSave),
    wrapMethod(target, '_runJob', run),
    wrapMethod(target, 'process', watchWorker),
    wrapMethod(target, 'close', watchClose),
    unwatch,
  ];
  return () => {
    on = false;
    for (const remove of removers) remove();
    queue.removeListener(...(['stalled', stalled] as never[]));
    for (const current of open) current.leave();
    down?.();
  };
}

function begin(recorder: JobRecorder, queue: string, { options }: BeeJob): JobRun | undefined {
  try {
    const first = (options.stacktraces?.length ?? 0) === 0;
    const since = Math.max(options.timestamp, options.delay ?? 0);
    return recorder.started(queue, queue, first ? (Date.now() - since) / 1000 : undefined);
  } catch (error) {
    hookFailed(error);
    return undefined;
  }
}

/** What bee-queue says of a run that is over, and of its error. */
const outcomes: Readonly<Record<string, (error: unknown) => JobOutcome>> = {
  succeeded: () => 'succeeded',
  failed: (error) => outcomeOf(error),
  retrying: () => 'retried',
};
