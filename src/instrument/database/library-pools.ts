import { attempt } from '../hooks/guard.ts';
import { listen } from '../hooks/listen.ts';
import { whenSettled } from '../hooks/observe.ts';
import { wrapMethod } from '../hooks/wrap.ts';
import type { PoolSeries } from './pool.ts';
import type { DatabaseSeries, DatabaseSystem } from './series.ts';

/** Options for a pool that an ORM keeps itself. */
export interface InstrumentPoolOptions {
  /**
   * The `db` label of the pool's families, as the driver's adapter takes it.
   *
   * @default 'default'
   */
  readonly db?: string | undefined;
}

/** A pool that tells of its requests by events. */
export interface EventPool {
  readonly max: number;
  numUsed(): number;
  numFree(): number;
  numPendingAcquires(): number;
}

/** A pool with counts, whose `acquire` returns a promise. */
export interface CountedPool {
  readonly maxSize: number;
  readonly using: number;
  readonly available: number;
  readonly waiting: number;
}

/** A client that makes its pool when it is configured, and another one after it was destroyed. */
export interface PoolClient {
  /** By the name of its dialect; see {@link systemOf}. */
  readonly dialect?: unknown;
  readonly pool?: EventPool | undefined;
  initializePool?(...config: unknown[]): void;
}

/** The databases' systems by the names that ORMs give their dialects. */
const SYSTEMS: Readonly<Record<string, DatabaseSystem>> = {
  postgres: 'postgresql',
  postgresql: 'postgresql',
  mysql: 'mysql',
  mysql2: 'mysql',
  mariadb: 'mariadb',
  sqlite: 'sqlite',
  sqlite3: 'sqlite',
};

/** Returns the system of an ORM's dialect; undefined for one that no adapter knows. */
export function systemOf(dialect: unknown): DatabaseSystem | undefined {
  return typeof dialect === 'string' && Object.hasOwn(SYSTEMS, dialect) ? SYSTEMS[dialect] : undefined;
}

/**
 * Shows a pool that tells of its requests by events: its connections, the requests that wait, and
 * how long they waited.
 *
 * @returns a function that ends it.
 */
export function watchEventPool(pool: EventPool, database: DatabaseSeries): () => void {
  const gauges = database.pool();
  const starts = new Map<unknown, number>();
  const changed = (): void => gauges.changed();
  const stop = listen(pool, {
    acquireRequest: (id: unknown) => {
      starts.set(id, performance.now());
      changed();
    },
    acquireSuccess: (id: unknown) => {
      waited(gauges, starts.get(id));
      starts.delete(id);
    },
    acquireFail: (id: unknown, error: unknown) => {
      starts.delete(id);
      failed(gauges, database, error);
    },
    release: changed,
    createSuccess: changed,
    destroySuccess: changed,
    poolDestroySuccess: () => gauges.close(),
  });
  gauges.watch(() => ({
    used: pool.numUsed(),
    idle: pool.numFree(),
    pending: pool.numPendingAcquires(),
    max: pool.max,
  }));
  return () => {
    stop();
    gauges.close();
  };
}

/**
 * Shows the pools of a client, one after the other. Does nothing for a client without a pool of its
 * own, such as one that was given the pool of a driver.
 *
 * @returns a function that ends it.
 */
export function watchPoolClient(client: PoolClient, database: DatabaseSeries): () => void {
  let watched: EventPool | undefined;
  let stop = (): void => {};
  const watch = (): void => {
    const { pool } = client;
    if (pool === undefined || pool === watched || !isEventPool(pool)) return;
    stop();
    watched = pool;
    stop = watchEventPool(pool, database);
  };
  watch();
  const restore = wrapMethod(client, 'initializePool', (initialize) => {
    return function (this: unknown, ...args) {
      const result = Reflect.apply(initialize, this, args);
      attempt(watch);
      return result;
    };
  });
  return () => {
    restore();
    stop();
  };
}

function isEventPool(pool: object): pool is EventPool {
  return ['on', 'numUsed', 'numFree', 'numPendingAcquires'].every(
    (name) => typeof (pool as Record<string, unknown>)[name] === 'function',
  );
}

/**
 * Shows a pool with counts, by wrapping its methods on this object.
 *
 * @returns a function that ends it.
 */
export function watchCountedPool(pool: CountedPool, database: DatabaseSeries): () => void {
  const gauges = database.pool();
  const restores = [
    wrapMethod(pool, 'acquire', (acquire) => {
      return function (this: unknown, ...args) {
        const start = performance.now();
        attempt(() => gauges.changed());
        return whenSettled(
          Reflect.apply(acquire, this, args),
          () => waited(gauges, start),
          (error) => failed(gauges, database, error),
        );
      };
    }),
    ...['release', 'destroy'].map((name) =>
      wrapMethod(pool, name, (original) => {
        return function (this: unknown, ...args) {
          attempt(() => gauges.changed());
          return Reflect.apply(original, this, args);
        };
      }),
    ),
    wrapMethod(pool, 'destroyAllNow', (original) => {
      return function (this: unknown, ...args) {
        attempt(() => gauges.close());
        return Reflect.apply(original, this, args);
      };
    }),
  ];
  gauges.watch(() => ({ used: pool.using, idle: pool.available, pending: pool.waiting, max: pool.maxSize }));
  return () => {
    for (const restore of restores) restore();
    gauges.close();
  };
}

function waited(gauges: PoolSeries, start: number | undefined): void {
  if (start !== undefined) gauges.waited((performance.now() - start) / 1000);
  gauges.changed();
}

/** A connection that can't be opened is the driver's to tell; the pool tells that it took too long. */
function failed(gauges: PoolSeries, database: DatabaseSeries, error: unknown): void {
  gauges.changed();
  const { constructor } = (error ?? {}) as Partial<Error>;
  if (constructor?.name === 'TimeoutError') database.connectionFailed('timeout');
}
