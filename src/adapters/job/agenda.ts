import { attach, type InstrumentOptions } from '../../instrument/hooks/attach.ts';
import { Disposers } from '../../instrument/hooks/disposers.ts';
import { listen, type Listeners } from '../../instrument/hooks/listen.ts';
import { observeMethod } from '../../instrument/hooks/observe.ts';
import type { JobRun } from '../../instrument/job/job-run.ts';
import { type JobOutcome, outcomeOf } from '../../instrument/job/outcome.ts';
import { JobRecorder } from '../../instrument/job/recorder.ts';

export { uninstrument } from '../../instrument/hooks/attach.ts';
export type { InstrumentOptions } from '../../instrument/hooks/attach.ts';

/** The part of an instance that is used, 6.2 and later, on any backend. */
export interface AgendaInstance {
  start(): Promise<unknown>;
  stop(...args: never[]): Promise<unknown>;
  now(...args: never[]): Promise<object>;
  schedule(...args: never[]): Promise<object>;
  readonly db: { getQueueSize(): Promise<number> };
  prependListener(...args: never[]): unknown;
  off(...args: never[]): unknown;
}

/** Options for `instrumentAgenda`. */
export interface InstrumentAgendaOptions extends InstrumentOptions {
  /** The label `queue`: all jobs of an instance are one. @default 'agenda' */
  readonly queue?: string | undefined;
}

interface AgendaJob {
  readonly attrs: { readonly name: string };
}

/**
 * Measures an instance of agenda 6.2 and later: what is enqueued, what runs, how many jobs are due.
 *
 *     const agenda = instrumentAgenda(new Agenda({ backend }));
 *
 * `uninstrument` undoes it.
 *
 * @returns the target.
 */
export function instrumentAgenda<T extends AgendaInstance>(agenda: T, options: InstrumentAgendaOptions = {}): T {
  const { queue = 'agenda' } = options;
  return attach(agenda, 'agenda', options, (instrumentation) =>
    observeAgenda(agenda, JobRecorder.of(instrumentation), queue),
  );
}

function observeAgenda(agenda: AgendaInstance, recorder: JobRecorder, queue: string): () => void {
  const open = new Map<AgendaJob, { readonly run: JobRun; outcome: JobOutcome | undefined }>();
  /** Set while the instance takes jobs. */
  let working: Disposers | undefined;
  const stop = (): void => {
    working?.dispose();
    working = undefined;
  };
  recorder.endRunsOfThePast(queue);

  const set = (job: AgendaJob, outcome: JobOutcome): void => {
    const run = open.get(job);
    if (run) run.outcome = outcome;
  };
  const listeners: Listeners = {
    start: (job: AgendaJob, remote?: boolean) => {
      // Runs of other instances are announced by the same events. They count in their own process.
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
  const hooks = new Disposers();
  hooks.add(listen(agenda, listeners, { first: true }));
  const succeeded = (name: 'now' | 'schedule' | 'start' | 'stop', done: (args: readonly unknown[]) => void): void => {
    hooks.add(observeMethod(agenda, name, (args) => (error) => error === undefined && done(args)));
  };
  succeeded('now', ([name]) => recorder.enqueued(queue, name as string));
  succeeded('schedule', ([, names]) => {
    for (const name of [names].flat() as string[]) recorder.enqueued(queue, name);
  });
  succeeded('start', () => {
    if (working) return;
    working = new Disposers();
    // It can't say more without reading every job.
    const readSize = async (): Promise<{ waiting: number }> => ({ waiting: await agenda.db.getQueueSize() });
    working.add(recorder.workerUp(queue), recorder.watchQueue(queue, readSize));
  });
  succeeded('stop', stop);
  return () => {
    hooks.dispose();
    for (const { run } of open.values()) run.leave();
    stop();
  };
}
