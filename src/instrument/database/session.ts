import type { Dialect } from '../sql/lexer.ts';
import { mayHoldSeveral, readStatement, readStatements, type Statement } from '../sql/statement.ts';
import { Transactions } from '../sql/transactions.ts';
import { type DatabaseSeries, type DatabaseSystem, NO_ROWS } from './series.ts';

/** Answers of a database to the statements of a text, each by its verb: `COMMIT`. */
export type Answers = string | readonly (string | null | undefined)[];

const DIALECTS: { readonly [system in DatabaseSystem]: Dialect | undefined } = {
  postgresql: 'postgresql',
  mysql: 'mysql',
  mariadb: 'mysql',
  sqlite: 'sqlite',
  mongodb: undefined,
};

/**
 * One connection to a database: counts what it executes, and the transactions that its statements
 * begin and end.
 */
export class DatabaseSession {
  readonly series: DatabaseSeries;
  readonly #dialect: Dialect | undefined;
  readonly #transactions: Transactions;

  constructor(series: DatabaseSeries) {
    this.series = series;
    this.#dialect = DIALECTS[series.system];
    this.#transactions = new Transactions(this.#dialect, {
      ended: (end) => {
        if (end !== 'prepared') series.transaction(end);
      },
    });
  }

  /** True while a transaction is open, as far as statements tell. */
  get inTransaction(): boolean {
    return this.#transactions.open;
  }

  /**
   * A call has brought its result.
   *
   * @param rows How many it returned, or `NO_ROWS`.
   * @param answers What the database answered to each statement, if the driver tells: PostgreSQL
   *   answers COMMIT with ROLLBACK when the transaction has failed.
   */
  executed(sql: string, seconds: number, rows: number = NO_ROWS, answers?: Answers): void {
    const { series } = this;
    const first = readStatement(sql, this.#dialect);
    if (mayHoldSeveral(sql)) {
      this.#completed(readStatements(sql, this.#dialect), answers);
    } else {
      series.started(first);
      if (this.#transactions.concerns(first)) {
        const answer = typeof answers === 'string' ? answers : answers?.[0];
        this.#transactions.follow(first, answer === 'ROLLBACK');
      }
    }
    series.ended(first, seconds, rows);
  }

  /**
   * A call has failed.
   *
   * @param error What was thrown, or the label.
   * @param completed For a text of several statements: how many went well before one failed.
   */
  failed(sql: string, seconds: number, error: unknown, completed: number = 0, answers?: Answers): void {
    const { series } = this;
    const first = readStatement(sql, this.#dialect);
    const statements = completed > 0 ? readStatements(sql, this.#dialect) : [first];
    this.#completed(statements.slice(0, completed), answers);
    const failing = statements[completed];
    if (failing !== undefined) {
      series.started(failing);
      this.#transactions.failed(failing, error);
    }
    series.ended(first, seconds);
    series.failed(error);
  }

  /**
   * A call has failed before anything was sent: the client was closed, or refused the parameters.
   * It is an error, and no execution.
   *
   * @param type Its label.
   */
  notSent(type: 'closed' | 'invalid'): void {
    this.series.failed(type);
  }

  /**
   * A call of a cursor or a stream has begun; it counts whether or not it gets to its end. End it by
   * `ended`.
   *
   * @returns its first statement.
   */
  started(sql: string): Statement {
    const statement = readStatement(sql, this.#dialect);
    this.series.started(statement);
    return statement;
  }

  /**
   * A call that was `started` has ended.
   * @param rows How many were delivered, or `NO_ROWS`.
   * @param error What was thrown, or the label; nothing if it went well.
   * @param answer What the database answered, if the driver tells.
   */
  ended(statement: Statement, seconds: number, rows: number = NO_ROWS, error?: unknown, answer?: string): void {
    this.series.ended(statement, seconds, rows);
    if (error === undefined) this.#transactions.follow(statement, answer === 'ROLLBACK');
    else {
      this.series.failed(error);
      this.#transactions.failed(statement, error);
    }
  }

  /**
   * A statement was executed with so many sets of parameters, in one call.
   * @param error What was thrown, or the label; nothing if it went well.
   */
  batched(sql: string, sets: number, seconds: number, error?: unknown): void {
    const statement = readStatement(sql, this.#dialect);
    this.series.started(statement, sets);
    this.series.batched(sets);
    this.series.ended(statement, seconds);
    if (error !== undefined) this.series.failed(error);
    else this.#transactions.follow(statement);
  }

  /**
   * The database has rolled the open transaction back by itself, or the connection is gone, and
   * with it the transaction.
   */
  rolledBack(): void {
    this.#transactions.rolledBack();
  }

  /** The connection was reset, or its user changed: what was open is rolled back. */
  reset(): void {
    this.#transactions.reset();
  }

  #completed(statements: readonly Statement[], answers: Answers | undefined): void {
    const each = typeof answers === 'string' || answers?.length !== statements.length ? undefined : answers;
    // Where answers can't be told apart, there is one too many for a COMMIT that was a rollback.
    const unpaired = each ? 0 : surplusRollbacks(statements, answers);
    for (let i = 0; i < statements.length; i++) {
      const statement = statements[i]!;
      this.series.started(statement);
      if (this.#transactions.concerns(statement)) {
        this.#transactions.follow(statement, each ? each[i] === 'ROLLBACK' : unpaired > 0);
      }
    }
  }
}

function surplusRollbacks(statements: readonly Statement[], answers: Answers | undefined): number {
  const given = (typeof answers === 'string' ? [answers] : (answers ?? [])).filter((answer) => answer === 'ROLLBACK');
  const asked = statements.filter(({ effect }) => effect === 'rollback' || effect === 'rollback_to');
  return given.length - asked.length;
}
