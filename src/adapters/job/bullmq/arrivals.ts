import { hookFailed } from '../../../instrument/hooks/guard.ts';

/** A job that `add` or `addBulk` gave back. */
export interface AddedJob {
  readonly id?: string | undefined;
  readonly name: string;
}

/** A job that is about to be added. */
export interface NewJob {
  readonly name: string;
  readonly opts?:
    | {
        readonly jobId?: string | undefined;
        readonly repeat?: object | undefined;
        readonly deduplication?: { readonly id: string } | undefined;
        readonly debounce?: { readonly id: string } | undefined;
      }
    | undefined;
}

/** The parts of a queue that say whether a job exists. Versions differ in what they have. */
export interface Lookups {
  getJob?(id: string): Promise<object | undefined>;
  getDeduplicationJobId?(id: string): Promise<string | null>;
  getDebounceJobId?(id: string): Promise<string | null>;
  toKey?(id: string): string;
  /** Up to 5. */
  readonly client?: Promise<Client>;
  /** Since 6. */
  readonly backend?: { readonly connection?: { readonly client?: Promise<Client> } };
}

interface Client {
  hexists?(key: string, field: string): Promise<unknown>;
}

/** A question about a job, asked before it is added. */
interface Look {
  /** The id under which it is on its way. */
  readonly id: string | undefined;
  isNew(added: AddedJob): boolean | Promise<boolean>;
}

const ALWAYS: Look = { id: undefined, isNew: () => true };
const NEVER: Look = { id: undefined, isNew: () => false };

/** Tells which jobs on their way into a queue are new there. */
export class Arrivals {
  readonly #queue: Lookups;
  readonly #count: (job: AddedJob) => void;
  /** Ids of jobs that are being added. */
  readonly #ids: Set<string> = new Set();

  /** @param count Called with each job that is new. */
  constructor(queue: Lookups, count: (job: AddedJob) => void) {
    this.#queue = queue;
    this.#count = count;
  }

  /**
   * Must be called before jobs are added. Call the function that it returns with the added jobs, or
   * with nothing if adding failed.
   */
  expect(jobs: readonly NewJob[]): (added: readonly AddedJob[] | undefined) => void {
    try {
      const looks = jobs.map((job) => this.#look(job));
      return (added) => {
        for (const [i, job] of (added ?? []).entries()) {
          const isNew = looks[i]!.isNew(job);
          if (isNew === true) this.#count(job);
          else if (isNew) void isNew.then((yes) => yes && this.#count(job)).catch(hookFailed);
        }
        for (const { id } of looks) if (id !== undefined) this.#ids.delete(id);
      };
    } catch (error) {
      hookFailed(error); // not a list of jobs: BullMQ refuses it
      return () => {};
    }
  }

  /**
   * A job whose id (or deduplication id) exists comes back as if it had been added. So Redis is
   * asked first, on the connection that then adds, in this order and without waiting: by `HEXISTS`,
   * which reads nothing of the job, and which no cache uses on the same client. Two processes that add the same id in the same moment can both
   * be told that it is new.
   */
  #look({ opts = {} }: NewJob): Look {
    // Its jobs are counted when they are due: see worker.ts.
    if (opts.repeat) return NEVER;
    const deduplication = (opts.deduplication ?? opts.debounce)?.id;
    const id = deduplication === undefined ? opts.jobId : `deduplication ${deduplication}`;
    if (id === undefined) return ALWAYS;
    if (this.#ids.has(id)) return NEVER;
    this.#ids.add(id);
    if (deduplication !== undefined) return this.#lookForHolder(id, deduplication);
    const exists = this.#exists(id)?.catch(() => false);
    return exists ? { id, isNew: async () => !(await exists) } : ALWAYS;
  }

  #lookForHolder(id: string, deduplication: string): Look {
    const queue = this.#queue;
    const held = (queue.getDeduplicationJobId ?? queue.getDebounceJobId)?.call(queue, deduplication);
    if (!held) return ALWAYS;
    // The job may take the place of another (`replace`): then its id is new.
    const known = held.catch(() => null);
    return { id, isNew: async (job) => (await known) !== job.id };
  }

  #exists(id: string): Promise<boolean> | undefined {
    const queue = this.#queue;
    const client = queue.client ?? queue.backend?.connection?.client;
    if (!client || !queue.toKey) return queue.getJob?.(id).then((job) => job !== undefined);
    return client.then(async (redis) => {
      if (typeof redis.hexists === 'function') return Number(await redis.hexists(queue.toKey!(id), 'timestamp')) > 0;
      return (await queue.getJob?.(id)) !== undefined;
    });
  }
}
