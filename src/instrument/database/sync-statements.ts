import { type DatabaseSession } from './session.ts';
import { NO_ROWS } from './series.ts';
import { hookFailed } from '../hooks/guard.ts';
import type { Statement } from '../sql/statement.ts';
import { wrapMethod } from '../hooks/wrap.ts';

/** A database in this process whose calls return when they are done, as SQLite's are. */
export interface SyncDatabase {
  readonly session: DatabaseSession;
  /** Whether a transaction is open: SQLite ends one by itself when some errors happen. */
  inTransaction(): boolean;
}

/** What a library's prepared statements are. */
export interface StatementKind {
  /** The text of a statement. */
  readonly sqlOf: (statement: object) => string;
  /** The database of a statement; `undefined` where it is not measured. */
  readonly databaseOf: (statement: object) => SyncDatabase | undefined;
}

type Method = (this: unknown, ...args: never[]) => unknown;

/** By prototype: how many databases are measured, and what takes the hooks off. */
const watched: WeakMap<object, { users: number; readonly restore: () => void }> = new WeakMap();

/**
 * Watches the methods that all prepared statements of a library share, as they have none of their
 * own: a statement of a database that nobody measures costs a look-up.
 *
 * @param prototype Has `run`, `get`, `all` and `iterate`.
 * @returns what ends it; the last who asks takes the hooks off.
 */
export function watchStatements(prototype: object, kind: StatementKind): () => void {
  const known = watched.get(prototype) ?? { users: 0, restore: hook(prototype, kind) };
  watched.set(prototype, known);
  known.users++;
  let on = true;
  return () => {
    if (!on) return;
    on = false;
    if (--known.users > 0) return;
    known.restore();
    watched.delete(prototype);
  };
}

function hook(prototype: object, { sqlOf, databaseOf }: StatementKind): () => void {
  const methods = prototype as Record<string, unknown>;
  const wrap = (name: string, rowsOf: (result: unknown) => number): (() => void) =>
    wrapMethod(methods, name, (original: Method): Method => {
      return function (this: unknown, ...args) {
        const database = databaseOf(this as object);
        if (database === undefined) return original.apply(this, args);
        return callSync(() => original.apply(this, args), sqlOf(this as object), database, rowsOf);
      };
    });
  const restores = [
    wrap('run', () => NO_ROWS),
    wrap('get', (row) => (row === undefined ? 0 : 1)),
    wrap('all', (rows) => (Array.isArray(rows) ? rows.length : NO_ROWS)),
    wrapMethod(methods, 'iterate', (original: Method): Method => {
      return function (this: unknown, ...args) {
        const database = databaseOf(this as object);
        const iterator = original.apply(this, args);
        if (database !== undefined) follow(iterator as object, sqlOf(this as object), database);
        return iterator;
      };
    }),
  ];
  return () => {
    for (const restore of restores) restore();
  };
}

/**
 * Watches `exec` of a database, which runs a text of one or several statements.
 * @returns what ends it
 */
export function watchExec(database: object, measured: SyncDatabase): () => void {
  return wrapMethod(database as { exec?: unknown }, 'exec', (original: Exec): Exec => {
    return function (this: unknown, sql) {
      return callSync(
        () => original.call(this, sql),
        sql,
        measured,
        () => NO_ROWS,
      );
    };
  });
}

type Exec = (this: unknown, sql: string) => unknown;

/** Makes a call, and counts what it did. */
function callSync<R>(call: () => R, sql: string, database: SyncDatabase, rowsOf: (result: R) => number): R {
  const start = performance.now();
  let result: R;
  try {
    result = call();
  } catch (error) {
    settled(() => {
      database.session.failed(sql, (performance.now() - start) / 1000, error);
      endIfEnded(database);
    });
    throw error;
  }
  try {
    database.session.executed(sql, (performance.now() - start) / 1000, rowsOf(result));
  } catch (error) {
    hookFailed(error);
  }
  return result;
}

/** Counts the rows that an iterator delivers, until it has ended or is given up. */
function follow(iterator: object, sql: string, database: SyncDatabase): void {
  settled(() => {
    const { session } = database;
    const verb: Statement = session.started(sql);
    const start = performance.now();
    let rows = 0;
    let done = false;
    const end = (error?: unknown): void => {
      if (done) return;
      done = true;
      session.ended(verb, (performance.now() - start) / 1000, rows, error);
      if (error !== undefined) endIfEnded(database);
    };
    const methods = iterator as Record<string, unknown>;
    wrapMethod(methods, 'next', (original: Method): Method => {
      return function (this: unknown, ...args) {
        let result: { readonly done?: boolean };
        try {
          result = original.apply(this, args) as typeof result;
        } catch (error) {
          settled(() => end(error));
          throw error;
        }
        if (result.done === true) settled(() => end());
        else rows++;
        return result;
      };
    });
    wrapMethod(methods, 'return', (original: Method): Method => {
      return function (this: unknown, ...args) {
        settled(() => end());
        return original.apply(this, args);
      };
    });
  });
}

function endIfEnded({ session, inTransaction }: SyncDatabase): void {
  if (session.inTransaction && !inTransaction()) session.rolledBack();
}

function settled(record: () => void): void {
  try {
    record();
  } catch (error) {
    hookFailed(error);
  }
}
