import { createHash } from 'node:crypto';
import { inspect } from 'node:util';
import type { BoundGauge } from '../../core/gauge.ts';
import type { Registry } from '../../core/registry.ts';
import type { JobFamilies } from './families.ts';

/**
 * Asks a queue how many jobs it has, by state. Numbers in text and bigints, as SQL drivers give
 * them, are read as numbers.
 */
export type ReadQueue = () => Promise<Readonly<Record<string, number | bigint | string>>>;

/**
 * The least time between two questions to a queue, however often the page is scraped. A little less
 * than the interval in which registries refresh what processes share.
 */
const REST_MS = 4500;

/** How long a scrape waits for a queue: less than a registry gives all collectors together. */
const PATIENCE_MS = 1500;

/**
 * Reads the sizes of queues. One process of a directory asks: the one that holds a lock, which
 * falls with the process. So the question costs the same with one process or fifty, and no size is
 * added up twice.
 */
export class QueueSizes {
  readonly #registry: Registry;
  readonly #queues: Map<string, WatchedQueue> = new Map();

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  /**
   * Watches a queue. If several in a process do, the first one is asked. Returns a function that
   * ends it.
   */
  watch(queue: string, read: ReadQueue): () => void {
    let watched = this.#queues.get(queue);
    if (!watched) this.#queues.set(queue, (watched = new WatchedQueue(queue, this.#registry)));
    const { readers } = watched;
    // One function can be given twice.
    const reader = { read };
    readers.push(reader);
    return () => {
      const at = readers.indexOf(reader);
      if (at >= 0) readers.splice(at, 1);
      if (readers.length > 0 || at < 0) return;
      watched.close();
      this.#queues.delete(queue);
    };
  }

  /** @throws the first error, after the sizes of all other queues are up to date. */
  async read({ queueSize }: JobFamilies): Promise<void> {
    const reads = await Promise.allSettled([...this.#queues.values()].map((queue) => queue.refresh(queueSize)));
    for (const read of reads) if (read.status === 'rejected') throw read.reason;
  }
}

class WatchedQueue {
  readonly readers: { readonly read: ReadQueue }[] = [];
  readonly #name: string;
  readonly #registry: Registry;
  readonly #shown: Map<string, BoundGauge> = new Map();
  #family: JobFamilies['queueSize'] | undefined;
  /** The lock on the store's board that lets this process ask. */
  #right: { readonly store: Registry['store']; readonly release: () => void } | undefined;
  #askedAt = -Infinity;
  #asking: Promise<void> | undefined;

  constructor(name: string, registry: Registry) {
    this.#name = name;
    this.#registry = registry;
  }

  async refresh(family: JobFamilies['queueSize']): Promise<void> {
    this.#family = family;
    const now = this.#registry.clock.sharedMs();
    // A queue that hangs is not asked again before it has answered.
    if (this.#asking || now - this.#askedAt < REST_MS || !this.#mayAsk()) return;
    this.#askedAt = now;
    const asking = this.#ask();
    this.#asking = asking.finally(() => {
      this.#asking = undefined;
    });
    this.#asking.catch(() => {});
    try {
      await within(PATIENCE_MS, asking, `the queue ${this.#name}`);
    } catch (error) {
      // Another process may get an answer.
      this.#giveUpRight();
      throw error;
    }
  }

  close(): void {
    this.#giveUpRight();
    for (const state of [...this.#shown.keys()]) this.#hide(state);
  }

  async #ask(): Promise<void> {
    const sizes = await this.readers[0]!.read();
    if (!this.#right) return; // closed meanwhile, or too late
    let wrong: Error | undefined;
    for (const state of [...this.#shown.keys()]) if (!(state in sizes)) this.#hide(state);
    for (const [state, size] of Object.entries(sizes)) {
      const jobs = toNumber(size);
      if (jobs === undefined) {
        this.#hide(state);
        wrong ??= new TypeError(`the queue ${this.#name} has ${inspect(size)} jobs that are ${state}: give a number`);
        continue;
      }
      let gauge = this.#shown.get(state);
      if (!gauge) this.#shown.set(state, (gauge = this.#family!.labels({ queue: this.#name, state })));
      gauge.set(jobs);
    }
    if (wrong) throw wrong;
  }

  #hide(state: string): void {
    this.#family?.remove({ queue: this.#name, state });
    this.#shown.delete(state);
  }

  #giveUpRight(): void {
    this.#right?.release();
    this.#right = undefined;
  }

  #mayAsk(): boolean {
    const { store } = this.#registry;
    if (this.#right?.store === store) return true;
    this.#giveUpRight();
    const id = createHash('sha256').update(this.#name).digest('hex').slice(0, 16);
    const release = store.board.claim(`job-queue-${id}`);
    if (release) this.#right = { store, release };
    return release !== undefined;
  }
}

function toNumber(size: unknown): number | undefined {
  if (typeof size === 'string' && size.trim() === '') return undefined;
  if (typeof size !== 'number' && typeof size !== 'bigint' && typeof size !== 'string') return undefined;
  const jobs = Number(size);
  return Number.isFinite(jobs) ? jobs : undefined;
}

async function within(ms: number, work: Promise<void>, what: string): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not answer within ${ms} ms`)), ms);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
