import { type DatabaseSeries, NO_ROWS } from '../../../instrument/database/series.ts';
import { DatabaseSession } from '../../../instrument/database/session.ts';
import { hookFailed } from '../../../instrument/hooks/guard.ts';
import { readStatement } from '../../../instrument/sql/statement.ts';
import { observeCall, type Outcome } from '../../../instrument/hooks/observe.ts';
import { wrapMethod } from '../../../instrument/hooks/wrap.ts';

/** A text, or one with its arguments in either form. */
type Statement = string | { readonly sql?: unknown } | readonly [unknown, ...unknown[]];

interface ResultSet {
  readonly columns?: readonly unknown[];
  readonly rows?: readonly unknown[];
}

interface LibsqlTransaction {
  readonly closed: boolean;
}

type Method = (this: unknown, ...args: never[]) => unknown;
type Done = (outcome: Outcome<unknown>) => void;

/** Puts hooks on a client, and on the transactions that it begins. */
export class LibsqlHooks {
  readonly #series: DatabaseSeries;

  constructor(series: DatabaseSeries) {
    this.#series = series;
  }

  /** @returns what takes them off; a transaction that is open keeps its own to its end. */
  client(client: object): () => void {
    const session = new DatabaseSession(this.#series);
    const began = (outcome: Outcome<unknown>): void => this.#began(outcome);
    const restores = [
      ...this.#statements(client, session, true),
      wrapMethod(client as Record<string, unknown>, 'transaction', (original: Method): Method => {
        return function (this: unknown, ...args) {
          return observeCall(() => original.apply(this, args), began);
        };
      }),
    ];
    return () => {
      for (const restore of restores) restore();
    };
  }

  #began(outcome: Outcome<unknown>): void {
    const session = new DatabaseSession(this.#series);
    if (outcome.failed) return session.failed('begin', outcome.seconds, outcome.error);
    session.executed('begin', outcome.seconds);
    const transaction = outcome.result as LibsqlTransaction & Record<string, unknown>;
    this.#statements(transaction, session, false);
    for (const end of ['commit', 'rollback'] as const) {
      this.#observe(transaction, end, () => (result) => settle(session, end, result));
    }
    // It rolls back what has not ended, and is called by everybody in the end.
    this.#observe(transaction, 'close', () => () => session.rolledBack());
  }

  /** Over HTTP a transaction's `execute` is a batch of one: that is not counted again. */
  #statements(target: object, session: DatabaseSession, transactional: boolean): (() => void)[] {
    let inside = false;
    const whole = (name: string, begin: (first: never) => Done): (() => void) =>
      wrapMethod(target as Record<string, unknown>, name, (original: Method): Method => {
        return function (this: unknown, ...args) {
          const call = (): unknown => {
            inside = true;
            try {
              return original.apply(this, args);
            } finally {
              inside = false;
            }
          };
          return inside ? original.apply(this, args) : observeCall(call, begin(args[0] as never));
        };
      });
    const batch = (statements: readonly Statement[]): Done => {
      return (outcome) => this.#batched(statements, outcome, transactional);
    };
    return [
      whole('execute', (statement: Statement) => (outcome) => settle(session, sqlOf(statement), outcome)),
      whole('executeMultiple', (sql: Statement) => (outcome) => settle(session, sqlOf(sql), outcome)),
      whole('batch', batch),
      whole('migrate', batch),
    ];
  }

  #observe(target: Record<string, unknown>, name: string, begin: () => Done): void {
    wrapMethod(target, name, (original: Method): Method => {
      return function (this: unknown, ...args) {
        return observeCall(() => original.apply(this, args), begin());
      };
    });
  }

  /**
   * Its statements are one transaction, unless it is within one: either all count, or those up to
   * the one that failed.
   */
  #batched(statements: readonly Statement[], outcome: Outcome<unknown>, transactional: boolean): void {
    const series = this.#series;
    const verbs = statements.map((statement) => readStatement(sqlOf(statement), 'sqlite'));
    const index = outcome.failed ? (outcome.error as { statementIndex?: unknown } | null)?.statementIndex : undefined;
    const executed = typeof index === 'number' ? verbs.slice(0, index + 1) : verbs;
    for (const verb of executed) series.started(verb);
    if (executed.length > 0) series.batched(executed.length);
    series.ended(verbs[0] ?? readStatement(''), outcome.seconds);
    if (outcome.failed) series.failed(outcome.error);
    if (transactional) series.transaction(outcome.failed ? 'rolled_back' : 'committed');
  }
}

function settle(session: DatabaseSession, sql: string, outcome: Outcome<unknown>): void {
  try {
    if (outcome.failed) session.failed(sql, outcome.seconds, outcome.error);
    else session.executed(sql, outcome.seconds, rowsOf(outcome.result as ResultSet | undefined));
  } catch (error) {
    hookFailed(error);
  }
}

function sqlOf(statement: Statement): string {
  const sql = typeof statement === 'string' ? statement : Array.isArray(statement) ? statement[0] : undefined;
  if (typeof sql === 'string') return sql;
  const text = (statement as { readonly sql?: unknown } | null)?.sql;
  return typeof text === 'string' ? text : '';
}

/** A statement that returns no rows by its kind has no columns. */
function rowsOf(result: ResultSet | undefined): number {
  return result?.columns?.length ? (result.rows?.length ?? 0) : NO_ROWS;
}
