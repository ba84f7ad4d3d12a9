import type { EventEmitter } from 'node:events';
import type { DatabaseSeries } from '../instrument/database-series.ts';
import { DatabaseSession } from '../instrument/database-session.ts';
import type { PoolSeries } from '../instrument/database-pool.ts';
import { guarded, hookFailed } from '../instrument/guard.ts';
import { wrapMethod } from '../instrument/wrap.ts';
import { observedConnect, observedQuery } from './pg-client.ts';
import type { PgCallback, PgClient, PgModule, PgPool } from './pg-types.ts';

/** What takes the hooks off a pool or client. */
const hooked: WeakMap<object, () => void> = new WeakMap();

type AnyMethod = (this: never, ...args: never[]) => unknown;

/** The hooks that one instrumented target has brought about: on a module's, on all its pools and clients; on a pool's, on all its clients. */
export class PgHooks {
  readonly #series: DatabaseSeries;
  readonly #removers: Set<() => void> = new Set();

  constructor(series: DatabaseSeries) {
    this.#series = series;
  }

  /** Takes all of them off. */
  remove(): void {
    for (const remove of this.#removers) remove();
  }

  /** Puts hooks on a client; those that it has already are exchanged. */
  client(client: PgClient): void {
    const session = new DatabaseSession(this.#series);
    const events = client as unknown as EventEmitter;
    const onEnd = guarded(() => {
      session.rolledBack();
      this.#removers.delete(remove);
    });
    const restores = [
      wrapMethod(client, 'connect', (original: AnyMethod) => observedConnect(original as never, session) as never),
      wrapMethod(client, 'query', (original: AnyMethod) => observedQuery(original as never, session) as never),
      () => events.removeListener('end', onEnd),
    ];
    events.once('end', onEnd);
    const remove = this.#hook(client, restores);
  }

  /** Puts hooks on a pool, and on the clients that it has and makes. */
  pool(pool: PgPool): void {
    const gauges = this.#series.pool();
    const changed = guarded(() => gauges.changed());
    const events = pool as unknown as EventEmitter;
    const names = ['connect', 'acquire', 'release', 'remove'];
    const withClients = pool as { Client?: new (...args: never[]) => PgClient; _clients?: readonly PgClient[] };
    const restores = [
      wrapMethod(
        pool,
        'connect',
        (original: AnyMethod) => observedCheckout(original as never, gauges, this.#series) as never,
      ),
      wrapMethod(pool, 'end', (original: AnyMethod) => endOf(original as never, () => gauges.changed()) as never),
      this.#watchClients(withClients),
      () => {
        for (const name of names) events.removeListener(name, changed);
        gauges.close();
      },
    ];
    for (const client of withClients._clients ?? []) this.client(client);
    for (const name of names) events.on(name, changed);
    gauges.watch(() => stateOf(pool));
    this.#hook(pool, restores);
  }

  /** Puts hooks on all that a module's classes make, when it is first used; what has hooks already keeps them. */
  module({ Client, Pool }: PgModule): void {
    const discover = <T extends object>(
      prototype: T,
      name: 'connect' | 'query',
      adopt: (instance: T) => void,
    ): void => {
      const methods = prototype as { connect?: unknown; query?: unknown };
      const restore = wrapMethod(methods, name, (original: (this: unknown, ...args: never[]) => unknown) => {
        return function (this: T & typeof methods, ...args: never[]): unknown {
          if (hooked.has(this)) return Reflect.apply(original, this, args);
          try {
            adopt(this);
          } catch (error) {
            hookFailed(error);
            return Reflect.apply(original, this, args);
          }
          return Reflect.apply(this[name] as typeof original, this, args);
        } as typeof original;
      });
      this.#removers.add(restore);
    };
    discover<PgClient>(Client.prototype, 'connect', (client) => this.client(client));
    discover<PgClient>(Client.prototype, 'query', (client) => this.client(client));
    discover<PgPool>(Pool.prototype, 'connect', (pool) => this.pool(pool));
  }

  /** A client has hooks from its first moment on, and so from its connection's. The class stays what it is. */
  #watchClients(pool: { Client?: new (...args: never[]) => PgClient }): () => void {
    const { Client } = pool;
    if (typeof Client !== 'function') return () => {};
    const adopt = guarded((client: PgClient) => this.client(client));
    const watched: typeof Client = new Proxy(Client, {
      construct(target, args, newTarget) {
        const client = Reflect.construct(target, args, newTarget === watched ? target : newTarget) as PgClient;
        adopt(client);
        return client;
      },
    });
    pool.Client = watched;
    return () => {
      if (pool.Client === watched) pool.Client = Client;
    };
  }

  #hook(target: object, restores: readonly (() => unknown)[]): () => void {
    hooked.get(target)?.();
    const remove = (): void => {
      for (const restore of restores) restore();
      this.#removers.delete(remove);
      if (hooked.get(target) === remove) hooked.delete(target);
    };
    this.#removers.add(remove);
    hooked.set(target, remove);
    return remove;
  }
}

function stateOf(pool: PgPool): { used: number; idle: number; pending: number; max: number } {
  const { totalCount, idleCount, waitingCount } = pool;
  const { options, ending } = pool as { options?: { max?: unknown }; ending?: boolean };
  const max = ending === true ? 0 : options?.max;
  return {
    used: totalCount - idleCount,
    idle: idleCount,
    pending: waitingCount,
    max: typeof max === 'number' ? max : 0,
  };
}

type Checkout = (this: unknown, ...args: unknown[]) => unknown;

/** `pool.connect`, by which `pool.query` goes too: how long it took, and whether the pool gave up. */
function observedCheckout(original: Checkout, gauges: PoolSeries, series: DatabaseSeries): Checkout {
  const settled = (error: unknown, start: number): void => {
    try {
      gauges.changed();
      if (!error) gauges.waited((performance.now() - start) / 1000);
      // Of what goes wrong when a connection is opened its client tells.
      else if ((error as Error).message === 'timeout exceeded when trying to connect')
        series.connectionFailed('timeout');
    } catch (failure) {
      hookFailed(failure);
    }
  };
  return function (this: unknown, callback: unknown, ...more: unknown[]) {
    const start = performance.now();
    gauges.changed();
    if (typeof callback === 'function') {
      const observed: PgCallback = function (this: unknown, error, ...rest) {
        settled(error, start);
        return Reflect.apply(callback, this, [error, ...rest]) as undefined;
      };
      return original.call(this, observed, ...more);
    }
    const result = original.call(this, callback, ...more) as PromiseLike<unknown>;
    return result.then(
      (client) => {
        settled(undefined, start);
        return client;
      },
      (error: unknown) => {
        settled(error ?? 'unknown', start);
        throw error;
      },
    );
  };
}

function endOf(original: Checkout, ended: () => void): Checkout {
  return function (this: unknown, ...args: unknown[]) {
    ended();
    return Reflect.apply(original, this, args);
  };
}
