import type { PoolSeries, PoolState } from '../../../instrument/database/pool.ts';
import type { DatabaseSeries } from '../../../instrument/database/series.ts';
import type { Listeners } from './listen.ts';
import { connectionsOf, poolsOf } from './monitor.ts';

interface PoolEvent {
  readonly address: string;
}

interface PoolCreated extends PoolEvent {
  readonly options?: { readonly maxPoolSize?: number };
}

interface ConnectionEvent extends PoolEvent {
  readonly connectionId: number | string;
}

interface ConnectionClosed extends ConnectionEvent {
  readonly error?: unknown;
}

interface CheckOutFailed extends PoolEvent {
  readonly reason: string;
}

interface HeartbeatFailed {
  readonly failure: unknown;
  readonly awaited: boolean;
}

/** The connections of the pool for one server. */
interface Pool {
  max: number;
  /** By connection: true while it is given out. */
  readonly connections: Map<number | string, boolean>;
  /** When those that wait began to, in order. */
  readonly waiting: number[];
}

/** The pools of a client, one for each server, as their events tell. */
export class MongodbConnections {
  readonly #series: DatabaseSeries;
  readonly #gauges: PoolSeries;
  readonly #client: object;
  readonly #pools: Map<string, Pool> = new Map();

  constructor(series: DatabaseSeries, client: object) {
    this.#series = series;
    this.#client = client;
    this.#gauges = series.pool();
    for (const pool of poolsOf(client)) {
      const known = this.#pool(pool.address, pool.options.maxPoolSize);
      for (const { connection, used } of connectionsOf(pool)) known.connections.set(connection.id, used);
    }
    this.#gauges.watch(() => this.#state());
  }

  /** @param renew Is called when there is a new pool or connection. */
  listeners(renew: () => void): Listeners {
    return {
      connectionPoolCreated: ({ address, options }: PoolCreated) => {
        this.#pool(address).max = options?.maxPoolSize ?? this.#max();
        this.#gauges.changed();
        renew();
      },
      connectionPoolClosed: ({ address }: PoolEvent) => this.#forget(address),
      connectionReady: ({ address, connectionId }: ConnectionEvent) => {
        this.#series.connected();
        this.#is(address, connectionId, false);
        renew();
      },
      connectionClosed: ({ address, connectionId, error }: ConnectionClosed) => {
        const known = this.#pools.get(address)?.connections.delete(connectionId) ?? false;
        this.#gauges.changed();
        if (!known && error) this.#series.connectionFailed(causeOf(error));
      },
      connectionCheckOutStarted: ({ address }: PoolEvent) => {
        this.#pool(address).waiting.push(performance.now());
        this.#gauges.changed();
      },
      connectionCheckedOut: ({ address, connectionId }: ConnectionEvent) => {
        const since = this.#pool(address).waiting.shift();
        if (since !== undefined) this.#gauges.waited((performance.now() - since) / 1000);
        this.#is(address, connectionId, true);
      },
      connectionCheckOutFailed: ({ address, reason }: CheckOutFailed) => {
        this.#pool(address).waiting.shift();
        this.#gauges.changed();
        // What else there is, connections tell, and heartbeats.
        if (reason === 'timeout') this.#series.connectionFailed('timeout');
        if (reason === 'poolClosed') this.#forget(address);
      },
      connectionCheckedIn: ({ address, connectionId }: ConnectionEvent) => {
        if (this.#pools.has(address)) this.#is(address, connectionId, false);
      },
      // Of a server that can't be reached they alone tell. One that is awaited had a connection.
      serverHeartbeatFailed: ({ failure, awaited }: HeartbeatFailed) => {
        if (!awaited) this.#series.connectionFailed(causeOf(failure));
      },
    };
  }

  close(): void {
    this.#gauges.close();
  }

  #pool(address: string, max: number = this.#max()): Pool {
    let pool = this.#pools.get(address);
    if (!pool) this.#pools.set(address, (pool = { max, connections: new Map(), waiting: [] }));
    return pool;
  }

  #is(address: string, id: number | string, used: boolean): void {
    this.#pool(address).connections.set(id, used);
    this.#gauges.changed();
  }

  #forget(address: string): void {
    this.#pools.delete(address);
    this.#gauges.changed();
  }

  #max(): number {
    const { options } = this.#client as { readonly options?: { readonly maxPoolSize?: number } };
    return options?.maxPoolSize ?? 0;
  }

  #state(): PoolState {
    const state = { used: 0, idle: 0, pending: 0, max: 0 };
    for (const { max, connections, waiting } of this.#pools.values()) {
      state.max += max;
      state.pending += waiting.length;
      for (const used of connections.values()) state[used ? 'used' : 'idle']++;
    }
    return state;
  }
}

/** The system's error, which the driver wraps: it has a code. */
function causeOf(error: unknown): unknown {
  const { code, cause } = (error ?? {}) as { readonly code?: unknown; readonly cause?: unknown };
  return code === undefined && cause instanceof Error ? causeOf(cause) : error;
}
