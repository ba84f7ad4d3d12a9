import { attach, uninstrument } from '../instrument/attach.ts';
import { hookFailed } from '../instrument/guard.ts';
import { type InstrumentModelsOptions, ModelRecorder } from '../instrument/model-recorder.ts';
import { SqlConnection } from '../instrument/sql-connection.ts';
import { observeCall, wrapMethod } from '../instrument/wrap.ts';

export { uninstrument };

/** What is used of a Kysely instance: its executor. */
export interface KyselyLike {
  getExecutor(): object;
}

/** Options of {@link instrumentKysely}. */
export interface InstrumentKyselyOptions extends InstrumentModelsOptions {}

/** What executes queries; each plugin makes another, with the same connections. */
interface Executor {
  provideConnection(consume: (connection: Connection) => Promise<unknown>): Promise<unknown>;
}

/** A dialect's connection. Its driver sends `begin` and the like over it too. */
interface Connection {
  executeQuery(query: CompiledQuery, ...more: unknown[]): Promise<QueryResult>;
}

interface CompiledQuery {
  readonly sql: string;
}

interface QueryResult {
  readonly numAffectedRows?: bigint | undefined;
  readonly rows: readonly unknown[];
}

/** Who counts what goes over a connection, for as long as it is on. */
interface Watcher {
  readonly connection: SqlConnection;
  readonly state: { readonly on: boolean };
}

const watchers: WeakMap<Connection, Watcher> = new WeakMap();

/** The executor's methods that give another one. */
const DERIVING = ['withPlugin', 'withPlugins', 'withPluginAtFront', 'withoutPlugins'] as const;

/**
 * Counts the rows that a Kysely instance writes, by table, also in transactions and through copies of it (`withPlugin`, `withSchema`). Its executor, which it
 * shows to third-party dialects, is told to watch the connections that it provides.
 *
 * @returns the instance.
 * @throws MetricsError ERR_METRICS_DUPLICATE_NAME where the registry has families of these names that are none of ours.
 *
 * @example
 * const db = instrumentKysely(new Kysely<Database>({ dialect: new PostgresDialect({ pool }) }));
 */
export function instrumentKysely<K extends KyselyLike>(db: K, options: InstrumentKyselyOptions = {}): K {
  return attach(db, 'kysely', options, (instrumentation) => {
    const recorder = new ModelRecorder(instrumentation, options.app);
    const state = { on: true };
    const restore = watchExecutor(db.getExecutor(), (connection) => {
      const watcher = watchers.get(connection);
      if (watcher?.state.on) return;
      watchers.set(connection, { connection: new SqlConnection(recorder), state });
      if (!watcher) wrapMethod(connection, 'executeQuery', watched);
    });
    return () => {
      state.on = false;
      restore();
    };
  });
}

function watchExecutor(executor: object, found: (connection: Connection) => void): () => void {
  const restores = DERIVING.map((name) =>
    wrapMethod<string, (...args: unknown[]) => object>(executor, name, (original) => {
      return function (this: object, ...args) {
        const derived = original.apply(this, args);
        if (derived !== executor) watchExecutor(derived, found);
        return derived;
      };
    }),
  );
  restores.push(
    wrapMethod<string, Executor['provideConnection']>(executor, 'provideConnection', (original) => {
      return function (this: Executor, consume, ...more: []) {
        const consumeWatched = (connection: Connection): Promise<unknown> => {
          try {
            found(connection);
          } catch (error) {
            hookFailed(error);
          }
          return consume(connection);
        };
        return original.call(this, consumeWatched, ...more);
      };
    }),
  );
  return () => {
    for (const restore of restores) restore();
  };
}

function watched(executeQuery: Connection['executeQuery']): Connection['executeQuery'] {
  return function (this: Connection, query, ...more) {
    const call = (): Promise<QueryResult> => executeQuery.call(this, query, ...more);
    const watcher = watchers.get(this);
    if (!watcher?.state.on) return call();
    const { connection } = watcher;
    const { sql } = query;
    connection.sent(sql);
    return observeCall(call, (outcome) => {
      if (outcome.failed) connection.failed(sql, outcome.error);
      else connection.succeeded(sql, outcome.result.numAffectedRows ?? outcome.result.rows.length);
    });
  };
}
