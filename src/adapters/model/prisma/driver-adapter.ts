import { hookFailed } from '../../../instrument/hooks/guard.ts';
import type { ModelRecorder } from '../../../instrument/model/recorder.ts';
import { SqlConnection } from '../../../instrument/model/sql-connection.ts';
import { observeCall } from '../../../instrument/hooks/observe.ts';
import { wrapMethod } from '../../../instrument/hooks/wrap.ts';

/**
 * What a client is given to connect with; Prisma describes it in `@prisma/driver-adapter-utils`.
 */
export interface DriverAdapterFactory {
  connect(): Promise<DriverAdapter>;
}

interface Queryable {
  readonly provider?: string;
  queryRaw(query: Query): Promise<ResultSet>;
  executeRaw(query: Query): Promise<number>;
}

interface DriverAdapter extends Queryable {
  startTransaction(...isolation: unknown[]): Promise<Transaction>;
}

interface Transaction extends Queryable {
  commit(): Promise<void>;
  rollback(): Promise<void>;
  createSavepoint?(name: string): Promise<void>;
  rollbackToSavepoint?(name: string): Promise<void>;
  releaseSavepoint?(name: string): Promise<void>;
}

interface Query {
  readonly sql: string;
}

interface ResultSet {
  readonly rows: readonly unknown[];
  /** MySQL and SQLite, without `returning`: of the one row that was inserted. */
  readonly lastInsertId?: string | undefined;
}

/** Who counts what goes through a factory's connections; nobody, while it is off. */
export interface Watch {
  recorder: ModelRecorder | undefined;
}

const watches: WeakMap<DriverAdapterFactory, Watch> = new WeakMap();

/**
 * Has a factory's connections watched, from the next one on. They stay so, and hand calls on while
 * there is no recorder.
 */
export function watchDriverAdapters(factory: DriverAdapterFactory): Watch {
  let watch = watches.get(factory);
  if (!watch) {
    watch = { recorder: undefined };
    watches.set(factory, watch);
    const made = watch;
    wrapMethod<() => Promise<DriverAdapter>>(factory, 'connect', (connect) => async () => {
      const adapter = await connect.call(factory);
      try {
        watchAdapter(adapter, made);
      } catch (error) {
        hookFailed(error);
      }
      return adapter;
    });
  }
  return watch;
}

function watchAdapter(adapter: DriverAdapter, watch: Watch): void {
  // Single statements, each on a connection of its own.
  watchQueries(adapter, () => watch.recorder && new SqlConnection(watch.recorder));
  wrapMethod<DriverAdapter['startTransaction']>(adapter, 'startTransaction', (start) => {
    return async (...isolation) => {
      const transaction = await start.apply(adapter, isolation);
      if (watch.recorder) watchTransaction(transaction, new SqlConnection(watch.recorder));
      return transaction;
    };
  });
}

/**
 * Some adapters send `commit` and the like themselves, some leave it to Prisma; both is the same to
 * a connection.
 */
function watchTransaction(transaction: Transaction, connection: SqlConnection): void {
  try {
    connection.sent('begin');
    watchQueries(transaction, () => connection);
    const end = (name: 'commit' | 'rollback'): void => {
      wrapMethod<() => Promise<void>>(transaction, name, (original) => () => {
        connection.sent(name);
        return observeCall(
          () => original.call(transaction),
          (outcome) => outcome.failed && connection.failed(name, outcome.error),
        );
      });
    };
    end('commit');
    end('rollback');
    const savepoints = {
      createSavepoint: 'savepoint',
      rollbackToSavepoint: 'rollback to',
      releaseSavepoint: 'release',
    };
    for (const [method, verb] of Object.entries(savepoints)) {
      wrapMethod<(name: string) => Promise<void>>(transaction, method, (original) => (name) => {
        connection.sent(`${verb} ${name}`);
        return original.call(transaction, name);
      });
    }
  } catch (error) {
    hookFailed(error);
  }
}

function watchQueries(target: Queryable, connectionOf: () => SqlConnection | undefined): void {
  const watched = <R>(call: () => Promise<R>, { sql }: Query, rowsOf: (result: R) => number): Promise<R> => {
    const connection = connectionOf();
    if (!connection) return call();
    connection.sent(sql);
    return observeCall(call, (outcome) => {
      if (outcome.failed) connection.failed(sql, refusal(target, outcome.error));
      else connection.succeeded(sql, rowsOf(outcome.result));
    });
  };
  wrapMethod<Queryable['queryRaw']>(target, 'queryRaw', (queryRaw) => (query) => {
    return watched(
      () => queryRaw.call(target, query),
      query,
      ({ rows, lastInsertId }) => {
        return rows.length === 0 && lastInsertId !== undefined ? 1 : rows.length;
      },
    );
  });
  wrapMethod<Queryable['executeRaw']>(target, 'executeRaw', (executeRaw) => (query) => {
    return watched(() => executeRaw.call(target, query), query, Number);
  });
}

/**
 * Errors come as Prisma's own; PostgreSQL's have a severity, by which a transaction knows that it
 * is given up.
 */
function refusal({ provider }: Queryable, error: unknown): unknown {
  return provider === 'postgres' ? { severity: 'ERROR', cause: error } : error;
}
