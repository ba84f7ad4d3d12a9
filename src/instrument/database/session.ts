import { type DatabaseSeries, NO_ROWS } from './series.ts';
import { mayHoldSeveral, type Verb, verbOf, verbsOf } from '../sql/sql-verbs.ts';

/**
 * One connection to a database: what it executes is counted, and the transactions that its
 * statements begin and end. Where a statement ends a transaction that none began, as where
 * autocommit is off, nothing is counted, for nothing says that there was one.
 */
export class DatabaseSession {
  readonly series: DatabaseSeries;
  /**
   * MySQL's family commits what is open when a transaction begins, or the schema changes; and has
   * backslashes in strings.
   */
  readonly #mysql: boolean;
  #open = false;

  constructor(series: DatabaseSeries) {
    this.series = series;
    this.#mysql = series.system === 'mysql' || series.system === 'mariadb';
  }

  /** Whether a transaction is open, as far as statements tell. */
  get inTransaction(): boolean {
    return this.#open;
  }

  /**
   * A call has brought its result.
   *
   * @param rows How many it returned, or `NO_ROWS`.
   * @param rolledBack Whether the database answered a COMMIT with a rollback, as PostgreSQL does
   *   when the transaction has failed.
   */
  executed(sql: string, seconds: number, rows: number = NO_ROWS, rolledBack: boolean = false): void {
    const verb = verbOf(sql);
    const { series } = this;
    if (mayHoldSeveral(sql)) {
      for (const each of verbsOf(sql, this.#mysql)) {
        series.started(each);
        this.#follow(each, rolledBack);
      }
    } else {
      series.started(verb);
      if (this.#open || verb.effect !== undefined) this.#follow(verb, rolledBack);
    }
    series.ended(verb, seconds, rows);
  }

  /**
   * A call has failed.
   *
   * @param error What was thrown, or the label.
   * @param completed Of a text of several statements: how many went well before one failed.
   */
  failed(sql: string, seconds: number, error: unknown, completed: number = 0): void {
    const verb = verbOf(sql);
    const { series } = this;
    const verbs = completed > 0 ? verbsOf(sql, this.#mysql) : [verb];
    for (const each of verbs.slice(0, completed)) {
      series.started(each);
      this.#follow(each, false);
    }
    const failing = verbs[completed];
    if (failing !== undefined) {
      series.started(failing);
      // MySQL commits before it looks whether the schema can be changed.
      if (this.#open && this.#mysql && failing.operation === 'ddl') this.#follow(failing, false);
      // A constraint that was deferred, say; SQLite keeps the transaction open for another try.
      if (failing.effect === 'commit' && series.system !== 'sqlite') this.#end('rolled_back');
    }
    series.ended(verb, seconds);
    series.failed(error);
  }

  /**
   * A call of a cursor or a stream has begun; it counts, whatever becomes of it. End it by `ended`,
   * and by `series.failed` too if it fails.
   *
   * @returns its verb.
   */
  started(sql: string): Verb {
    const verb = verbOf(sql);
    this.series.started(verb);
    this.#follow(verb, false);
    return verb;
  }

  /** A call that was `started` has ended. @param rows How many were delivered, or `NO_ROWS`. */
  ended(verb: Verb, seconds: number, rows: number = NO_ROWS): void {
    this.series.ended(verb, seconds, rows);
  }

  /**
   * A statement was executed with so many sets of parameters, in one call.
   * @param error What was thrown, or the label; nothing if it went well.
   */
  batched(sql: string, sets: number, seconds: number, error?: unknown): void {
    const verb = verbOf(sql);
    this.series.started(verb, sets);
    this.series.batched(sets);
    this.series.ended(verb, seconds);
    if (error !== undefined) this.series.failed(error);
    else this.#follow(verb, false);
  }

  /**
   * The database has rolled the open transaction back by itself, or the connection is gone, and
   * with it what was open.
   */
  rolledBack(): void {
    this.#end('rolled_back');
  }

  #follow(verb: Verb, rolledBack: boolean): void {
    const { effect } = verb;
    if (effect === 'begin') {
      if (this.#mysql) this.#end('committed');
      this.#open = true;
    } else if (effect === 'commit' || effect === 'rollback') {
      const open = this.#open;
      this.#end(effect === 'commit' && !rolledBack ? 'committed' : 'rolled_back');
      this.#open = open && verb.chain === true;
    } else if (effect === 'detach') {
      this.#open = false;
    } else if (this.#mysql && verb.operation === 'ddl' && verb.temporary !== true) {
      this.#end('committed');
    }
  }

  #end(outcome: 'committed' | 'rolled_back'): void {
    if (this.#open) this.series.transaction(outcome);
    this.#open = false;
  }
}
