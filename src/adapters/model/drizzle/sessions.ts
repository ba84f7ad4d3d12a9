import { hookFailed } from '../../../instrument/hooks/guard.ts';
import type { ModelRecorder, ModelTransaction } from '../../../instrument/model/recorder.ts';
import { reportedRows } from '../../../instrument/model/reported-rows.ts';
import { countSqlWrite, readSqlWrite, type SqlWrite } from '../../../instrument/sql/sql-write.ts';
import { observeCall } from '../../../instrument/hooks/observe.ts';
import { wrapMethod } from '../../../instrument/hooks/wrap.ts';

type Method = (...args: unknown[]) => unknown;

/** What is used of a session: every query goes through it. */
export interface Session {
  prepareQuery: (query: { readonly sql: string }, ...more: unknown[]) => Prepared;
  transaction: Begin;
  batch?: Method;
}

type Begin = (work: (inside: Transaction, ...more: unknown[]) => unknown, ...more: unknown[]) => unknown;

/** What a transaction is written in; its own `transaction` makes a savepoint. */
interface Transaction {
  readonly session: Session;
  transaction: Begin;
}

/**
 * What is executed by one of these methods: SQLite's by the first four, others' by `execute` and
 * `all`.
 */
type Prepared = Partial<Record<'run' | 'get' | 'all' | 'values' | 'execute', Method>>;

/** A database's session and those of its transactions, and what they write. */
export class DrizzleSessions {
  readonly #recorder: ModelRecorder;
  /** The transaction that a session is in. Those of a pool have sessions of their own. */
  readonly #transactions: WeakMap<Session, ModelTransaction> = new WeakMap();
  /** What the queries of a batch write, one each, while it is put together. */
  #batch: (SqlWrite | undefined)[] | undefined;
  #on = true;

  constructor(recorder: ModelRecorder) {
    this.#recorder = recorder;
  }

  /** @returns what ends it. */
  watch(session: Session): () => void {
    const restores = [
      wrapMethod<Session['prepareQuery']>(session, 'prepareQuery', (prepareQuery) => (query, ...more) => {
        const prepared = prepareQuery.call(session, query, ...more);
        try {
          this.#watchPrepared(session, query.sql, prepared);
        } catch (error) {
          hookFailed(error);
        }
        return prepared;
      }),
      wrapMethod<Begin>(session, 'transaction', (begin) => (work, ...more) => {
        return this.#observeTransaction(session, work, (watched) => begin.call(session, watched, ...more));
      }),
      wrapMethod<Method>(session, 'batch', (batch) => (...args) => {
        return this.#observeBatch(session, () => batch.apply(session, args));
      }),
    ];
    return () => {
      this.#on = false;
      for (const restore of restores) restore();
    };
  }

  #watchPrepared(session: Session, sql: string, prepared: Prepared): void {
    const write = readSqlWrite(sql);
    this.#batch?.push(write);
    if (write === undefined && !this.#transactions.has(session)) return;
    const methods = prepared.run ? (['run', 'get', 'all', 'values'] as const) : (['execute', 'all'] as const);
    // They call each other.
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
            else if (write) this.#count(session, write, rowsOf(name, outcome.result));
          });
        } finally {
          inside = false;
        }
      };
    }
  }

  #count(session: Session, write: SqlWrite, rows: number | undefined): void {
    if (rows !== undefined) countSqlWrite(this.#transactions.get(session) ?? this.#recorder, write, rows);
  }

  #observeTransaction(
    session: Session,
    work: Parameters<Begin>[0],
    begin: (work: Parameters<Begin>[0]) => unknown,
  ): unknown {
    const transaction = this.#transactions.get(session)?.nest() ?? this.#recorder.begin();
    let leave = (): void => {};
    const watched: typeof work = (inside, ...more) => {
      try {
        leave = this.#enter(inside, transaction);
      } catch (error) {
        hookFailed(error);
      }
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

  #observeBatch(session: Session, call: () => unknown): unknown {
    const writes: (SqlWrite | undefined)[] = [];
    this.#batch = writes;
    try {
      return observeCall(call, (outcome) => {
        if (outcome.failed || !Array.isArray(outcome.result)) return;
        for (const [i, write] of writes.entries())
          if (write) this.#count(session, write, reportedRows(outcome.result[i]));
      });
    } finally {
      this.#batch = undefined;
    }
  }
}

function rowsOf(method: keyof Prepared, result: unknown): number | undefined {
  if (method === 'get') return result === undefined || result === null ? 0 : 1;
  if (method === 'run' || method === 'execute') return reportedRows(result);
  return Array.isArray(result) ? result.length : undefined;
}
