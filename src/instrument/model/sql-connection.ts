import { hookFailed } from '../hooks/guard.ts';
import type { ModelRecorder, ModelTransaction, WriteSink } from './recorder.ts';
import { countSqlWrite, readSqlWrite } from '../sql/sql-write.ts';

const TRANSACTION = /^\s*(begin|start|savepoint|release|rollback|abort|commit|end)\b([^]*)$/i;
/** What follows `begin` and the like; `begin` also opens blocks, which hold statements. */
const REST =
  /^(?:\s+(?:transaction|work|tran|deferred|immediate|exclusive|isolation|level|read|write|only|repeatable|(?:un)?committed|serializable|snapshot|,)\b|\s*,)*\s*;?\s*$/i;
const SAVEPOINT = /^\s+(?:(?:work|transaction)\s+)?(?:to\s+)?(?:savepoint\s+)?(\w+|"[^"]+"|`[^`]+`)\s*;?\s*$/i;

/** A transaction, or what comes after a savepoint. */
interface Level {
  readonly savepoint: string | undefined;
  readonly transaction: ModelTransaction;
}

/**
 * Counts what is written over one connection, from the SQL that goes over it and the rows that come
 * back: for libraries that show both, and send transactions as SQL.
 */
export class SqlConnection {
  readonly #recorder: ModelRecorder;
  #levels: Level[] = [];
  /**
   * To be done when the next statement is sent: until then answers to earlier ones come in, and an
   * end can fail.
   */
  #then: (() => void) | undefined;

  constructor(recorder: ModelRecorder) {
    this.#recorder = recorder;
  }

  /**
   * A statement leaves. Never throws.
   *
   * @returns where its rows are to be counted, for connections that send further ones before it is
   *   answered.
   */
  sent(sql: string): WriteSink {
    try {
      this.#sent(sql);
    } catch (error) {
      hookFailed(error);
    }
    return this.#sink();
  }

  #sent(sql: string): void {
    this.#then?.();
    this.#then = undefined;
    const match = TRANSACTION.exec(sql);
    if (!match) return;
    const verb = match[1]!.toLowerCase();
    const rest = match[2]!;
    const savepoint = SAVEPOINT.exec(rest)?.[1] ?? '';
    if (REST.test(rest)) this.#boundary(verb);
    else if (verb === 'savepoint') this.#open(savepoint);
    else if (verb === 'release') this.#close(savepoint, false);
    else if (verb === 'rollback') this.#close(savepoint, true);
  }

  /**
   * A statement has succeeded.
   * @param rows That it wrote; undefined where the answer does not tell.
   */
  succeeded(sql: string, rows: number | bigint | undefined, sink: WriteSink = this.#sink()): void {
    if (rows === undefined) return;
    const write = readSqlWrite(sql);
    if (write) countSqlWrite(sink, write, rows);
  }

  /** A statement was refused, or the connection has gone. */
  failed(sql: string, error: unknown): void {
    this.#levels.at(-1)?.transaction.refused(error);
    if (/^\s*(?:commit|end)\b/i.test(sql)) this.#rollBack(0);
  }

  #sink(): WriteSink {
    return this.#levels.at(-1)?.transaction ?? this.#recorder;
  }

  #boundary(verb: string): void {
    if (verb === 'begin' || verb === 'start') {
      this.#levels = [{ savepoint: undefined, transaction: this.#recorder.begin() }];
    } else if (verb === 'rollback' || verb === 'abort' || this.#levels.some(({ transaction }) => transaction.failed)) {
      this.#rollBack(0);
      this.#then = () => (this.#levels = []);
    } else {
      this.#then = () => (this.#levels = []);
    }
  }

  #open(savepoint: string): void {
    const around = this.#levels.at(-1);
    const transaction = around?.transaction.nest() ?? this.#recorder.begin();
    this.#levels.push({ savepoint, transaction });
  }

  /** A savepoint that is rolled back stays, with nothing after it. */
  #close(savepoint: string, rolledBack: boolean): void {
    const at = this.#levels.findLastIndex((level) => level.savepoint === savepoint);
    if (at < 0) return;
    if (rolledBack) {
      this.#rollBack(at);
      this.#then = () => {
        this.#levels.length = at;
        this.#open(savepoint);
      };
    } else {
      for (const { transaction } of this.#levels.splice(at).toReversed()) transaction.commit();
    }
  }

  #rollBack(from: number): void {
    for (const { transaction } of this.#levels.slice(from).toReversed()) transaction.rollBack();
  }
}
