import { sql } from 'kysely';
import type { Database, Queryable } from './database.ts';
import { createJobTable, createTables } from './schema.ts';
import { seed } from './seed.ts';

type Migration = (db: Queryable, system: Database['system']) => Promise<void>;

/** In the order in which they are applied; one that has been released is never changed. */
const migrations: readonly { readonly name: string; readonly run: Migration }[] = [
  { name: '001-schema', run: createTables },
  { name: '002-seed', run: seed },
  { name: '003-jobs', run: createJobTable },
];

/**
 * Brings the database up to date: each migration runs once in a database's life, all that are due
 * in one transaction (MySQL, which commits before it makes a table, keeps what was made when a
 * later one fails). Only the primary process calls this, before it starts the others.
 *
 * @returns the names of the migrations that were due
 */
export async function migrate(database: Database): Promise<string[]> {
  return database.write(async (transaction) => {
    await waitForOthers(transaction, database.system);
    await transaction.schema
      .createTable('migration')
      .ifNotExists()
      .addColumn('name', 'varchar(100)', (name) => name.primaryKey())
      .addColumn('applied', 'varchar(30)', (applied) => applied.notNull())
      .execute();
    const rows = await transaction.selectFrom('migration').select('name').execute();
    const applied = new Set(rows.map(({ name }) => name));
    const due = migrations.filter((migration) => !applied.has(migration.name));
    for (const { name, run } of due) {
      await run(transaction, database.system);
      await transaction.insertInto('migration').values({ name, applied: new Date().toISOString() }).execute();
    }
    return due.map((migration) => migration.name);
  });
}

/**
 * Another machine may be starting on the same database. SQLite's transactions hold the write lock
 * from their start.
 */
async function waitForOthers(db: Queryable, system: Database['system']): Promise<void> {
  if (system === 'postgresql') await sql`select pg_advisory_xact_lock(7261823)`.execute(db);
}
