import type { BoundGauge } from '../../core/gauge.ts';
import type { BoundHistogram } from '../../core/bound-histogram.ts';
import type { DatabaseFamilies } from './families.ts';
import { hookFailed } from '../hooks/guard.ts';

/** The state of a pool at one moment. */
export interface PoolState {
  /** Connections that are given out. */
  readonly used: number;
  readonly idle: number;
  /** Requests that wait for one. */
  readonly pending: number;
  /** The limit of connections. */
  readonly max: number;
}

const NOTHING: PoolState = { used: 0, idle: 0, pending: 0, max: 0 };

/** The gauges of a pool, added to those of other pools with the same alias. */
export class PoolSeries {
  readonly #used: BoundGauge;
  readonly #idle: BoundGauge;
  readonly #pending: BoundGauge;
  readonly #max: BoundGauge;
  readonly #wait: BoundHistogram;
  readonly #changes: PoolChanges;
  #shown: PoolState = NOTHING;
  #read: (() => PoolState) | undefined;
  #changed = false;

  constructor(
    families: DatabaseFamilies,
    labels: { readonly db: string; readonly system: string },
    changes: PoolChanges,
  ) {
    this.#changes = changes;
    this.#used = families.connections.labels({ ...labels, state: 'used' });
    this.#idle = families.connections.labels({ ...labels, state: 'idle' });
    this.#pending = families.pendingRequests.labels(labels);
    this.#max = families.connectionsMax.labels(labels);
    this.#wait = families.connectionWait.labels(labels);
  }

  /** Sets the gauges to what `read` returns, now and after each `changed`. */
  watch(read: () => PoolState): void {
    this.#read = read;
    this.#show(read());
  }

  /**
   * Something has changed, or is about to. The pool is read a little later, once for any number of
   * calls, and before each scrape.
   */
  changed(): void {
    if (this.#changed) return;
    this.#changed = true;
    this.#changes.add(this);
  }

  /** Records how long a request waited for its connection. */
  waited(seconds: number): void {
    this.#wait.observe(seconds);
  }

  /** Sets the gauges to 0: the pool has ended, or its hooks are taken off. */
  close(): void {
    this.#read = undefined;
    this.#show(NOTHING);
  }

  /** Brings the gauges up to date. */
  refresh(): void {
    this.#changed = false;
    try {
      if (this.#read) this.#show(this.#read());
    } catch (error) {
      hookFailed(error);
    }
  }

  #show(state: PoolState): void {
    const { used, idle, pending, max } = this.#shown;
    this.#shown = state;
    if (state.used !== used) this.#used.inc(state.used - used);
    if (state.idle !== idle) this.#idle.inc(state.idle - idle);
    if (state.pending !== pending) this.#pending.inc(state.pending - pending);
    if (state.max !== max) this.#max.inc(state.max - max);
  }
}

/**
 * After so long a change is seen by other processes, also by those that read while this one is
 * busy.
 */
const DELAY_MS = 5;

/**
 * The pools of a registry that have changed. They are read a little later and not at each change,
 * of which a query has several: exact whenever the process rests, and when its own page is read.
 */
export class PoolChanges {
  readonly #pools: Set<PoolSeries> = new Set();

  add(pool: PoolSeries): void {
    this.#pools.add(pool);
    if (this.#pools.size === 1) setTimeout(this.refresh, DELAY_MS).unref();
  }

  /** Reads them. */
  readonly refresh: () => void = () => {
    const pools = [...this.#pools];
    this.#pools.clear();
    for (const pool of pools) pool.refresh();
  };
}
