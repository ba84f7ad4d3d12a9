import type { DatabaseSubject } from '../contracts/database.contract.ts';

interface Statement {
  run(...args: unknown[]): unknown;
  get(...args: unknown[]): unknown;
  all(...args: unknown[]): unknown;
  iterate(...args: unknown[]): Iterable<unknown>;
}

/** What better-sqlite3 and node:sqlite have alike. */
export interface SqliteDatabase {
  prepare(sql: string): Statement;
  exec(sql: string): unknown;
  close(): unknown;
}

const INSERT = 'insert into devices values (?, ?)';
const SELECT = 'select id, name from devices where id <= ?';

/**
 * A database in this process under the contract; its calls are synchronous, and what they throw is
 * a rejection here.
 */
export function sqliteSubject(
  database: SqliteDatabase,
  instrumentation: Pick<DatabaseSubject, 'instrument' | 'uninstrument'>,
): DatabaseSubject {
  return {
    ...instrumentation,
    insert: async (id, name) => database.prepare(INSERT).run(id, name),
    select: async (upTo) => database.prepare(SELECT).all(upTo),
    rename: async (id, name) => database.prepare('UPDATE devices SET name = ? WHERE id = ?').run(name, id),
    remove: async (id) => database.prepare('delete from devices where id = ?').run(id),
    ddl: async () => void database.exec('create index if not exists by_name on devices (name)'),
    nonsense: async () => void database.exec('selec 1'),
    run: async (sql) => database.prepare(sql).all(),
    prepared: async (id) => database.prepare('select * from devices where id = ?').get(id),
    insertAll: async (rows) =>
      database.prepare(`insert into devices values ${rows.map(() => '(?, ?)').join()}`).run(...rows.flat()),
    upsert: async (id, name) =>
      database.prepare(`${INSERT} on conflict (id) do update set name = excluded.name`).run(id, name),
    async cursor(upTo, stopAfter) {
      let count = 0;
      for (const _row of database.prepare(SELECT).iterate(upTo)) if (++count >= stopAfter) break;
      return count;
    },
    async transaction(work) {
      database.exec('begin');
      try {
        await work({
          insert: async (id, name) => database.prepare(INSERT).run(id, name),
          select: async (upTo) => database.prepare(SELECT).all(upTo),
        });
        database.exec('commit');
      } catch (error) {
        database.exec('rollback');
        throw error;
      }
    },
    close: async () => database.close(),
  };
}
