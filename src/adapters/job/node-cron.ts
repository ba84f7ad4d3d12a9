import { attach, type InstrumentOptions } from '../../instrument/hooks/attach.ts';
import { listen } from '../../instrument/hooks/listen.ts';
import type { JobRun } from '../../instrument/job/job-run.ts';
import { type JobOutcome, outcomeOf } from '../../instrument/job/outcome.ts';
import { JobRecorder } from '../../instrument/job/recorder.ts';

export { uninstrument } from '../../instrument/hooks/attach.ts';
export type { InstrumentOptions } from '../../instrument/hooks/attach.ts';

/** The part of a task that is used, 4.0 and later. */
export interface NodeCronTask {
  readonly id: string;
  readonly name?: string;
  on(...args: never[]): unknown;
  off(...args: never[]): unknown;
}

/** Options for `instrumentNodeCron`. */
export interface InstrumentNodeCronOptions extends InstrumentOptions {
  /** The label `job_name`. @default the task's name; `<unnamed>` where it has none */
  readonly job?: string | undefined;
  /** The label `queue`. @default 'node-cron' */
  readonly queue?: string | undefined;
}

interface TaskContext {
  readonly execution?: { readonly id: string; readonly error?: unknown };
}

/**
 * Measures the runs of a task of node-cron 4.
 *
 *     const task = instrumentNodeCron(cron.schedule('0 4 * * *', cleanUp, { name: 'clean-up' }));
 *
 * `uninstrument` undoes it.
 *
 * @returns the target.
 */
export function instrumentNodeCron<T extends NodeCronTask>(task: T, options: InstrumentNodeCronOptions = {}): T {
  // node-cron names a task without a name by its id, which differs in each process.
  const given = task.name === task.id ? undefined : task.name;
  const { job = given ?? '<unnamed>', queue = 'node-cron' } = options;
  return attach(task, 'node-cron', options, (instrumentation) => {
    const recorder = JobRecorder.of(instrumentation);
    const open = new Map<string, JobRun>();
    recorder.endRunsOfThePast(queue, job);

    const end = (context: TaskContext, outcome: JobOutcome): void => {
      const id = context.execution?.id ?? '';
      open.get(id)?.end(outcome);
      open.delete(id);
    };
    // Not for missed runs: listening for these would suppress node-cron's own warning.
    const stop = listen(task, {
      'execution:started': ({ execution }: TaskContext) => {
        if (execution) open.set(execution.id, recorder.started(queue, job));
      },
      'execution:finished': (context: TaskContext) => end(context, 'succeeded'),
      'execution:failed': (context: TaskContext) => end(context, outcomeOf(context.execution?.error)),
    });
    return () => {
      stop();
      for (const run of open.values()) run.leave();
    };
  });
}
