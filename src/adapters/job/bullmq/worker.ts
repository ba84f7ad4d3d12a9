import { guarded, hookFailed } from '../../../instrument/hooks/guard.ts';
import type { Method } from '../../../instrument/hooks/method.ts';
import { observeCall } from '../../../instrument/hooks/observe.ts';
import { wrapMethod } from '../../../instrument/hooks/wrap.ts';
import type { JobRun } from '../../../instrument/job/job-run.ts';
import { observeWork } from '../../../instrument/job/observe-work.ts';
import { type JobOutcome, outcomeOf } from '../../../instrument/job/outcome.ts';
import type { JobRecorder } from '../../../instrument/job/recorder.ts';
import { labelOf } from './queue.ts';

/** The part of a `Worker` that is used, any 5.x or 6.x. */
export interface BullmqWorker {
  readonly name: string;
  run(): Promise<unknown>;
  getNextJob(...args: never[]): Promise<unknown>;
  isRunning(): boolean;
  prependListener(...args: never[]): unknown;
  off(...args: never[]): unknown;
}

/** Parts that are not in BullMQ's types. Without them, only runs that end without an event suffer. */
interface Internals {
  isRunning(): boolean;
  isPaused?(): boolean;
  readonly closing?: unknown;
  prependListener(event: string, listener: (...args: never[]) => void): unknown;
  off(event: string, listener: (...args: never[]) => void): unknown;
  readonly Job?: { fromId?(queue: object, id: string): Promise<BullmqJob | undefined> };
  readonly processFn?: unknown;
  run?: unknown;
  processJob?: unknown;
  callProcessJob?: unknown;
  cancelJob?: unknown;
  cancelAllJobs?: unknown;
}

interface BullmqJob {
  readonly id?: string | undefined;
  readonly name: string;
  readonly opts: { readonly delay?: number; readonly repeat?: unknown };
  readonly timestamp: number;
  readonly processedOn?: number;
  readonly finishedOn?: number;
  readonly attemptsMade: number;
  readonly attemptsStarted?: number;
  readonly stalledCounter?: number;
  readonly repeatJobKey?: string;
  /** Set for a job that stalled too often: it fails for this reason, and is not run. */
  readonly deferredFailure?: string;
  /** The lock of a worker on the job. */
  readonly token?: string;
}

interface OpenRun {
  readonly run: JobRun;
  cancelled: boolean;
  /** The error of the processor. */
  thrown: unknown;
}

/** Names of the errors by which a processor puts its job off. */
const PUT_OFF: ReadonlySet<string> = new Set([
  'DelayedError',
  'WaitingError',
  'WaitingChildrenError',
  'RateLimitError',
  'bullmq:rateLimitExceeded',
]);

/** Label for a stalled job that was gone when its name was asked for. */
const UNKNOWN = '<unknown>';

/** Counts the runs of a worker, and the runs of others that it finds to have stalled. */
export function observeWorker(target: BullmqWorker, recorder: JobRecorder, label?: string): () => void {
  const observer = new WorkerObserver(target, recorder, label ?? labelOf(target, target.name, recorder));
  return () => observer.remove();
}

class WorkerObserver {
  readonly #worker: Internals;
  readonly #queue: string;
  readonly #recorder: JobRecorder;
  readonly #open: Map<BullmqJob, OpenRun> = new Map();
  readonly #removers: (() => void)[] = [];

  /** Set while the worker takes jobs. */
  #down: (() => void) | undefined;

  constructor(worker: BullmqWorker, recorder: JobRecorder, queue: string) {
    this.#worker = worker as object as Internals;
    this.#queue = queue;
    this.#recorder = recorder;
    this.#wrapRunning();
    this.#on('closed', () => this.#leaveAll());
    this.#on('active', (job: BullmqJob) => this.#started(job));
    this.#on('completed', (job: BullmqJob) => this.#end(job, 'succeeded'));
    this.#on('failed', (job: BullmqJob | undefined, error: unknown) => this.#failed(job, error));
    this.#on('stalled', (id: string) => void this.#stalled(id).catch(hookFailed));
    this.#wrapProcessing();
    this.#wrapCancelling();
  }

  remove(): void {
    for (const remove of this.#removers) remove();
    this.#down?.();
    this.#leaveAll();
  }

  /** A worker that was not run, is paused or is closing takes no jobs. */
  #wrapRunning(): void {
    const follow = (): void => {
      const worker = this.#worker;
      if (worker.isRunning() && !worker.isPaused?.() && !worker.closing) {
        this.#down ??= this.#recorder.workerUp(this.#queue);
        return;
      }
      this.#down?.();
      this.#down = undefined;
    };
    for (const event of ['paused', 'resumed', 'closing', 'closed', 'ready', 'active']) this.#on(event, follow);
    const careful = guarded(follow);
    this.#wrap('run', (run) => {
      return function (this: unknown, ...args) {
        const running = observeCall(() => Reflect.apply(run, this, args), follow);
        careful();
        return running;
      };
    });
    follow();
  }

  #leaveAll(): void {
    for (const { run } of this.#open.values()) run.leave();
    this.#open.clear();
  }

  /** Comes before the application's listeners: one that throws would hide the event from ours. */
  #on(event: string, listener: (...args: never[]) => void): void {
    const careful = guarded(listener);
    this.#worker.prependListener(event, careful);
    this.#removers.push(() => this.#worker.off(event, careful));
  }

  #started(job: BullmqJob): void {
    // Such a job is not run: it fails for the runs that it has had.
    if (job.deferredFailure) return;
    // Without a processor the application moves jobs on by hand, and the worker does not learn how
    // they end.
    if (!this.#worker.processFn) return;
    const first = job.attemptsMade === 0 && (job.attemptsStarted ?? 1) <= 1 && !job.stalledCounter;
    // The worker itself has put it into the queue, for a schedule.
    if (first && (job.repeatJobKey || job.opts.repeat)) this.#recorder.enqueued(this.#queue, job.name);
    const waitMs = first ? job.processedOn! - job.timestamp - (job.opts.delay ?? 0) : NaN;
    const run = this.#recorder.started(this.#queue, job.name, waitMs / 1000);
    this.#open.set(job, { run, cancelled: false, thrown: undefined });
  }

  #failed(job: BullmqJob | undefined, error: unknown): void {
    // Without a lock: the job had stalled too often when this worker looked. BullMQ up to 5.54
    // tells of it here only.
    if (!job?.token) return this.#recorder.diedElsewhere(this.#queue, job?.name ?? UNKNOWN, 'failed');
    const cancelled = this.#open.get(job)?.cancelled ?? false;
    const outcome = outcomeOf(error, job.finishedOn === undefined);
    this.#end(job, cancelled && outcome === 'failed' ? 'cancelled' : outcome);
  }

  #end(job: BullmqJob, outcome: JobOutcome): void {
    this.#open.get(job)?.run.end(outcome);
    this.#open.delete(job);
  }

  /** Only the worker that found the stalled job gets the event. */
  async #stalled(id: string): Promise<void> {
    const job = await this.#worker.Job?.fromId?.(this.#worker, id);
    this.#recorder.diedElsewhere(this.#queue, job?.name ?? UNKNOWN, job?.deferredFailure ? 'failed' : 'stalled');
  }

  /**
   * Some runs end without an event: their job was put off; or it is gone, since the queue was
   * obliterated; or this worker had lost its lock, and another one finds that the job has stalled.
   */
  #wrapProcessing(): void {
    const endLost = (job: BullmqJob, run: JobRun): Promise<void> => this.#endLost(job, run);
    const open = this.#open;
    this.#wrap('callProcessJob', (call) => {
      return function (this: unknown, ...args) {
        return observeWork(
          () => Reflect.apply(call, this, args),
          (outcome) => {
            const run = open.get(args[0] as BullmqJob);
            if (run && outcome.failed) run.thrown = outcome.error;
          },
        );
      };
    });
    this.#wrap('processJob', (process) => {
      return function (this: unknown, ...args) {
        return observeCall(
          () => Reflect.apply(process, this, args),
          () => {
            const job = args[0] as BullmqJob;
            const left = open.get(job);
            open.delete(job);
            if (!left) return;
            if (isPutOff(left.thrown)) left.run.end('retried');
            else void endLost(job, left.run);
          },
        );
      };
    });
  }

  /** Nobody finds a job that is gone: somebody threw it away. */
  async #endLost({ id }: BullmqJob, run: JobRun): Promise<void> {
    try {
      const { Job } = this.#worker;
      const gone = id !== undefined && Job?.fromId !== undefined && !(await Job.fromId(this.#worker, id));
      if (gone) run.end('cancelled');
    } catch (error) {
      hookFailed(error);
    }
    run.leave();
  }

  #wrapCancelling(): void {
    const open = this.#open;
    const mark = (id: unknown): void => {
      for (const [job, run] of open) if (id === undefined || job.id === id) run.cancelled = true;
    };
    for (const name of ['cancelJob', 'cancelAllJobs'] as const) {
      this.#wrap(name, (cancel) => {
        return function (this: unknown, ...args) {
          mark(name === 'cancelJob' ? args[0] : undefined);
          return Reflect.apply(cancel, this, args);
        };
      });
    }
  }

  #wrap(
    name: 'run' | 'processJob' | 'callProcessJob' | 'cancelJob' | 'cancelAllJobs',
    make: (method: Method) => Method,
  ): void {
    this.#removers.push(wrapMethod(this.#worker, name, make));
  }
}

function isPutOff(thrown: unknown): boolean {
  if (!(thrown instanceof Error)) return false;
  return PUT_OFF.has(thrown.name) || PUT_OFF.has(thrown.message);
}
