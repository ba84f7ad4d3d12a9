import { MetricsError } from '../../errors.ts';
import { attach, type InstrumentOptions } from '../../instrument/hooks/attach.ts';
import { Disposers } from '../../instrument/hooks/disposers.ts';
import { listen } from '../../instrument/hooks/listen.ts';
import { observeMethod } from '../../instrument/hooks/observe.ts';
import { before } from '../../instrument/hooks/wrap.ts';
import type { JobRun } from '../../instrument/job/job-run.ts';
import { outcomeOf } from '../../instrument/job/outcome.ts';
import type { ReadQueue } from '../../instrument/job/queue-sizes.ts';
import { JobRecorder } from '../../instrument/job/recorder.ts';

export { uninstrument } from '../../instrument/hooks/attach.ts';
export type { InstrumentOptions } from '../../instrument/hooks/attach.ts';

/** The part of the emitter for the option `events` of `run` that is used, 0.16 and later. */
export interface GraphileWorkerEvents {
  on(...args: never[]): unknown;
  off(...args: never[]): unknown;
  emit(...args: never[]): unknown;
}

/** The part of `WorkerUtils` and `Runner` that is used: both put jobs into the queue. */
export interface GraphileWorkerUtils {
  addJob(...args: never[]): Promise<object>;
}

/** Options for `instrumentGraphileWorker`. */
export interface InstrumentGraphileWorkerOptions extends InstrumentOptions {
  /** The label `queue`: all jobs of a schema are one queue. @default 'graphile-worker' */
  readonly queue?: string | undefined;
  /** The schema of the jobs, for the queue's size. @default 'graphile_worker' */
  readonly schema?: string | undefined;
}

interface GraphileJob {
  readonly task_identifier: string;
  readonly attempts: number;
  readonly max_attempts: number;
  readonly run_at: Date;
}

interface JobEvent {
  readonly job: GraphileJob;
  readonly error: unknown;
}

interface WorkerEvent {
  readonly worker: object;
}

interface JobSpec {
  readonly identifier: string;
  readonly jobKey?: string | null;
}

/** A row of the table of jobs. */
interface AddedJob {
  readonly key?: string | null;
  /** How often the job was changed since it was put into the queue. */
  readonly revision?: number;
}

type WithPgClient = <R>(use: (client: Client) => Promise<R>) => Promise<R>;
interface Client {
  query(sql: string): Promise<{ readonly rows: readonly Readonly<Record<string, string>>[] }>;
}

/**
 * Measures a queue of Graphile Worker 0.16 and later. Hand over the emitter of events before `run`
 * gets it (counts runs and workers), and each `WorkerUtils` or `Runner` whose `addJob` is called
 * (counts what is enqueued; `WorkerUtils` also shows the queue's size).
 *
 *     const events = instrumentGraphileWorker(new EventEmitter());
 *     const runner = instrumentGraphileWorker(await run({ connectionString, taskList, events }));
 *
 * `uninstrument` undoes it.
 *
 * @returns the target.
 * @throws MetricsError ERR_METRICS_INVALID_OPTION if the target is neither.
 */
export function instrumentGraphileWorker<T extends GraphileWorkerEvents | GraphileWorkerUtils>(
  target: T,
  options: InstrumentGraphileWorkerOptions = {},
): T {
  const { queue = 'graphile-worker', schema = 'graphile_worker' } = options;
  const isUtils = typeof (target as Partial<GraphileWorkerUtils> | null)?.addJob === 'function';
  if (!isUtils && !isEmitter(target)) {
    throw new MetricsError(
      'ERR_METRICS_INVALID_OPTION',
      'instrumentGraphileWorker() takes the emitter of events that run() gets, WorkerUtils or a Runner.',
    );
  }
  return attach(target, 'graphile-worker', options, (instrumentation) => {
    const recorder = JobRecorder.of(instrumentation);
    if (isUtils) return observeUtils(target as GraphileWorkerUtils, recorder, queue, schema);
    return observeEvents(target as GraphileWorkerEvents, recorder, queue);
  });
}

function isEmitter(target: object | null | undefined): boolean {
  const { on, off } = (target ?? {}) as Partial<GraphileWorkerEvents>;
  return typeof on === 'function' && typeof off === 'function';
}

function observeEvents(events: GraphileWorkerEvents, recorder: JobRecorder, queue: string): () => void {
  const open = new Map<object, JobRun>();
  const workers = new Map<object, () => void>();
  recorder.endRunsOfThePast(queue);

  const end = (job: GraphileJob, outcome?: Parameters<JobRun['end']>[0]): void => {
    const run = open.get(job);
    if (outcome) run?.end(outcome);
    else run?.leave();
    open.delete(job);
  };
  const workerDown = ({ worker }: WorkerEvent): void => {
    workers.get(worker)?.();
    workers.delete(worker);
  };
  const stop = listen(events, {
    'worker:create': ({ worker }: WorkerEvent) => void workers.set(worker, recorder.workerUp(queue)),
    'worker:release': workerDown,
    'worker:stop': workerDown,
    'job:start': ({ job }: JobEvent) => {
      const wait = job.attempts === 1 ? (Date.now() - job.run_at.getTime()) / 1000 : undefined;
      open.set(job, recorder.started(queue, job.task_identifier, wait));
    },
    'job:success': ({ job }: JobEvent) => end(job, 'succeeded'),
    // `job:failed` follows it, for the same attempt.
    'job:error': ({ job, error }: JobEvent) => end(job, outcomeOf(error, job.attempts < job.max_attempts)),
    'job:complete': ({ job }: JobEvent) => end(job),
  });
  return () => {
    stop();
    for (const run of open.values()) run.leave();
    for (const down of workers.values()) down();
  };
}

function observeUtils(utils: GraphileWorkerUtils, recorder: JobRecorder, queue: string, schema: string): () => void {
  const hooks = new Disposers();
  hooks.add(
    observeMethod(utils, 'addJob', ([name]) => (error, added) => {
      if (error === undefined && isNew(added as AddedJob)) recorder.enqueued(queue, name as string);
    }),
    observeMethod(utils, 'addJobs', ([specs]) => (error, added) => {
      if (error !== undefined) return;
      for (const identifier of newJobs(specs as readonly JobSpec[], added as readonly AddedJob[])) {
        recorder.enqueued(queue, identifier);
      }
    }),
  );
  const { withPgClient } = utils as { withPgClient?: WithPgClient };
  if (withPgClient) {
    const unwatch = recorder.watchQueue(queue, () => readSizes(withPgClient, schema));
    hooks.add(unwatch, before(utils, 'release', unwatch));
  }
  return hooks.dispose;
}

/** A job that took the place of another with the same key, or left it there, has been changed. */
function isNew({ revision }: AddedJob): boolean {
  return !revision;
}

/**
 * Returns the identifiers of the jobs that `addJobs` made. Its rows come in any order, and locked
 * jobs have none, so that rows can't be paired with specs by position: jobs without a key are always
 * new, and a key belongs to one spec.
 */
function newJobs(specs: readonly JobSpec[], rows: readonly AddedJob[]): string[] {
  const keys = new Set(rows.filter(isNew).map(({ key }) => key));
  return specs.filter(({ jobKey }) => (jobKey ?? null) === null || keys.has(jobKey)).map((spec) => spec.identifier);
}

async function readSizes(withPgClient: WithPgClient, schema: string): ReturnType<ReadQueue> {
  const ready = 'locked_at is null and attempts < max_attempts';
  const { rows } = await withPgClient((client) =>
    client.query(
      `select count(*) filter (where ${ready} and run_at <= now()) as waiting,
              count(*) filter (where ${ready} and run_at > now()) as delayed,
              count(*) filter (where locked_at is not null) as active,
              count(*) filter (where locked_at is null and attempts >= max_attempts) as failed
         from "${schema.replaceAll('"', '""')}".jobs`,
    ),
  );
  return rows[0]!;
}
