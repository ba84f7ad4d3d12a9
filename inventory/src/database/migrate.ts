import { type Migration, Migrator } from 'kysely';
import type { Database, Queryable } from './database.ts';
import { createJobTable, createTables } from './schema.ts';
import { seed } from './seed.ts';

/**
 * Brings the database up to date with Kysely's Migrator: each migration runs once in a database's
 * life, under a lock, and in a transaction where the database can roll back a change of the schema.
 * Only the primary process calls this, before it starts the others.
 *
 * @returns the names of the migrations that were due
 * @throws the error of the migration that failed
 */
export async function migrate({ reads: db, system }: Database): Promise<string[]> {
  await adoptEarlierTable(db);
  const migrator = new Migrator({ db, provider: { getMigrations: async () => migrationsFor(system) } });
  const { error, results = [] } = await migrator.migrateToLatest();
  if (error !== undefined) throw error;
  return results.map(({ migrationName }) => migrationName);
}

/** By name, in the order in which they apply. A released one never changes. */
function migrationsFor(system: Database['system']): Record<string, Migration> {
  return {
    '001-schema': { up: (db) => createTables(db, system) },
    '002-seed': { up: (db) => seed(db, system) },
    '003-jobs': { up: (db) => createJobTable(db, system) },
  };
}

/** Versions before 0.2 kept the list of applied migrations in a table of their own. */
async function adoptEarlierTable(db: Queryable): Promise<void> {
  const tables = new Set((await db.introspection.getTables()).map(({ name }) => name));
  if (!tables.has('migration')) return;
  await db.schema
    .createTable('kysely_migration')
    .ifNotExists()
    .addColumn('name', 'varchar(255)', (name) => name.primaryKey())
    .addColumn('timestamp', 'varchar(255)', (timestamp) => timestamp.notNull())
    .execute();
  const applied = await db.selectFrom('migration').select(['name', 'applied as timestamp']).execute();
  if (!tables.has('kysely_migration') && applied.length > 0) {
    await db.insertInto('kysely_migration').values(applied).execute();
  }
  await db.schema.dropTable('migration').execute();
}
