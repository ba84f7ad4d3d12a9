import { attach, type InstrumentOptions } from '../../../instrument/hooks/attach.ts';
import { Disposers } from '../../../instrument/hooks/disposers.ts';
import { attempt } from '../../../instrument/hooks/guard.ts';
import { listen } from '../../../instrument/hooks/listen.ts';
import { type End, observeCall, observeMethod } from '../../../instrument/hooks/observe.ts';
import { wrapMethod } from '../../../instrument/hooks/wrap.ts';
import type { QueuePlace } from '../../../instrument/job/queue-names.ts';
import { JobRecorder } from '../../../instrument/job/recorder.ts';
import { PgBossRuns } from './runs.ts';

export { uninstrument } from '../../../instrument/hooks/attach.ts';
export type { InstrumentOptions } from '../../../instrument/hooks/attach.ts';

/** The part of an instance that is used, 10.x to 12.x. */
export interface PgBossInstance {
  work(...args: never[]): Promise<string>;
  offWork(...args: never[]): Promise<unknown>;
  send(...args: never[]): Promise<string | null>;
  insert(...args: never[]): Promise<unknown>;
  cancel(...args: never[]): Promise<unknown>;
  on(...args: never[]): unknown;
  off(...args: never[]): unknown;
}

/** Parts that only some versions have. */
interface Sizes {
  /** The database behind an instance; `config` is missing if the application gave its own. */
  getDb?(): { readonly config?: DatabaseConfig } | undefined;
  /** Up to 10: for all queues. */
  countStates?(): Promise<{ readonly queues: Readonly<Record<string, Readonly<Record<string, number>>>> }>;
  getQueueStats?(name: string): Promise<QueueStats | readonly QueueStats[]>;
}

interface DatabaseConfig {
  readonly schema?: string;
  readonly database?: string;
  readonly connectionString?: string;
}

interface QueueStats {
  readonly readyCount?: number;
  readonly queuedCount: number;
  readonly deferredCount: number;
  readonly activeCount: number;
  readonly failedCount?: number;
}

interface NewJob {
  readonly name?: string;
  readonly id?: string | null;
  readonly singletonKey?: string | null;
}

const STATES: readonly string[] = ['created', 'retry', 'active', 'completed', 'cancelled', 'failed'];

/**
 * Measures an instance of pg-boss 10 to 12: the jobs that it sends, its workers and their runs, and
 * the sizes of the queues that it uses. Hand it over before `work` is called.
 *
 *     const boss = instrumentPgBoss(new PgBoss(connectionString));
 *
 * `uninstrument` undoes it.
 *
 * @returns the instance.
 */
export function instrumentPgBoss<T extends PgBossInstance>(boss: T, options: InstrumentOptions = {}): T {
  return attach(boss, 'pg-boss', options, (instrumentation) => {
    const observer = new PgBossObserver(boss, JobRecorder.of(instrumentation));
    return () => observer.remove();
  });
}

class PgBossObserver {
  readonly #boss: PgBossInstance & Sizes;
  readonly #recorder: JobRecorder;
  readonly #place: QueuePlace;
  readonly #runs: PgBossRuns;
  readonly #hooks: Disposers = new Disposers();
  /** By queue: ends the watch of its size. */
  readonly #watched: Map<string, () => void> = new Map();
  /** By the worker's id. `down` takes it off the number of workers. */
  readonly #workers: Map<string, { readonly queue: string; readonly down: () => void }> = new Map();
  #counting: Promise<Awaited<ReturnType<NonNullable<Sizes['countStates']>>>> | undefined;

  constructor(boss: PgBossInstance, recorder: JobRecorder) {
    this.#boss = boss;
    this.#recorder = recorder;
    this.#place = placeOf(boss);
    this.#runs = new PgBossRuns(recorder);
    this.#wrapSending();
    this.#wrapWorking();
    this.#succeeded('cancel', (args) => this.#runs.cancel(args[1]));
    this.#hooks.add(listen(boss, { stopped: () => this.#stop() }));
  }

  remove(): void {
    this.#hooks.dispose();
    this.#stop();
    this.#runs.close();
  }

  /** It may be started again. */
  #stop(): void {
    for (const end of this.#watched.values()) end();
    this.#watched.clear();
    this.#stopWorkers(() => true);
  }

  #wrapSending(): void {
    this.#succeeded('send', ([first], id) => {
      if (typeof id === 'string') this.#sent(typeof first === 'string' ? first : (first as { name: string }).name);
    });
    for (const name of ['sendAfter', 'sendThrottled', 'sendDebounced'] as const) {
      this.#succeeded(name, ([queue], id) => {
        if (typeof id === 'string') this.#sent(queue as string);
      });
    }
    // Up to 10: insert(jobs); then insert(queue, jobs).
    this.#succeeded('insert', ([first, second], result) => {
      const all = (typeof first === 'string' ? second : first) as readonly NewJob[];
      const jobs = all.map((job) => ({ ...job, name: typeof first === 'string' ? first : job.name! }));
      const inserted = insertedBy(result);
      // Which of them were left out, having been there already, is not said.
      const certain = inserted === jobs.length ? jobs : jobs.filter(({ id, singletonKey }) => !id && !singletonKey);
      for (const { name } of certain) this.#sent(name);
    });
  }

  #wrapWorking(): void {
    const restore = wrapMethod(this.#boss, 'work', (work) => {
      return (...args) => {
        const queue = args[0] as string;
        const label = typeof queue === 'string' ? this.#labelOf(queue) : '';
        const changed = this.#runs.observe(label, args);
        const call = (): unknown => Reflect.apply(work, this.#boss, changed);
        if (changed === args) return call();
        this.#recorder.endRunsOfThePast(label);
        return observeCall(call, (outcome) => {
          if (!outcome.failed) this.#started(queue, outcome.result as string);
        });
      };
    });
    this.#hooks.add(restore);
    this.#succeeded('offWork', ([which]) => {
      const id = typeof which === 'object' && which !== null ? (which as { id?: unknown }).id : undefined;
      this.#stopWorkers((worker, queue) => (id === undefined ? queue === which : worker === id));
    });
  }

  #started(queue: string, worker: string): void {
    this.#workers.set(worker, { queue, down: this.#recorder.workerUp(this.#labelOf(queue)) });
    this.#watch(queue);
  }

  #sent(queue: string): void {
    const label = this.#labelOf(queue);
    this.#recorder.enqueued(label, label);
    this.#watch(queue);
  }

  #labelOf(queue: string): string {
    return this.#recorder.queueName(queue, this.#place);
  }

  #stopWorkers(which: (id: string, queue: string) => boolean): void {
    for (const [id, { queue, down }] of this.#workers) {
      if (!which(id, queue)) continue;
      down();
      this.#workers.delete(id);
    }
  }

  #watch(queue: string): void {
    if (this.#watched.has(queue)) return;
    this.#watched.set(
      queue,
      this.#recorder.watchQueue(this.#labelOf(queue), () => this.#sizesOf(queue)),
    );
  }

  async #sizesOf(queue: string): Promise<Record<string, number>> {
    if (this.#boss.countStates) {
      // It counts all queues at once: those that ask at the same time share the answer.
      this.#counting ??= this.#boss.countStates().finally(() => {
        this.#counting = undefined;
      });
      const counted = (await this.#counting).queues[queue] ?? {};
      return Object.fromEntries(STATES.map((state) => [state, counted[state] ?? 0]));
    }
    const stats = [await this.#boss.getQueueStats!(queue)].flat()[0]!;
    const { queuedCount, deferredCount, readyCount = Math.max(0, queuedCount - deferredCount) } = stats;
    return {
      ready: readyCount,
      deferred: deferredCount,
      active: stats.activeCount,
      ...(stats.failedCount !== undefined && { failed: stats.failedCount }),
    };
  }

  /** Tells `done` the arguments and the result of each call of a method that succeeds. */
  #succeeded(
    name: 'send' | 'sendAfter' | 'sendThrottled' | 'sendDebounced' | 'insert' | 'offWork' | 'cancel',
    done: (args: readonly unknown[], result: unknown) => void,
  ): void {
    const begin =
      (args: readonly unknown[]): End =>
      (error, result) => {
        if (error === undefined) done(args, result);
      };
    this.#hooks.add(observeMethod(this.#boss, name, begin));
  }
}

/** The schema and the database of an instance, as far as they can be known. */
function placeOf(boss: PgBossInstance & Sizes): QueuePlace {
  const { schema = 'pgboss', database, connectionString } = configOf(boss) ?? {};
  const inUrl = connectionString && URL.canParse(connectionString) ? new URL(connectionString).pathname.slice(1) : '';
  const id = `${database ?? inUrl}.${schema}`;
  return { id, longerNames: (name) => [`${schema}.${name}`, `${id}.${name}`] };
}

function configOf(boss: Sizes): DatabaseConfig | undefined {
  return attempt(() => boss.getDb?.()?.config);
}

/** Returns how many jobs an `insert` made, or `undefined` if the version does not tell. */
function insertedBy(result: unknown): number | undefined {
  if (Array.isArray(result)) return result.length;
  const count: unknown = (result as { rowCount?: unknown } | null | undefined)?.rowCount;
  return typeof count === 'number' ? count : undefined;
}
