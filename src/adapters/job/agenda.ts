import { attach, type InstrumentOptions } from '../../instrument/hooks/attach.ts';
import { guarded } from '../../instrument/hooks/guard.ts';
import type { JobRun } from '../../instrument/job/job-run.ts';
import { type JobOutcome, outcomeOf } from '../../instrument/job/outcome.ts';
import { jobRecorder, type JobRecorder } from '../../instrument/job/recorder.ts';
import { observeCall } from '../../instrument/hooks/observe.ts';
import { wrapMethod } from '../../instrument/hooks/wrap.ts';

export { uninstrument } from '../../instrument/hooks/attach.ts';
export type { InstrumentOptions } from '../../instrument/hooks/attach.ts';

/** What is used of an instance, 6.2 and later, on any backend. */
export interface AgendaInstance {
  start(): Promise<unknown>;
  stop(...args: never[]): Promise<unknown>;
  now(...args: never[]): Promise<object>;
  schedule(...args: never[]): Promise<object>;
  readonly db: { getQueueSize(): Promise<number> };
  prependListener(...args: never[]): unknown;
  off(...args: never[]): unknown;
}

/** What `instrumentAgenda` takes. */
export interface InstrumentAgendaOptions extends InstrumentOptions {
  /** The label `queue`: all jobs of an instance are one. @default 'agenda' */
  readonly queue?: string | undefined;
}

interface AgendaJob {
  readonly attrs: { readonly name: string };
}

type Method = (...args: unknown[]) => Promise<unknown>;

/**
 * Measures an instance of agenda 6.2 and later: what is enqueued, what runs, how many jobs are due.
 *
 *     const agenda = instrumentAgenda(new Agenda({ backend }));
 *
 * `uninstrument` undoes it.
 *
 * @returns what was handed over.
 */
export function instrumentAgenda<T extends AgendaInstance>(agenda: T, options: InstrumentAgendaOptions = {}): T {
  const { queue = 'agenda' } = options;
  return attach(agenda, 'agenda', options, ({ registry, namespace }) =>
    observeAgenda(agenda, jobRecorder(registry, namespace), queue),
  );
}

function observeAgenda(agenda: AgendaInstance, recorder: JobRecorder, queue: string): () => void {
  const open = new Map<AgendaJob, { readonly run: JobRun; outcome: JobOutcome | undefined }>();
  let down: (() => void) | undefined;
  let unwatch: (() => void) | undefined;
  const stop = (): void => {
    down?.();
    unwatch?.();
    down = unwatch = undefined;
  };
  recorder.endRunsOfThePast(queue);

  const set = (job: AgendaJob, outcome: JobOutcome): void => {
    const run = open.get(job);
    if (run) run.outcome = outcome;
  };
  const listeners: Readonly<Record<string, (...args: never[]) => void>> = {
    start: (job: AgendaJob, remote?: boolean) => {
      // Instances tell each other of their runs by the same events: those count where they happen.
      if (remote !== true) {
        open.set(job, { run: recorder.started(queue, job.attrs.name), outcome: undefined });
      }
    },
    success: (job: AgendaJob) => set(job, 'succeeded'),
    fail: (error: unknown, job: AgendaJob) => set(job, outcomeOf(error)),
    retry: (job: AgendaJob) => set(job, 'retried'),
    complete: (job: AgendaJob) => {
      const ended = open.get(job);
      if (ended?.outcome) ended.run.end(ended.outcome);
      else ended?.run.leave();
      open.delete(job);
    },
  };
  const removers: (() => void)[] = Object.entries(listeners).map(([event, listener]) => {
    const careful = guarded(listener);
    agenda.prependListener(...([event, careful] as never[]));
    return () => void agenda.off(...([event, careful] as never[]));
  });

  const wrap = (name: 'now' | 'schedule' | 'start' | 'stop', done: (args: readonly unknown[]) => void): void => {
    const make = (method: Method): Method => {
      return function (this: unknown, ...args) {
        return observeCall(
          () => method.apply(this, args),
          (outcome) => {
            if (!outcome.failed) done(args);
          },
        );
      };
    };
    removers.push(wrapMethod(agenda as object as Record<typeof name, unknown>, name, make));
  };
  wrap('now', ([name]) => recorder.enqueued(queue, name as string));
  wrap('schedule', ([, names]) => {
    for (const name of [names].flat() as string[]) recorder.enqueued(queue, name);
  });
  const watch = (): (() => void) =>
    // All that it can say without reading every job.
    recorder.watchQueue(queue, async () => ({ waiting: await agenda.db.getQueueSize() }));
  wrap('start', () => {
    down ??= recorder.workerUp(queue);
    unwatch ??= watch();
  });
  wrap('stop', () => stop());
  return () => {
    for (const remove of removers) remove();
    for (const { run } of open.values()) run.leave();
    stop();
  };
}
