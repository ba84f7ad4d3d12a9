import { Disposers, once } from '../hooks/disposers.ts';
import { attempt, hookFailed } from '../hooks/guard.ts';
import { after, wrapMethod } from '../hooks/wrap.ts';
import { splitTexts } from '../sql/split-texts.ts';
import type { Statement } from '../sql/statement.ts';
import { NO_ROWS } from './series.ts';
import type { DatabaseSession } from './session.ts';

/** A database in this process whose calls are synchronous, as SQLite's are. */
export interface SyncDatabase {
  readonly session: DatabaseSession;
  /** True while a transaction is open: SQLite ends one by itself upon some errors. */
  inTransaction(): boolean;
}

/** How to read a library's prepared statements. */
export interface StatementKind {
  /** The text of a statement. */
  readonly sqlOf: (statement: object) => string;
  /** The database of a statement; `undefined` if it is not measured. */
  readonly databaseOf: (statement: object) => SyncDatabase | undefined;
}

/** By prototype: how many databases are measured, and the function that takes the hooks off. */
const watched: WeakMap<object, { users: number; readonly restore: () => void }> = new WeakMap();

/**
 * Watches the methods that all prepared statements of a library share, since statements have none
 * of their own. A statement of a database that is not measured costs a look-up.
 *
 * @param prototype Has `run`, `get`, `all` and `iterate`.
 * @returns a function that ends it; the last one to call it takes the hooks off.
 */
export function watchStatements(prototype: object, kind: StatementKind): () => void {
  const known = watched.get(prototype) ?? { users: 0, restore: hook(prototype, kind) };
  watched.set(prototype, known);
  known.users++;
  return once(() => {
    if (--known.users > 0) return;
    known.restore();
    watched.delete(prototype);
  });
}

function hook(prototype: object, { sqlOf, databaseOf }: StatementKind): () => void {
  const disposers = new Disposers();
  const wrap = (name: string, rowsOf: (result: unknown) => number): void =>
    disposers.add(
      wrapMethod(prototype, name, (original) => {
        return function (this: unknown, ...args) {
          const database = databaseOf(this as object);
          if (database === undefined) return original.apply(this, args);
          return callSync(() => original.apply(this, args), sqlOf(this as object), database, rowsOf);
        };
      }),
    );
  wrap('run', () => NO_ROWS);
  wrap('get', (row) => (row === undefined ? 0 : 1));
  wrap('all', (rows) => (Array.isArray(rows) ? rows.length : NO_ROWS));
  const iterators = new Iterators(disposers);
  disposers.add(
    wrapMethod(prototype, 'iterate', (original) => {
      return function (this: unknown, ...args) {
        const database = databaseOf(this as object);
        if (database === undefined) return original.apply(this, args);
        const sql = sqlOf(this as object);
        let iterator: object;
        try {
          iterator = original.apply(this, args) as object;
        } catch (error) {
          attempt(() => failed(database, sql, 0, error));
          throw error;
        }
        attempt(() => iterators.follow(iterator, new Iteration(database, sql)));
        return iterator;
      };
    }),
  );
  return disposers.dispose;
}

/**
 * Watches `exec` of a database, which runs a text of one or several statements, and `close`.
 * @returns a function that ends it.
 */
export function watchDatabase(database: object, measured: SyncDatabase): () => void {
  const disposers = new Disposers();
  disposers.add(
    wrapMethod(database, 'exec', (original) => {
      return function (this: unknown, ...args) {
        const sql = typeof args[0] === 'string' ? args[0] : '';
        const texts = args.length === 1 ? splitTexts(sql) : undefined;
        if (texts !== undefined) return callEach((text) => original.call(this, text), sql, texts, measured);
        return callSync(
          () => original.apply(this, args),
          sql,
          measured,
          () => NO_ROWS,
        );
      };
    }),
    // SQLite rolls back what is open.
    after(database, 'close', () => measured.session.rolledBack()),
  );
  return disposers.dispose;
}

/**
 * Hands the statements of a text to SQLite one by one, which is what SQLite does with the text: so
 * it is known which one failed.
 */
function callEach(
  exec: (text: string) => unknown,
  sql: string,
  texts: readonly string[],
  database: SyncDatabase,
): unknown {
  const start = performance.now();
  let completed = 0;
  let result: unknown;
  try {
    for (const text of texts) {
      result = exec(text);
      completed++;
    }
  } catch (error) {
    attempt(() => failed(database, sql, (performance.now() - start) / 1000, error, completed));
    throw error;
  }
  attempt(() => database.session.executed(sql, (performance.now() - start) / 1000));
  return result;
}

/** Makes a call, and counts what it did. */
function callSync<R>(call: () => R, sql: string, database: SyncDatabase, rowsOf: (result: R) => number): R {
  const start = performance.now();
  let result: R;
  try {
    result = call();
  } catch (error) {
    attempt(() => failed(database, sql, (performance.now() - start) / 1000, error));
    throw error;
  }
  try {
    database.session.executed(sql, (performance.now() - start) / 1000, rowsOf(result));
  } catch (error) {
    hookFailed(error);
  }
  return result;
}

function failed(database: SyncDatabase, sql: string, seconds: number, error: unknown, completed: number = 0): void {
  // The library refuses a text before it has run anything of it.
  if (isOfSqlite(error) || completed > 0) database.session.failed(sql, seconds, error, completed);
  else database.session.notSent(isClosed(error) ? 'closed' : 'invalid');
  endIfEnded(database);
}

/** Other errors are of the library: a closed database, parameters that do not fit. */
function isOfSqlite(error: unknown): boolean {
  const { code, errcode } = (error ?? {}) as { readonly code?: unknown; readonly errcode?: unknown };
  return typeof errcode === 'number' || (typeof code === 'string' && code.startsWith('SQLITE'));
}

function isClosed(error: unknown): boolean {
  return /\bnot open\b|\bclosed\b|\bfinalized\b/.test((error as { message?: string } | null)?.message ?? '');
}

/** An iterator that is read, from its statement to its end. */
class Iteration {
  readonly #database: SyncDatabase;
  readonly #statement: Statement;
  readonly #start: number = performance.now();
  #rows = 0;
  #ended = false;

  constructor(database: SyncDatabase, sql: string) {
    this.#database = database;
    this.#statement = database.session.started(sql);
  }

  row(): void {
    this.#rows++;
  }

  end(error?: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#database.session.ended(this.#statement, (performance.now() - this.#start) / 1000, this.#rows, error);
    if (error !== undefined) endIfEnded(this.#database);
  }
}

/**
 * Counts the rows that iterators deliver, until they end or are given up. Their class is wrapped
 * once: to wrap each of them would cost more than most of them take.
 */
class Iterators {
  readonly #iterations: WeakMap<object, Iteration> = new WeakMap();
  readonly #hooked: WeakSet<object> = new WeakSet();
  readonly #disposers: Disposers;

  /** @param disposers Get the functions that take the hooks off. */
  constructor(disposers: Disposers) {
    this.#disposers = disposers;
  }

  follow(iterator: object, iteration: Iteration): void {
    this.#iterations.set(iterator, iteration);
    const owner = ownerOf(iterator, 'next');
    if (owner === undefined || this.#hooked.has(owner)) return;
    // Some versions of Node make the methods with each iterator: those hooks go with it.
    const disposers = owner === iterator ? new Disposers() : this.#disposers;
    this.#hooked.add(owner);
    const iterations = this.#iterations;
    disposers.add(
      wrapMethod(owner, 'next', (original) => {
        return function (this: unknown, ...args) {
          const own = iterations.get(this as object);
          if (own === undefined) return original.apply(this, args);
          let result: { readonly done?: boolean };
          try {
            result = original.apply(this, args) as typeof result;
          } catch (error) {
            attempt(() => own.end(error));
            throw error;
          }
          if (result.done === true) attempt(() => own.end());
          else own.row();
          return result;
        };
      }),
      wrapMethod(owner, 'return', (original) => {
        return function (this: unknown, ...args) {
          const own = iterations.get(this as object);
          if (own !== undefined) attempt(() => own.end());
          return original.apply(this, args);
        };
      }),
    );
  }
}

/** The object that has a method: an iterator itself, or its class's prototype. */
function ownerOf(object: object, name: string): object | undefined {
  let owner: object | null = object;
  while (owner !== null && !Object.hasOwn(owner, name)) owner = Object.getPrototypeOf(owner) as object | null;
  return owner ?? undefined;
}

function endIfEnded({ session, inTransaction }: SyncDatabase): void {
  if (session.inTransaction && !inTransaction()) session.rolledBack();
}
