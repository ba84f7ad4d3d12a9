import { guarded, hookFailed } from '../../../instrument/hooks/guard.ts';
import { type JobRecorder, type JobRun, outcomeOf } from '../../../instrument/job/recorder.ts';
import { observeCall } from '../../../instrument/hooks/observe.ts';
import { wrapMethod } from '../../../instrument/hooks/wrap.ts';

/** What is used of a `Worker`, any 5.x or 6.x. */
export interface BullmqWorker {
  readonly name: string;
  run(): Promise<unknown>;
  prependListener(...args: never[]): unknown;
  off(...args: never[]): unknown;
}

/** What BullMQ keeps to itself, and is not needed for more than runs that end without an event. */
interface Internals {
  prependListener(event: string, listener: (...args: never[]) => void): unknown;
  off(event: string, listener: (...args: never[]) => void): unknown;
  readonly Job?: { fromId?(queue: object, id: string): Promise<BullmqJob | undefined> };
  readonly processFn?: unknown;
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
  /** Why the job is to fail instead of being run: it has stalled too often. */
  readonly deferredFailure?: string;
  /** The right of a worker to a job. */
  readonly token?: string;
}

interface OpenRun {
  readonly run: JobRun;
  cancelled: boolean;
  /** What the processor threw. */
  thrown: unknown;
}

/** How BullMQ calls what a processor throws that has put its job off. */
const PUT_OFF: ReadonlySet<string> = new Set([
  'DelayedError',
  'WaitingError',
  'WaitingChildrenError',
  'RateLimitError',
  'bullmq:rateLimitExceeded',
]);

/** A job that was gone when somebody asked for its name. */
const UNKNOWN = '<unknown>';

type Method = (...args: unknown[]) => unknown;

/** Counts the runs of a worker, and those that it finds to have died elsewhere. */
export function observeWorker(target: BullmqWorker, recorder: JobRecorder): () => void {
  const observer = new WorkerObserver(target, recorder);
  return () => observer.remove();
}

class WorkerObserver {
  readonly #worker: Internals;
  readonly #queue: string;
  readonly #recorder: JobRecorder;
  readonly #open: Map<BullmqJob, OpenRun> = new Map();
  readonly #removers: (() => void)[] = [];

  constructor(worker: BullmqWorker, recorder: JobRecorder) {
    this.#worker = worker as object as Internals;
    this.#queue = worker.name;
    this.#recorder = recorder;
    const down = recorder.workerUp(this.#queue);
    this.#removers.push(down);
    this.#on('closed', () => {
      down();
      this.#leaveAll();
    });
    this.#on('active', (job: BullmqJob) => this.#started(job));
    this.#on('completed', (job: BullmqJob) => this.#end(job, 'succeeded'));
    this.#on('failed', (job: BullmqJob | undefined, error: unknown) => this.#failed(job, error));
    this.#on('stalled', (id: string) => void this.#stalled(id).catch(hookFailed));
    this.#wrapProcessing();
    this.#wrapCancelling();
  }

  remove(): void {
    for (const remove of this.#removers) remove();
    this.#leaveAll();
  }

  #leaveAll(): void {
    for (const { run } of this.#open.values()) run.leave();
    this.#open.clear();
  }

  /** Before the application's listeners: one that throws keeps those after it from being called. */
  #on(event: string, listener: (...args: never[]) => void): void {
    const careful = guarded(listener);
    this.#worker.prependListener(event, careful);
    this.#removers.push(() => this.#worker.off(event, careful));
  }

  #started(job: BullmqJob): void {
    // Such a job is not run: it fails for the runs that it has had.
    if (job.deferredFailure) return;
    // Without a processor, whoever asks for jobs moves them on by hand, and the worker does not
    // learn how they end.
    if (!this.#worker.processFn) return;
    const first = job.attemptsMade === 0 && (job.attemptsStarted ?? 1) <= 1 && !job.stalledCounter;
    // The worker itself has put it into the queue, for a schedule.
    if (first && (job.repeatJobKey || job.opts.repeat)) this.#recorder.enqueued(this.#queue, job.name);
    const waitMs = first ? job.processedOn! - job.timestamp - (job.opts.delay ?? 0) : NaN;
    const run = this.#recorder.started(this.#queue, job.name, waitMs / 1000);
    this.#open.set(job, { run, cancelled: false, thrown: undefined });
  }

  #failed(job: BullmqJob | undefined, error: unknown): void {
    // A job that this worker has no right to had stalled too often when it looked (BullMQ up to
    // 5.54), and is told of here only.
    if (!job?.token) return this.#recorder.diedElsewhere(this.#queue, job?.name ?? UNKNOWN, 'failed');
    const cancelled = this.#open.get(job)?.cancelled ?? false;
    const outcome = outcomeOf(error, job.finishedOn === undefined);
    this.#end(job, cancelled && outcome === 'failed' ? 'cancelled' : outcome);
  }

  #end(job: BullmqJob, outcome: Parameters<JobRun['end']>[0]): void {
    this.#open.get(job)?.run.end(outcome);
    this.#open.delete(job);
  }

  /** Only the worker that found it is told. */
  async #stalled(id: string): Promise<void> {
    const job = await this.#worker.Job?.fromId?.(this.#worker, id);
    this.#recorder.diedElsewhere(this.#queue, job?.name ?? UNKNOWN, job?.deferredFailure ? 'failed' : 'stalled');
  }

  /**
   * Some runs end without an event: their job was put off, or this worker had lost the right to it,
   * and another one finds that it has stalled.
   */
  #wrapProcessing(): void {
    const open = this.#open;
    this.#wrap('callProcessJob', (call) => {
      return function (this: unknown, ...args) {
        return observeCall(
          () => call.apply(this, args),
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
          () => process.apply(this, args),
          () => {
            const job = args[0] as BullmqJob;
            const left = open.get(job);
            open.delete(job);
            if (left && isPutOff(left.thrown)) left.run.end('retried');
            else left?.run.leave();
          },
        );
      };
    });
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
          return cancel.apply(this, args);
        };
      });
    }
  }

  #wrap(name: 'processJob' | 'callProcessJob' | 'cancelJob' | 'cancelAllJobs', make: (method: Method) => Method): void {
    this.#removers.push(wrapMethod(this.#worker, name, make));
  }
}

function isPutOff(thrown: unknown): boolean {
  if (!(thrown instanceof Error)) return false;
  return PUT_OFF.has(thrown.name) || PUT_OFF.has(thrown.message);
}
