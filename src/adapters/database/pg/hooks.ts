import type { EventEmitter } from 'node:events';
import type { DatabaseSeries } from '../../../instrument/database/series.ts';
import { DatabaseSession } from '../../../instrument/database/session.ts';
import type { PoolSeries } from '../../../instrument/database/pool.ts';
import { guarded, hookFailed } from '../../../instrument/hooks/guard.ts';
import { HookSet } from '../../../instrument/hooks/hook-set.ts';
import { wrapMethod } from '../../../instrument/hooks/wrap.ts';
import { noteUnsent, observedConnect, observedQuery } from './client.ts';
import type { PgCallback, PgClient, PgModule, PgPool } from './types.ts';

type AnyMethod = (this: never, ...args: never[]) => unknown;

/** Puts hooks on clients, on pools and their clients, or on all that a module's classes make. */
export class PgHooks {
  readonly #series: DatabaseSeries;
  readonly #hooks: HookSet = new HookSet();

  constructor(series: DatabaseSeries) {
    this.#series = series;
  }

  /** Takes all hooks off. */
  remove(): void {
    this.#hooks.remove();
  }

  /** Hooks a client, in place of hooks that it has. */
  client(client: PgClient): void {
    const session = new DatabaseSession(this.#series);
    const events = client as unknown as EventEmitter;
    const onEnd = guarded(() => {
      session.rolledBack();
      forget();
    });
    const forget = this.#hooks.put(client, () => {
      events.once('end', onEnd);
      return [
        wrapMethod(client, 'connect', (original: AnyMethod) => observedConnect(original as never, session) as never),
        wrapMethod(client, 'query', (original: AnyMethod) => observedQuery(original as never, session) as never),
        noteUnsent(client),
        () => events.removeListener('end', onEnd),
      ];
    });
  }

  /** The clients that the pool has are measured too, and those that it is going to make. */
  pool(pool: PgPool): void {
    const gauges = this.#series.pool();
    const changed = guarded(() => gauges.changed());
    const events = pool as unknown as EventEmitter;
    const names = ['connect', 'acquire', 'release', 'remove'];
    const withClients = pool as { Client?: new (...args: never[]) => PgClient; _clients?: readonly PgClient[] };
    const series = this.#series;
    const ended = guarded(() => {
      gauges.changed();
      forget();
    });
    const forget = this.#hooks.put(pool, () => {
      for (const name of names) events.on(name, changed);
      gauges.watch(() => stateOf(pool));
      return [
        wrapMethod(
          pool,
          'connect',
          (original: AnyMethod) => observedCheckout(original as never, gauges, series) as never,
        ),
        wrapMethod(pool, 'end', (original: AnyMethod) => endOf(original as never, ended) as never),
        this.#watchClients(withClients),
        () => {
          for (const name of names) events.removeListener(name, changed);
          gauges.close();
        },
      ];
    });
    for (const client of withClients._clients ?? []) this.client(client);
  }

  module({ Client, Pool }: PgModule): void {
    this.#hooks.discover<PgClient>(Client.prototype, ['connect', 'query'], (client) => this.client(client));
    this.#hooks.discover<PgPool>(Pool.prototype, ['connect'], (pool) => this.pool(pool));
  }

  /**
   * A client has hooks from its first moment on, and so from its connection's. The class stays what
   * it is.
   */
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

/**
 * `pool.connect`, by which `pool.query` goes too: how long it took, and whether the pool gave up.
 */
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
      const observed: PgCallback = function (this: unknown, error) {
        settled(error, start);
        return Reflect.apply(callback, this, arguments) as undefined;
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
