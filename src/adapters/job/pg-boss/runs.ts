import { attempt } from '../../../instrument/hooks/guard.ts';
import type { JobRun } from '../../../instrument/job/job-run.ts';
import { observeWork } from '../../../instrument/job/observe-work.ts';
import { type JobOutcome, outcomeOf } from '../../../instrument/job/outcome.ts';
import type { JobRecorder } from '../../../instrument/job/recorder.ts';

/** A job with its metadata, as far as it is used. */
export interface PgBossJob {
  readonly id: string;
  readonly expireInSeconds: number;
  readonly retryCount: number;
  readonly retryLimit: number;
  readonly createdOn: Date;
  readonly startAfter: Date;
  readonly startedOn: Date;
}

/** The function that `work` is given. */
export type Handler = (jobs: readonly PgBossJob[], ...rest: unknown[]) => unknown;

/**
 * Properties that a job has only if its metadata are asked for, in all versions. `retryCount` is
 * always there since 12.
 */
const METADATA: ReadonlySet<string> = new Set(
  (
    'policy state priority retryLimit retryDelay retryBackoff retryDelayMax startAfter startedOn singletonKey singletonOn expireIn deleteAfterSeconds ' +
    'heartbeatOn createdOn completedOn keepUntil deadLetter blocked blocking pendingDependencies output sourceName sourceId sourceCreatedOn sourceRetryCount ' +
    'sourceOutput sourceRootId'
  ).split(' '),
);

interface OpenRun {
  readonly run: JobRun;
  readonly job: PgBossJob;
  cancelled: boolean;
}

/** Records the runs of an instance's workers. */
export class PgBossRuns {
  readonly #recorder: JobRecorder;
  /** By the job's id. */
  readonly #open: Map<string, OpenRun> = new Map();
  #closed = false;

  constructor(recorder: JobRecorder) {
    this.#recorder = recorder;
  }

  /**
   * Returns the arguments of `work` with an observed handler. Asks for metadata, which say if a job
   * will be retried and since when it has waited; a handler that did not ask for them does not see
   * them. Returns arguments that are not valid unchanged, for pg-boss to refuse.
   */
  observe(label: string, args: unknown[]): unknown[] {
    const given = args.at(-1);
    if (typeof given !== 'function' || typeof args[0] !== 'string') return args;
    const handler = given as Handler;
    const options = (args.length > 2 ? args[1] : {}) as { includeMetadata?: boolean; perJobResults?: boolean };
    const observed = (jobs: readonly PgBossJob[], ...rest: unknown[]): unknown => {
      const call = (): unknown => handler(options.includeMetadata ? jobs : plain(jobs), ...rest);
      if (this.#closed) return call();
      const batch = this.#begin(label, jobs);
      return observeWork(call, (outcome) => {
        if (outcome.failed) batch.fail(outcome.error);
        else batch.succeed(options.perJobResults ? outcome.result : undefined);
      });
    };
    return [args[0], { ...options, includeMetadata: true }, observed];
  }

  /** Marks the runs of jobs with these ids: they end as cancelled, with or without an error. */
  cancel(ids: unknown): void {
    for (const id of [ids].flat()) {
      const open = this.#open.get(String(id));
      if (open) open.cancelled = true;
    }
  }

  /** Stops counting. */
  close(): void {
    this.#closed = true;
    for (const { run } of this.#open.values()) run.leave();
    this.#open.clear();
  }

  #begin(label: string, jobs: readonly PgBossJob[]): Batch {
    const batch = new Batch(this.#open);
    attempt(() => {
      for (const job of jobs) {
        const since = Math.max(job.createdOn.getTime(), job.startAfter.getTime());
        const wait = job.retryCount === 0 ? (job.startedOn.getTime() - since) / 1000 : undefined;
        batch.add({ run: this.#recorder.started(label, label, wait), job, cancelled: false });
      }
      batch.expireAfter(Math.max(...jobs.map(({ expireInSeconds }) => expireInSeconds)));
    });
    return batch;
  }
}

/** The jobs of one call of a handler. They end together, unless it reports a result for each. */
class Batch {
  readonly #open: Map<string, OpenRun>;
  readonly #runs: OpenRun[] = [];
  #expiry: NodeJS.Timeout | undefined;

  constructor(open: Map<string, OpenRun>) {
    this.#open = open;
  }

  add(run: OpenRun): void {
    this.#runs.push(run);
    this.#open.set(run.job.id, run);
  }

  /** After that time, pg-boss fails the jobs and no longer waits for the handler. */
  expireAfter(seconds: number): void {
    // A longer one would fire at once.
    if (!(seconds > 0 && seconds < 2 ** 31 / 1000)) return;
    this.#expiry = setTimeout(() => this.fail(undefined), seconds * 1000).unref();
  }

  /** @param results with `perJobResults`: what became of each. */
  succeed(results: unknown): void {
    if (results === undefined) return this.#end(() => 'succeeded');
    const statuses = new Map((Array.isArray(results) ? results : []).map(({ id, status }) => [id, status]));
    this.#end(({ job }) => {
      const status: unknown = statuses.get(job.id);
      if (status === 'completed') return 'succeeded';
      return status === 'deadletter' ? 'failed' : outcomeOf(undefined, willRetry(job));
    });
  }

  fail(error: unknown): void {
    this.#end(({ job }) => outcomeOf(error, willRetry(job)));
  }

  #end(outcome: (run: OpenRun) => JobOutcome): void {
    clearTimeout(this.#expiry);
    for (const open of this.#runs) {
      open.run.end(open.cancelled ? 'cancelled' : outcome(open));
      if (this.#open.get(open.job.id) === open) this.#open.delete(open.job.id);
    }
  }
}

function willRetry({ retryCount, retryLimit }: PgBossJob): boolean {
  return retryCount < retryLimit;
}

/** Returns jobs without their metadata, as pg-boss passes them if these were not asked for. */
function plain(jobs: readonly PgBossJob[]): PgBossJob[] {
  const known = jobs.every((job) => 'heartbeatSeconds' in job);
  return jobs.map((job) => {
    const entries = Object.entries(job).filter(([key]) => !METADATA.has(key) && (known || key !== 'retryCount'));
    return Object.fromEntries(entries) as object as PgBossJob;
  });
}
