import { attach, type InstrumentOptions } from '../../instrument/hooks/attach.ts';
import { attempt } from '../../instrument/hooks/guard.ts';
import type { Method } from '../../instrument/hooks/method.ts';
import { wrapMethod } from '../../instrument/hooks/wrap.ts';
import { observeWork } from '../../instrument/job/observe-work.ts';
import { outcomeOf } from '../../instrument/job/outcome.ts';
import { JobRecorder } from '../../instrument/job/recorder.ts';

export { uninstrument } from '../../instrument/hooks/attach.ts';
export type { InstrumentOptions } from '../../instrument/hooks/attach.ts';

/** The part of a `Cron` that is used, 9.0 and later. */
export interface CronerJob {
  readonly name?: string | undefined;
  trigger(): Promise<void>;
}

/** Options for `instrumentCroner`. */
export interface InstrumentCronerOptions extends InstrumentOptions {
  /** The label `job_name`. @default the job's name; `<unnamed>` where it has none */
  readonly job?: string | undefined;
  /** The label `queue`. @default 'croner' */
  readonly queue?: string | undefined;
}

/**
 * Measures the runs of a job of croner. Croner has no events, so the function that the job keeps is
 * wrapped.
 *
 *     const job = instrumentCroner(new Cron('0 4 * * *', { name: 'clean-up' }, cleanUp));
 *
 * `uninstrument` undoes it.
 *
 * @returns the target.
 */
export function instrumentCroner<T extends CronerJob>(cron: T, options: InstrumentCronerOptions = {}): T {
  const { job = cron.name ?? '<unnamed>', queue = 'croner' } = options;
  return attach(cron, 'croner', options, (instrumentation) => {
    const recorder = JobRecorder.of(instrumentation);
    recorder.endRunsOfThePast(queue, job);
    return wrapMethod(cron, 'fn', (fn: Method) => {
      return function (this: unknown, ...args) {
        const run = attempt(() => recorder.started(queue, job));
        return observeWork(
          () => Reflect.apply(fn, this, args),
          (outcome) => run?.end(outcome.failed ? outcomeOf(outcome.error) : 'succeeded'),
        );
      };
    });
  });
}
