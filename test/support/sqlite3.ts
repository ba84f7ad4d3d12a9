import Database from 'better-sqlite3';

type Callback = (this: { changes?: number; lastID?: number }, error: unknown, rows?: unknown) => void;

/**
 * What Sequelize calls of the module sqlite3, on better-sqlite3: the former has to be compiled for
 * minutes. Answers come later, and in order.
 */
export class Sqlite3 {
  readonly #database: Database.Database;
  filename: string;

  constructor(file: string, mode: number, ready: (error: unknown) => void) {
    void mode;
    this.filename = file;
    // Who waits for a lock here would wait for itself.
    this.#database = new Database(file, { timeout: 0 });
    setImmediate(ready, null);
  }

  serialize(work: () => unknown): void {
    work();
  }

  /** Tells the rows that it has changed with what it calls back on. */
  run(sql: string, parameters: unknown = [], done: Callback = () => {}): this {
    return this.#answer(done, () => {
      const { changes, lastInsertRowid } = this.#prepare(sql).run(...bindings(parameters));
      return { told: { changes, lastID: Number(lastInsertRowid) }, rows: undefined };
    });
  }

  all(sql: string, parameters: unknown, done?: Callback): this {
    const callback = (typeof parameters === 'function' ? parameters : done) as Callback;
    const given = typeof parameters === 'function' ? [] : parameters;
    return this.#answer(callback, () => {
      const statement = this.#prepare(sql);
      if (statement.reader) return { told: {}, rows: statement.all(...bindings(given)) };
      statement.run(...bindings(given));
      return { told: {}, rows: [] };
    });
  }

  close(done: (error: unknown) => void = () => {}): void {
    this.#database.close();
    setImmediate(done, null);
  }

  #prepare(sql: string): Database.Statement {
    return this.#database.prepare(sql);
  }

  #answer(done: Callback, execute: () => { told: ThisParameterType<Callback>; rows: unknown }): this {
    setImmediate(() => {
      let answer: ReturnType<typeof execute>;
      try {
        answer = execute();
      } catch (error) {
        const { message, code = 'SQLITE_MISUSE' } = error as Error & { code?: string };
        // Its errors have the short code, and say it.
        const short = code.split('_').slice(0, 2).join('_');
        done.call({}, Object.assign(new Error(`${short}: ${message}`), { code: short }));
        return;
      }
      done.call(answer.told, null, answer.rows);
    });
    return this;
  }
}

/** Sequelize names them `$1`, with the dollar. */
function bindings(parameters: unknown): unknown[] {
  if (Array.isArray(parameters)) return parameters;
  const named = Object.entries(parameters as Record<string, unknown>).map(([name, value]) => [name.slice(1), value]);
  return named.length === 0 ? [] : [Object.fromEntries(named)];
}
