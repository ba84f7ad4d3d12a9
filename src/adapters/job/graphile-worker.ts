import { attach, type InstrumentOptions } from '../../instrument/hooks/attach.ts';
import { guarded } from '../../instrument/hooks/guard.ts';
import { jobRecorder, type JobRecorder, type JobRun, outcomeOf } from '../../instrument/job/recorder.ts';
import { observeCall } from '../../instrument/hooks/observe.ts';
import { wrapMethod } from '../../instrument/hooks/wrap.ts';

export { uninstrument } from '../../instrument/hooks/attach.ts';
export type { InstrumentOptions } from '../../instrument/hooks/attach.ts';

/** What is used of the emitter that is given to `run` as `events`, 0.16 and later. */
export interface GraphileWorkerEvents {
  on(...args: never[]): unknown;
  off(...args: never[]): unknown;
  emit(...args: never[]): unknown;
}

/** What is used of `WorkerUtils`, or of a `Runner`: what puts jobs into the queue. */
export interface GraphileWorkerUtils {
  addJob(...args: never[]): Promise<object>;
}

/** What `instrumentGraphileWorker` takes. */
export interface InstrumentGraphileWorkerOptions extends InstrumentOptions {
  /** The label `queue`: all jobs of a schema are one queue. @default 'graphile-worker' */
  readonly queue?: string | undefined;
  /** Where the jobs are, for the queue's size. @default 'graphile_worker' */
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

/** How often a job was changed since it was put into the queue, and by which name it was. */
interface AddedJob {
  readonly revision?: number;
}

type WithPgClient = <R>(use: (client: Client) => Promise<R>) => Promise<R>;
interface Client {
  query(sql: string): Promise<{ readonly rows: readonly Readonly<Record<string, string>>[] }>;
}

/**
 * Measures a queue of Graphile Worker 0.16 and later. Hand over the emitter of events before it is
 * given to `run` (runs and workers), and each `WorkerUtils` or `Runner` whose `addJob` is called
 * (what is enqueued; with `WorkerUtils` the queue's size too).
 *
 *     const events = instrumentGraphileWorker(new EventEmitter());
 *     const runner = instrumentGraphileWorker(await run({ connectionString, taskList, events }));
 *
 * `uninstrument` undoes it.
 *
 * @returns what was handed over.
 */
export function instrumentGraphileWorker<T extends GraphileWorkerEvents | GraphileWorkerUtils>(
  target: T,
  options: InstrumentGraphileWorkerOptions = {},
): T {
  const { queue = 'graphile-worker', schema = 'graphile_worker' } = options;
  return attach(target, 'graphile-worker', options, ({ registry, namespace }) => {
    const recorder = jobRecorder(registry, namespace);
    return 'addJob' in target ? observeUtils(target, recorder, queue, schema) : observeEvents(target, recorder, queue);
  });
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
  const listeners: Readonly<Record<string, (event: never) => void>> = {
    'worker:create': ({ worker }: WorkerEvent) => void workers.set(worker, recorder.workerUp(queue)),
    'worker:release': workerDown,
    'worker:stop': workerDown,
    'job:start': ({ job }: JobEvent) => {
      const wait = job.attempts === 1 ? (Date.now() - job.run_at.getTime()) / 1000 : undefined;
      open.set(job, recorder.started(queue, job.task_identifier, wait));
    },
    'job:success': ({ job }: JobEvent) => end(job, 'succeeded'),
    // `job:failed` comes after it, for the same attempt.
    'job:error': ({ job, error }: JobEvent) => end(job, outcomeOf(error, job.attempts < job.max_attempts)),
    'job:complete': ({ job }: JobEvent) => end(job),
  };
  const removers = Object.entries(listeners).map(([event, listener]) => {
    const careful = guarded(listener);
    events.on(...([event, careful] as never[]));
    return () => events.off(...([event, careful] as never[]));
  });
  return () => {
    for (const remove of removers) remove();
    for (const run of open.values()) run.leave();
    for (const down of workers.values()) down();
  };
}

function observeUtils(utils: GraphileWorkerUtils, recorder: JobRecorder, queue: string, schema: string): () => void {
  type Method = (...args: unknown[]) => Promise<unknown>;
  const count = (name: string, added: unknown): void => {
    // A job that took the place of another with the same key, or left it there, was changed since.
    if (!(added as AddedJob).revision) recorder.enqueued(queue, name);
  };
  const observe = (done: (args: readonly unknown[], result: unknown) => void) => {
    return (method: Method): Method => {
      return function (this: unknown, ...args) {
        return observeCall(
          () => method.apply(this, args),
          (outcome) => {
            if (!outcome.failed) done(args, outcome.result);
          },
        );
      };
    };
  };
  const several = utils as { addJob: unknown; addJobs?: unknown; release?: unknown; withPgClient?: WithPgClient };
  const removers = [
    wrapMethod(
      several,
      'addJob',
      observe(([name], added) => count(name as string, added)),
    ),
    wrapMethod(
      several,
      'addJobs',
      observe(([specs], added) => {
        const names = (specs as readonly { readonly identifier: string }[]).map(({ identifier }) => identifier);
        for (const [i, job] of (added as readonly unknown[]).entries()) count(names[i]!, job);
      }),
    ),
  ];
  const { withPgClient } = several;
  if (withPgClient) {
    const unwatch = recorder.watchQueue(queue, () => readSizes(withPgClient, schema));
    removers.push(
      unwatch,
      wrapMethod(several, 'release', (release: Method): Method => {
        return function (this: unknown, ...args) {
          unwatch();
          return release.apply(this, args);
        };
      }),
    );
  }
  return () => {
    for (const remove of removers) remove();
  };
}

async function readSizes(withPgClient: WithPgClient, schema: string): Promise<Record<string, number>> {
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
  return Object.fromEntries(Object.entries(rows[0]!).map(([state, count]) => [state, Number(count)]));
}
