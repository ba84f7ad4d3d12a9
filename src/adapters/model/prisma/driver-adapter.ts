import { AsyncLocalStorage } from 'node:async_hooks';
import { attempt, hookFailed } from '../../../instrument/hooks/guard.ts';
import type { Method } from '../../../instrument/hooks/method.ts';
import { dialectOf } from '../../../instrument/sql/dialect.ts';
import type { ModelRecorder } from '../../../instrument/model/recorder.ts';
import { SqlConnection } from '../../../instrument/model/sql-connection.ts';
import { observeCall } from '../../../instrument/hooks/observe.ts';
import { wrapMethod } from '../../../instrument/hooks/wrap.ts';

/** A factory of connections that a client is given; see `@prisma/driver-adapter-utils`. */
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

/** The driver's answer, from which adapters make a result set or a number of rows. */
interface DriverAnswer {
  readonly rowCount?: number | null;
  readonly affectedRows?: number;
}

interface ResultSet {
  readonly rows: readonly unknown[];
  /** MySQL and SQLite, without `returning`: the id of an inserted row. */
  readonly lastInsertId?: string | undefined;
}

/** The part of a client's engine that is used: any of these may be the first to connect. */
export type Engine = Partial<Record<'start' | 'request' | 'requestBatch' | 'transaction', Method>>;

/** The recorder that counts the rows of one client; undefined while metrics are off. */
export interface Watch {
  recorder: ModelRecorder | undefined;
}

/** The client that makes a request and may connect: clients can share a factory. */
const asking: AsyncLocalStorage<Watch> = new AsyncLocalStorage();

/** By engine: a client is watched once. */
const watches: WeakMap<Engine, Watch> = new WeakMap();

/** By factory: the client that was instrumented last, for clients whose engine is not known. */
const latest: WeakMap<DriverAdapterFactory, Watch> = new WeakMap();

/**
 * Watches the connections that a client opens through its factory, from the next one on. They stay
 * watched, and only hand calls on while the watch has no recorder.
 */
export function watchDriverAdapters(factory: DriverAdapterFactory, engine: Engine = {}): Watch {
  const known = watches.get(engine);
  if (known) return known;
  const watch: Watch = { recorder: undefined };
  watches.set(engine, watch);
  if (!latest.has(factory)) watchFactory(factory);
  latest.set(factory, watch);
  for (const name of ['start', 'request', 'requestBatch', 'transaction'] as const) {
    wrapMethod(engine, name, (original) => {
      return function (this: unknown, ...args) {
        return asking.run(watch, () => Reflect.apply(original, this, args));
      };
    });
  }
  return watch;
}

function watchFactory(factory: DriverAdapterFactory): void {
  wrapMethod<() => Promise<DriverAdapter>>(factory, 'connect', (connect) => async () => {
    const watch = asking.getStore() ?? latest.get(factory)!;
    const adapter = await connect.call(factory);
    attempt(() => watchAdapter(adapter, watch));
    return adapter;
  });
}

function watchAdapter(adapter: DriverAdapter, watch: Watch): void {
  const dialect = dialectOf(adapter.provider);
  // Single statements, each on a connection of its own.
  watchQueries(adapter, () => watch.recorder && new SqlConnection(watch.recorder, dialect));
  wrapMethod<DriverAdapter['startTransaction']>(adapter, 'startTransaction', (start) => {
    return async (...isolation) => {
      const transaction = await start.apply(adapter, isolation);
      if (watch.recorder) watchTransaction(transaction, new SqlConnection(watch.recorder, dialect));
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
  // `queryRaw` drops the number of rows that a write without RETURNING has changed. Adapters ask
  // the driver in a method of their own, within the synchronous part of the call.
  let told: { rows: number | undefined } | undefined;
  wrapMethod(target, 'performIO', (performIO) => {
    return function (this: unknown, ...args) {
      const call = told;
      told = undefined;
      return observeCall(
        () => Reflect.apply(performIO, this, args),
        (outcome) => {
          if (call === undefined || outcome.failed) return;
          const { rowCount, affectedRows } = (outcome.result ?? {}) as DriverAnswer;
          call.rows = rowCount ?? affectedRows;
        },
      );
    };
  });
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
    const answer: { rows: number | undefined } = { rows: undefined };
    return watched(
      () => {
        told = answer;
        try {
          return queryRaw.call(target, query);
        } finally {
          told = undefined;
        }
      },
      query,
      ({ rows, lastInsertId }) => {
        if (rows.length > 0) return rows.length;
        return answer.rows ?? (lastInsertId === undefined ? 0 : 1);
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
