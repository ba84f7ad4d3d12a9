import { attach, uninstrument } from '../../instrument/hooks/attach.ts';
import { Disposers } from '../../instrument/hooks/disposers.ts';
import { attempt } from '../../instrument/hooks/guard.ts';
import { type InstrumentModelsOptions, ModelRecorder } from '../../instrument/model/recorder.ts';
import { dialectOf } from '../../instrument/sql/dialect.ts';
import { SqlConnection } from '../../instrument/model/sql-connection.ts';
import { observeCall } from '../../instrument/hooks/observe.ts';
import { wrapMethod } from '../../instrument/hooks/wrap.ts';

export { uninstrument };

/** The part of a Kysely instance that is used: its executor. */
export interface KyselyLike {
  getExecutor(): object;
}

/** Options of {@link instrumentKysely}. */
export interface InstrumentKyselyOptions extends InstrumentModelsOptions {}

/** The executor's methods that give another one. */
const DERIVING = ['withPlugin', 'withPlugins', 'withPluginAtFront', 'withoutPlugins'] as const;

/** Executes queries. Each plugin makes another executor, with the same connections. */
interface Executor extends Partial<Record<(typeof DERIVING)[number], (...args: unknown[]) => Executor>> {
  provideConnection: (consume: (connection: Connection) => Promise<unknown>, ...more: unknown[]) => Promise<unknown>;
}

/** A dialect's connection. Its driver sends `begin` and the like over it too. */
interface Connection {
  executeQuery: (query: CompiledQuery, ...more: unknown[]) => Promise<QueryResult>;
}

interface CompiledQuery {
  readonly sql: string;
}

interface QueryResult {
  readonly numAffectedRows?: bigint | undefined;
  readonly rows: readonly unknown[];
}

/** Counts the statements on a connection, while `state.on` is true. */
interface Watcher {
  readonly connection: SqlConnection;
  readonly state: { readonly on: boolean };
}

const watchers: WeakMap<Connection, Watcher> = new WeakMap();

/**
 * Counts the rows that a Kysely instance writes, by table, also in transactions and through copies
 * of it (`withPlugin`, `withSchema`). Its executor, which it shows to third-party dialects, is told
 * to watch the connections that it provides.
 *
 * @returns the instance.
 * @throws MetricsError ERR_METRICS_DUPLICATE_NAME if the registry has another family of a name.
 *
 * @example
 * const db = instrumentKysely(new Kysely<Database>({ dialect: new PostgresDialect({ pool }) }));
 */
export function instrumentKysely<K extends KyselyLike>(db: K, options: InstrumentKyselyOptions = {}): K {
  return attach(db, 'kysely', options, (instrumentation) => {
    const recorder = new ModelRecorder(instrumentation, options.app);
    const state = { on: true };
    const executor = db.getExecutor() as Executor;
    const dialect = dialectOf((executor as { readonly adapter?: object }).adapter?.constructor.name);
    const restore = watchExecutor(executor, (connection) => {
      const watcher = watchers.get(connection);
      if (!state.on || watcher?.state.on) return;
      watchers.set(connection, { connection: new SqlConnection(recorder, dialect), state });
      // Assigned, as Kysely does for its own log: some dialects make a connection for each query.
      if (!watcher) connection.executeQuery = watched(connection.executeQuery);
    });
    return () => {
      state.on = false;
      restore();
    };
  });
}

/** @returns a function that takes it off; executors that were made meanwhile find nobody to tell. */
function watchExecutor(executor: Executor, found: (connection: Connection) => void): () => void {
  const hooks = new Disposers();
  for (const [name, method] of Object.entries(methodsOf(executor, found))) {
    hooks.add(wrapMethod(executor, name, () => method));
  }
  return hooks.dispose;
}

/** Returns the replacements of an executor's methods. */
function methodsOf(executor: Executor, found: (connection: Connection) => void): Partial<Executor> {
  const { provideConnection } = executor;
  const methods: Partial<Executor> = {
    provideConnection: (consume, ...more) => {
      const consumeWatched = (connection: Connection): Promise<unknown> => {
        attempt(() => found(connection));
        return consume(connection);
      };
      return provideConnection.call(executor, consumeWatched, ...more);
    },
  };
  for (const name of DERIVING) {
    const derive = executor[name];
    if (typeof derive !== 'function') continue;
    methods[name] = (...args) => {
      const derived = derive.apply(executor, args);
      attempt(() => derived !== executor && Object.assign(derived, methodsOf(derived, found)));
      return derived;
    };
  }
  return methods;
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
