import { hookFailed } from '../../../instrument/hooks/guard.ts';

/** A pool of connections to one server, as the driver has it. */
export interface MongodbPool {
  readonly address: string;
  options: { readonly monitorCommands?: boolean; readonly maxPoolSize?: number };
}

interface MongodbConnection {
  readonly id: number | string;
  monitorCommands: boolean;
}

interface Client {
  monitorCommands: boolean;
  readonly topology?: { readonly s?: { readonly servers?: ReadonlyMap<string, { readonly pool?: MongodbPool }> } };
}

/** The pools that a client has at this moment. */
export function poolsOf(client: object): MongodbPool[] {
  const servers = (client as Client).topology?.s?.servers?.values() ?? [];
  return [...servers].flatMap(({ pool }) => pool ?? []);
}

/**
 * The connections of a pool, by whether they are given out. The driver's 6.0 keeps them under
 * symbols of the same names.
 */
export function connectionsOf(pool: object): { readonly connection: MongodbConnection; readonly used: boolean }[] {
  return Reflect.ownKeys(pool).flatMap((key) => {
    const name = typeof key === 'symbol' ? key.description : key;
    if (name !== 'connections' && name !== 'checkedOut') return [];
    const connections = (pool as Record<PropertyKey, unknown>)[key] as Iterable<MongodbConnection>;
    return [...connections].map((connection) => ({ connection, used: name === 'checkedOut' }));
  });
}

/**
 * Has the driver tell of commands. Connections and pools note when they are made whether they
 * shall, so those that there are must be told too; where the driver keeps them elsewhere, they tell
 * when they are replaced.
 */
export function monitorCommands(client: object): { readonly renew: () => void; readonly end: () => void } {
  const target = client as Client;
  const before = target.monitorCommands;
  const set = (on: boolean): void => {
    try {
      target.monitorCommands = on;
      for (const pool of poolsOf(client)) {
        if (pool.options.monitorCommands !== on) pool.options = Object.freeze({ ...pool.options, monitorCommands: on });
        for (const { connection } of connectionsOf(pool)) connection.monitorCommands = on;
      }
    } catch (error) {
      hookFailed(error);
    }
  };
  let on = true;
  set(true);
  return {
    // A connection that is opened just now was told before, and lies in its pool when the code that
    // runs has come to its end.
    renew: () => queueMicrotask(() => on && set(true)),
    end: () => {
      on = false;
      set(before);
    },
  };
}
