import type { EventEmitter } from 'node:events';
import type { PoolSeries, PoolState } from '../../../instrument/database/pool.ts';
import type { DatabaseSeries } from '../../../instrument/database/series.ts';
import { guarded, hookFailed } from '../../../instrument/hooks/guard.ts';
import { HookSet } from '../../../instrument/hooks/hook-set.ts';
import { observeMethod } from '../../../instrument/hooks/observe.ts';
import { after, wrapMethod } from '../../../instrument/hooks/wrap.ts';
import { ConnectionHooks } from './connection.ts';
import type {
  Mysql2Callback,
  Mysql2Connection,
  Mysql2Insides,
  Mysql2Pool,
  Mysql2PoolInsides,
  Mysql2PromiseConnection,
  Mysql2PromisePool,
} from './types.ts';

/** Errors of a pool, which carry no code, by their messages. */
const CODELESS: ReadonlyMap<string, string> = new Map([
  ['Pool is closed.', 'closed'],
  ['Queue limit reached.', 'queue_full'],
  ['No connections available.', 'exhausted'],
]);

const POOL_EVENTS = ['connection', 'acquire', 'release', 'enqueue'];
const CONNECTION_METHODS = ['query', 'execute', 'prepare', 'connect'];

type AnyMethod = (this: never, ...args: never[]) => unknown;
type Class<T> = { readonly prototype: T } | undefined;

/**
 * Puts hooks on connections, on pools and their connections, or on all that a module's classes
 * make.
 */
export class Mysql2Hooks {
  readonly #series: DatabaseSeries;
  readonly #hooks: HookSet = new HookSet();

  constructor(series: DatabaseSeries) {
    this.#series = series;
  }

  /** Takes all hooks off. */
  remove(): void {
    this.#hooks.remove();
  }

  /** @param changed For a connection of a pool: told when it closes. */
  connection(connection: Mysql2Connection, changed?: () => void): void {
    const forget = this.#hooks.put(connection, () => {
      const hooks = new ConnectionHooks(this.#series, connection, changed !== undefined, () => {
        changed?.();
        forget();
      });
      return hooks.hook(connection);
    });
  }

  /** The connections that the pool has are measured too, and those that it is going to make. */
  pool(pool: Mysql2Pool): void {
    const gauges = this.#series.pool();
    const series = this.#series;
    const events = pool as unknown as EventEmitter;
    const changed = guarded(() => gauges.changed());
    const connected = guarded((connection: Mysql2Connection) => {
      series.connected();
      this.connection(connection, changed);
    });
    const ended = guarded(() => {
      gauges.changed();
      forget();
    });
    const forget = this.#hooks.put(pool, () => {
      for (const name of POOL_EVENTS) events.on(name, changed);
      events.on('connection', connected);
      gauges.watch(() => stateOf(pool as Mysql2PoolInsides));
      return [
        wrapMethod(
          pool,
          'getConnection',
          (original: AnyMethod) => observedCheckout(original as never, gauges, series) as never,
        ),
        wrapMethod(pool, 'end', (original: AnyMethod) => before(original as never, ended) as never),
        () => {
          for (const name of POOL_EVENTS) events.removeListener(name, changed);
          events.removeListener('connection', connected);
          gauges.close();
        },
      ];
    });
    const { _allConnections: all } = pool as Mysql2PoolInsides;
    for (let i = 0; i < (all?.length ?? 0); i++) {
      const connection = all!.get?.(i);
      if (connection) this.connection(connection as Mysql2Connection, changed);
    }
  }

  /** For `mysql2` watches the classes themselves, for `mysql2/promise` those around them. */
  module(module: object): void {
    const {
      Connection: Exported,
      Pool,
      PromiseConnection,
      PromisePool,
    } = module as {
      Connection?: Class<Mysql2Connection>;
      Pool?: Class<Mysql2Pool>;
      PromiseConnection?: Class<Mysql2PromiseConnection>;
      PromisePool?: Class<Mysql2PromisePool>;
    };
    // `mysql2/promise` calls its own class by both names.
    const Connection = (Exported as unknown) === PromiseConnection ? undefined : Exported;
    const connection = (found: Mysql2Connection): void => this.#found(found);
    const pool = (found: Mysql2Pool): void => this.pool(found);
    if (Connection) {
      this.#hooks.discover(Connection.prototype, CONNECTION_METHODS, connection);
      // The constructor sends the handshake by it: so a connection is known before it can fail.
      const known = after(Connection.prototype, 'addCommand', (_result, _args, self) => {
        if (!HookSet.has(self as object)) this.#found(self as Mysql2Connection);
      });
      this.#hooks.add(known);
    }
    if (Pool) this.#hooks.discover(Pool.prototype, ['getConnection'], pool);
    if (PromiseConnection && !Connection) this.#watchCreated(module);
    if (PromiseConnection) {
      const core = (around: Mysql2PromiseConnection): Mysql2Connection => around.connection as Mysql2Connection;
      this.#hooks.discover(PromiseConnection.prototype, CONNECTION_METHODS, connection, core);
    }
    if (PromisePool) {
      const core = (around: Mysql2PromisePool): Mysql2Pool => around.pool as Mysql2Pool;
      this.#hooks.discover(PromisePool.prototype, ['getConnection', 'query', 'execute'], pool, core);
    }
  }

  /** A pool puts hooks on its own connections, once they are open. */
  #found(connection: Mysql2Connection): void {
    const { release, _pool: pool } = connection as Mysql2Insides;
    if (typeof release !== 'function') this.connection(connection);
    else if (pool && !HookSet.has(pool)) this.pool(pool as Mysql2Pool);
  }

  /** `mysql2/promise` gives a connection out when it is open: only its function sees failures. */
  #watchCreated(module: object): void {
    const { default: exports } = module as { default?: object };
    // A namespace can't be changed, but has the object that it was made of.
    for (const holder of new Set([module, exports ?? module])) {
      if (!Object.isExtensible(holder)) continue;
      const restore = observeMethod(holder, 'createConnection', () => (error, result) => {
        if (error) return this.#series.connectionFailed(error);
        this.#series.connected();
        const { connection } = (result as Created) ?? {};
        if (connection) this.connection(connection);
      });
      this.#hooks.add(restore);
    }
  }
}

type Created = { readonly connection?: Mysql2Connection } | undefined;

function stateOf({
  _allConnections,
  _freeConnections,
  _connectionQueue,
  _closed,
  config,
}: Mysql2PoolInsides): PoolState {
  // A pool that was closed keeps its lists as they were.
  if (_closed === true) return { used: 0, idle: 0, pending: 0, max: 0 };
  const idle = _freeConnections?.length ?? 0;
  return {
    used: (_allConnections?.length ?? 0) - idle,
    idle,
    pending: _connectionQueue?.length ?? 0,
    max: config?.connectionLimit ?? 0,
  };
}

/** On callbacks of ours: a pool hands one on to itself when a connection is gone. */
const kOurs: unique symbol = Symbol('promenade.checkout');

type Checkout = (this: unknown, callback: unknown, ...more: unknown[]) => unknown;

/** `pool.getConnection`, by which a pool's `query` and `execute` go too. */
function observedCheckout(original: Checkout, gauges: PoolSeries, series: DatabaseSeries): Checkout {
  return function (this: unknown, callback, ...more) {
    gauges.changed();
    if (typeof callback !== 'function' || kOurs in callback) return original.call(this, callback, ...more);
    const start = performance.now();
    const observed: Mysql2Callback & { [kOurs]?: true } = function (this: unknown, error) {
      try {
        gauges.changed();
        if (error) series.connectionFailed(CODELESS.get((error as Error).message) ?? error);
        else gauges.waited((performance.now() - start) / 1000);
      } catch (failure) {
        hookFailed(failure);
      }
      return Reflect.apply(callback, this, arguments) as undefined;
    };
    observed[kOurs] = true;
    return original.call(this, observed, ...more);
  };
}

function before(original: Checkout, tell: () => void): Checkout {
  return function (this: unknown, ...args) {
    tell();
    return Reflect.apply(original, this, args);
  };
}
