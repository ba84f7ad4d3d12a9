import type { Dialect } from './lexer.ts';
import type { Statement } from './statement.ts';

/** MySQL's: the server did not understand the statement. */
const ER_PARSE_ERROR = 1064;

/** How a transaction ended for its connection. A prepared one goes on elsewhere. */
export type TransactionEnd = 'committed' | 'rolled_back' | 'prepared';

/** Is told what becomes of the transactions of a connection. Savepoints are counted from 0. */
export interface TransactionListener {
  began?(): void;
  ended(end: TransactionEnd): void;
  /** A savepoint was set, above all others. */
  saved?(): void;
  /** A savepoint and those above it were released. */
  released?(savepoint: number): void;
  /** Everything since a savepoint was taken back. The savepoint stays, those above it go. */
  rolledBackTo?(savepoint: number): void;
}

/**
 * Follows the transactions of one connection by its statements, as each database has them.
 *
 * A COMMIT outside a transaction is nothing. MySQL commits by itself where a transaction begins or
 * the schema changes, and begins one with the first statement while autocommit is off. In SQLite a
 * savepoint outside a transaction begins one, which ends when it is released.
 */
export class Transactions {
  readonly #dialect: Dialect | undefined;
  readonly #listener: TransactionListener;
  readonly #savepoints: string[] = [];
  #open = false;
  #begunBySavepoint = false;
  #autocommit = true;
  #locked = false;

  constructor(dialect: Dialect | undefined, listener: TransactionListener) {
    this.#dialect = dialect;
    this.#listener = listener;
  }

  /** True while a transaction is open, as far as statements tell. */
  get open(): boolean {
    return this.#open;
  }

  /** True if the statement can change anything here. Hot path: most statements can't. */
  concerns({ effect, operation }: Statement): boolean {
    return effect !== undefined || (!this.#autocommit && !this.#open && WORKS.has(operation));
  }

  /**
   * A statement has succeeded.
   *
   * @param answeredRollback True if the database answered a COMMIT with a rollback, as PostgreSQL
   *   does when the transaction has failed.
   */
  follow(statement: Statement, answeredRollback: boolean = false): void {
    const isMysql = this.#dialect === 'mysql';
    switch (statement.effect) {
      case undefined:
        if (this.concerns(statement)) this.#begin();
        break;
      case 'begin':
        this.#locked = false;
        // PostgreSQL and SQLite refuse, and go on with the one that is open.
        if (this.#open && (isMysql || this.#dialect === undefined)) this.#end('committed');
        if (!this.#open) this.#begin();
        break;
      case 'commit':
        this.#end(answeredRollback ? 'rolled_back' : 'committed', statement.chain);
        break;
      case 'rollback':
        this.#end('rolled_back', statement.chain);
        break;
      case 'detach':
        this.#end('prepared');
        break;
      case 'prepared_commit':
      case 'prepared_rollback':
        this.#endPrepared(statement.effect === 'prepared_commit' ? 'committed' : 'rolled_back');
        break;
      case 'savepoint':
        this.#save(statement.savepoint!);
        break;
      case 'release':
      case 'rollback_to':
        this.#toSavepoint(statement.savepoint!, statement.effect === 'release');
        break;
      default:
        if (isMysql || this.#dialect === undefined) this.#mysql(statement.effect);
    }
  }

  /**
   * A statement has failed. MySQL commits before it looks whether the schema can be changed. A
   * COMMIT that fails has rolled back, but for SQLite, which keeps the transaction for another try.
   *
   * @param error What was thrown: MySQL does nothing for a statement that it does not understand.
   */
  failed({ effect }: Statement, error: unknown): void {
    if ((error as { readonly errno?: unknown } | null | undefined)?.errno === ER_PARSE_ERROR) return;
    if (effect === 'implicit_commit' && this.#dialect === 'mysql') this.#end('committed');
    else if (effect === 'commit' && this.#dialect !== 'sqlite') this.#end('rolled_back');
  }

  /** The database took the transaction back by itself, or the connection is gone. */
  rolledBack(): void {
    this.#end('rolled_back');
  }

  /** The connection starts over, as after a reset: nothing is open, every setting is the default. */
  reset(): void {
    this.#end('rolled_back');
    this.#autocommit = true;
    this.#locked = false;
  }

  #begin(): void {
    this.#open = true;
    this.#begunBySavepoint = false;
    this.#listener.began?.();
    for (let i = 0; i < this.#savepoints.length; i++) this.#listener.saved?.();
  }

  #end(end: TransactionEnd, chain: boolean = false): void {
    const open = this.#open;
    this.#open = false;
    this.#savepoints.length = 0;
    if (open) this.#listener.ended(end);
    // PostgreSQL refuses to chain where there is no transaction.
    if (chain && (open || this.#dialect === 'mysql')) this.#begin();
  }

  /** A session of MySQL can roll an XA transaction back before it is prepared. */
  #endPrepared(end: TransactionEnd): void {
    if (this.#open) this.#end(end);
    else this.#listener.ended(end);
  }

  #save(name: string): void {
    if (!this.#open) {
      // Without a transaction it does nothing in MySQL, and fails in PostgreSQL.
      if (this.#dialect === 'postgresql' || (this.#dialect === 'mysql' && this.#autocommit)) return;
      if (this.#autocommit) {
        this.#begin();
        this.#begunBySavepoint = true;
      }
    }
    this.#savepoints.push(name);
    // With autocommit off it waits for the transaction that the next statement begins.
    if (this.#open) this.#listener.saved?.();
  }

  #toSavepoint(name: string, release: boolean): void {
    const at = this.#savepoints.lastIndexOf(name);
    if (at < 0) return;
    this.#savepoints.length = release ? at : at + 1;
    if (!this.#open) return;
    if (!release) return this.#listener.rolledBackTo?.(at);
    this.#listener.released?.(at);
    if (at === 0 && this.#begunBySavepoint) this.#end('committed');
  }

  #mysql(effect: NonNullable<Statement['effect']>): void {
    // What only MySQL has is understood where the dialect is not known; what others have too is not
    // taken for MySQL's.
    if (effect === 'autocommit_off') this.#autocommit = false;
    else if (effect === 'autocommit_on') {
      if (!this.#autocommit) this.#end('committed');
      this.#autocommit = true;
    } else if (this.#dialect === undefined) return;
    else if (effect === 'implicit_commit') this.#end('committed');
    else if (effect === 'lock') {
      this.#end('committed');
      this.#locked = true;
    } else if (effect === 'unlock') {
      if (this.#locked) this.#end('committed');
      this.#locked = false;
    }
  }
}

/** Operations that begin a transaction while autocommit is off; of `ddl` those of temporary tables. */
const WORKS: ReadonlySet<string> = new Set(['select', 'insert', 'update', 'delete', 'ddl']);
