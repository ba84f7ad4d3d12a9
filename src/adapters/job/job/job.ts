import { attach, type Install, type InstrumentOptions } from '../../../instrument/hooks/attach.ts';
import { attempt } from '../../../instrument/hooks/guard.ts';
import { observeWork } from '../../../instrument/job/observe-work.ts';
import { outcomeOf } from '../../../instrument/job/outcome.ts';
import { JobRecorder } from '../../../instrument/job/recorder.ts';

export { uninstrument } from '../../../instrument/hooks/attach.ts';
export type { InstrumentOptions } from '../../../instrument/hooks/attach.ts';
export type { JobOutcome } from '../../../instrument/job/outcome.ts';
export { type JobQueueMeter, measureJobQueue, type StartedRun } from './queue.ts';

/** Options for `instrumentJob`. */
export interface InstrumentJobOptions extends InstrumentOptions {
  /** The label `queue`. @default 'default' */
  readonly queue?: string | undefined;
}

/** By measured function: how to install its hooks. */
const installs: WeakMap<object, Install> = new WeakMap();

/**
 * Measures a function as a job: each call is a run. It is called as before, and returns, throws or
 * rejects as before.
 *
 *     const report = instrumentJob('report', async (day: Date) => { ... });
 *     await report(new Date());
 *
 * A run succeeds or fails as the call does, later where it returns a promise; an error named
 * `AbortError` is a run that was cancelled. A run that ends with its process is `stalled`, which is
 * found when a process takes that one's place in the metrics directory and instruments the job.
 * `uninstrument` takes the measuring off the function that is returned.
 *
 * @param name The label `job_name`: one of a few, no id.
 * @returns a function of the same type, name and length.
 */
export function instrumentJob<F extends (...args: never[]) => unknown>(
  name: string,
  fn: F,
  options: InstrumentJobOptions = {},
): F {
  const known = installs.get(fn);
  if (known) return attach(fn, 'job', options, known);
  const { queue = 'default' } = options;
  let recorder: JobRecorder | undefined;
  const job = function (this: unknown, ...args: never[]): unknown {
    const call = (): unknown => fn.apply(this, args);
    const run = attempt(() => recorder?.started(queue, name));
    if (!run) return call();
    return observeWork(call, (outcome) => run.end(outcome.failed ? outcomeOf(outcome.error) : 'succeeded'));
  };
  Object.defineProperties(job, Object.getOwnPropertyDescriptors(fn));
  const install: Install = (instrumentation) => {
    recorder = JobRecorder.of(instrumentation);
    recorder.endRunsOfThePast(queue, name);
    return () => {
      recorder = undefined;
    };
  };
  installs.set(job, install);
  return attach(job as unknown as F, 'job', options, install);
}
