import { Disposers } from '../../../instrument/hooks/disposers.ts';
import { attempt } from '../../../instrument/hooks/guard.ts';
import type { ModelRecorder, ModelTransaction } from '../../../instrument/model/recorder.ts';
import { givenRows, reportedRows } from '../../../instrument/model/reported-rows.ts';
import { countSqlWrite, readSqlWrite, type SqlWrite } from '../../../instrument/sql/sql-write.ts';
import { observeCall } from '../../../instrument/hooks/observe.ts';
import { wrapMethod } from '../../../instrument/hooks/wrap.ts';

/** The part of a session that is used: every query goes through it. */
export interface Session {
  prepareQuery: (query: { readonly sql: string }, ...more: unknown[]) => Prepared;
  transaction: Begin;
  batch?: (...args: unknown[]) => unknown;
}

type Begin = (work: (inside: Transaction, ...more: unknown[]) => unknown, ...more: unknown[]) => unknown;

/** The database that a transaction's callback is given; its own `transaction` makes a savepoint. */
interface Transaction {
  readonly session: Session;
  transaction: Begin;
}

/**
 * A query that is executed by one of these methods: on SQLite by the first four, elsewhere by
 * `execute` and `all`.
 */
type Prepared = Partial<Record<'run' | 'get' | 'all' | 'values' | 'execute', (...args: unknown[]) => unknown>>;

/** Counts the rows that a database's session and those of its transactions write. */
export class DrizzleSessions {
  readonly #recorder: ModelRecorder;
  /** The transaction that a session is in. Those of a pool have sessions of their own. */
  readonly #transactions: WeakMap<Session, ModelTransaction> = new WeakMap();
  #on = true;

  constructor(recorder: ModelRecorder) {
    this.#recorder = recorder;
  }

  /** @returns a function that ends it. */
  watch(session: Session): () => void {
    const hooks = new Disposers();
    hooks.add(
      () => (this.#on = false),
      wrapMethod<Session['prepareQuery']>(session, 'prepareQuery', (prepareQuery) => (query, ...more) => {
        const prepared = prepareQuery.call(session, query, ...more);
        attempt(() => this.#watchPrepared(session, query.sql, prepared));
        return prepared;
      }),
      wrapMethod<Begin>(session, 'transaction', (begin) => (work, ...more) => {
        return this.#observeTransaction(session, work, (watched) => begin.call(session, watched, ...more));
      }),
      wrapMethod(session, 'batch', (batch) => (...args) => {
        return this.#observeBatch(session, args[0], () => Reflect.apply(batch, session, args));
      }),
    );
    return hooks.dispose;
  }

  #watchPrepared(session: Session, sql: string, prepared: Prepared): void {
    const write = readSqlWrite(sql);
    if (write === undefined && !this.#transactions.has(session)) return;
    const methods = prepared.run ? (['run', 'get', 'all', 'values'] as const) : (['execute', 'all'] as const);
    // The methods call each other.
    let inside = false;
    for (const name of methods) {
      const method = prepared[name];
      if (typeof method !== 'function') continue;
      prepared[name] = (...args) => {
        const call = (): unknown => method.apply(prepared, args);
        if (inside || !this.#on) return call();
        inside = true;
        try {
          return observeCall(call, (outcome) => {
            if (outcome.failed) this.#transactions.get(session)?.refused(outcome.error);
            else if (write) this.#count(session, write, rowsOf(name, outcome.result), outcome.result);
          });
        } finally {
          inside = false;
        }
      };
    }
  }

  #count(session: Session, write: SqlWrite, rows: number | undefined, answer: unknown): void {
    if (rows === undefined) return;
    countSqlWrite(this.#transactions.get(session) ?? this.#recorder, write, rows, givenRows(answer));
  }

  #observeTransaction(
    session: Session,
    work: Parameters<Begin>[0],
    begin: (work: Parameters<Begin>[0]) => unknown,
  ): unknown {
    const transaction = this.#transactions.get(session)?.nest() ?? this.#recorder.begin();
    let leave = (): void => {};
    const watched: typeof work = (inside, ...more) => {
      leave = attempt(() => this.#enter(inside, transaction)) ?? leave;
      return work(inside, ...more);
    };
    return observeCall(
      () => begin(watched),
      ({ failed }) => {
        leave();
        if (failed) transaction.rollBack();
        else transaction.commit();
      },
    );
  }

  #enter(inside: Transaction, transaction: ModelTransaction): () => void {
    const { session } = inside;
    const outer = this.#transactions.get(session);
    // Without a pool, the session is the one that is watched already.
    if (!Object.hasOwn(session, 'prepareQuery')) this.watch(session);
    wrapMethod<Begin>(inside, 'transaction', (begin) => (work, ...more) => {
      return this.#observeTransaction(session, work, (watched) => begin.call(inside, watched, ...more));
    });
    this.#transactions.set(session, transaction);
    return () => {
      if (outer) this.#transactions.set(session, outer);
      else this.#transactions.delete(session);
    };
  }

  /** Each query of a batch has its result at its own position, and tells its own SQL. */
  #observeBatch(session: Session, queries: unknown, call: () => unknown): unknown {
    const texts = attempt(() => (queries as readonly BatchQuery[]).map(queryOf));
    return observeCall(call, (outcome) => {
      if (outcome.failed || !Array.isArray(outcome.result)) return;
      for (const [i, { sql, method }] of (texts ?? []).entries()) {
        const write = readSqlWrite(sql);
        if (write) this.#count(session, write, rowsOf(method, outcome.result[i]), outcome.result[i]);
      }
    });
  }
}

/** A query of a batch: one that is built, or raw SQL, which tells the method that it calls. */
interface BatchQuery {
  toSQL?(): { readonly sql: string };
  getQuery?(): { readonly sql: string; readonly method?: keyof Prepared };
}

function queryOf(query: BatchQuery): { sql: string; method: keyof Prepared | undefined } {
  const { sql, method } = query.getQuery?.() ?? { ...query.toSQL?.(), method: undefined };
  return { sql: sql ?? '', method };
}

/** Returns the rows that a query wrote; its method is unknown for built queries of a batch. */
function rowsOf(method: keyof Prepared | undefined, result: unknown): number | undefined {
  if (method === 'get') return result === undefined || result === null ? 0 : 1;
  if (method === 'run' || method === 'execute' || method === undefined) return reportedRows(result);
  return Array.isArray(result) ? result.length : undefined;
}
