import { hookFailed } from '../hooks/guard.ts';
import type { Dialect } from '../sql/lexer.ts';
import { countSqlWrite, readSqlWrite, type WriteSink } from '../sql/sql-write.ts';
import { mayHoldSeveral, readStatement, readStatements, type Statement } from '../sql/statement.ts';
import { Transactions } from '../sql/transactions.ts';
import type { ModelRecorder, ModelTransaction } from './recorder.ts';
import { givenRows } from './reported-rows.ts';

/**
 * Counts the rows that are written over one connection, from the SQL that goes over it and the
 * answers that come back: for libraries that show both, and send transactions as SQL.
 */
export class SqlConnection {
  readonly #recorder: ModelRecorder;
  readonly #dialect: Dialect | undefined;
  readonly #transactions: Transactions;
  /** The open transaction, then what was done since each of its savepoints. */
  #levels: ModelTransaction[] = [];
  /** The text that was sent last, while it is not known that it succeeded, if it can change levels. */
  #unanswered: { readonly sql: string; readonly statements: readonly Statement[] } | undefined;
  /** Counts the rows of the text that was sent last. */
  #latest: WriteSink;

  /** @param dialect The database's, if the library tells. */
  constructor(recorder: ModelRecorder, dialect?: Dialect) {
    this.#recorder = recorder;
    this.#dialect = dialect;
    this.#latest = recorder;
    this.#transactions = new Transactions(dialect, {
      began: () => {
        this.#levels = [recorder.begin()];
      },
      ended: (end) => {
        const levels = this.#levels.toReversed();
        this.#levels = [];
        // PostgreSQL takes the COMMIT of a transaction that it has given up as a ROLLBACK.
        const rolledBack = end === 'rolled_back' || levels.some(({ failed }) => failed);
        for (const level of levels) level[rolledBack ? 'rollBack' : 'commit']();
      },
      saved: () => this.#levels.push(this.#levels.at(-1)!.nest()),
      released: (savepoint) => {
        for (const level of this.#levels.splice(savepoint + 1).toReversed()) level.commit();
      },
      rolledBackTo: (savepoint) => {
        for (const level of this.#levels.splice(savepoint + 1).toReversed()) level.rollBack();
        this.#levels.push(this.#levels.at(-1)!.nest());
      },
    });
  }

  /**
   * A statement, or a text of several, leaves. Never throws.
   *
   * @returns where its rows are to be counted, for connections that send further ones before it is
   *   answered.
   */
  sent(sql: string): WriteSink {
    try {
      // Whatever came before has succeeded: failures are told.
      this.#follow();
      this.#latest = this.#levels.at(-1) ?? this.#recorder;
      const statements = this.#read(sql);
      if (!statements.some((statement) => this.#transactions.concerns(statement))) return this.#latest;
      this.#unanswered = { sql, statements };
      if (this.#isAtOnce(statements)) this.#follow();
      // The first statement while autocommit is off is part of the transaction that it begins.
      if (statements.length === 1 && statements[0]!.effect === undefined) {
        this.#follow();
        this.#latest = this.#levels.at(-1) ?? this.#recorder;
      }
    } catch (error) {
      hookFailed(error);
    }
    return this.#latest;
  }

  /**
   * A statement has succeeded.
   * @param rows The number that it wrote; undefined if the answer does not tell.
   * @param answer The driver's answer, if the library shows it.
   */
  succeeded(sql: string, rows: number | bigint | undefined, sink: WriteSink = this.#latest, answer?: unknown): void {
    if (this.#unanswered?.sql === sql) this.#follow();
    if (rows === undefined) return;
    const write = readSqlWrite(sql, this.#dialect);
    if (write) countSqlWrite(sink, write, rows, givenRows(answer));
  }

  /** A statement was refused, or the connection has gone. */
  failed(sql: string, error: unknown): void {
    this.#levels.at(-1)?.refused(error);
    if (this.#unanswered?.sql !== sql) return;
    const { statements } = this.#unanswered;
    this.#unanswered = undefined;
    if (statements.length === 1) this.#transactions.failed(statements[0]!, error);
  }

  #follow(): void {
    const { statements = [] } = this.#unanswered ?? {};
    this.#unanswered = undefined;
    for (const statement of statements) this.#transactions.follow(statement);
  }

  /** A ROLLBACK does not fail, and nothing may follow it for long. */
  #isAtOnce([first, ...more]: readonly Statement[]): boolean {
    if (first === undefined || more.length > 0) return false;
    return first.effect === 'rollback' || (first.effect === 'commit' && this.#levels.some(({ failed }) => failed));
  }

  #read(sql: string): readonly Statement[] {
    return mayHoldSeveral(sql) ? readStatements(sql, this.#dialect) : [readStatement(sql, this.#dialect)];
  }
}
