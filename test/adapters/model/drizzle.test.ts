import { createClient } from '@libsql/client';
import * as orm from 'drizzle-orm';
import { drizzle as onBetterSqlite } from 'drizzle-orm/better-sqlite3';
import { drizzle as onLibsql } from 'drizzle-orm/libsql';
import { int, mysqlTable, varchar } from 'drizzle-orm/mysql-core';
import { drizzle as onMysql2, type MySql2Database } from 'drizzle-orm/mysql2';
import { drizzle as onPg, type NodePgDatabase } from 'drizzle-orm/node-postgres';
import { drizzle as onPostgresJs } from 'drizzle-orm/postgres-js';
import * as pgCore from 'drizzle-orm/pg-core';
import * as sqlite from 'drizzle-orm/sqlite-core';
import { createPool } from 'mysql2/promise';
import { Pool } from 'pg';
import postgres from 'postgres';
import { afterAll, describe, expect, test } from 'vitest';
import { instrumentDrizzle, uninstrument } from '../../../src/adapters/model/drizzle/drizzle.ts';
import { Registry } from '../../../src/core/registry.ts';
import {
  modelContract,
  type ModelOperations,
  type ModelSubject,
  type ModelSubjectOptions,
} from '../../contracts/model.contract.ts';
import { Numbers } from '../../support/http-numbers.ts';
import { mariadbModels, postgresModels } from '../../support/model-databases.ts';
import { modelTables } from '../../support/model-tables.ts';
import { oldest } from '../../support/oldest.ts';
import { sqliteModels } from '../../support/sqlite-models.ts';

const onPostgres = await postgresModels();
const onMariadb = await mariadbModels();
afterAll(async () => {
  await onPostgres.drop();
  await onMariadb.drop();
});

type Library = Pick<typeof import('drizzle-orm'), 'eq' | 'inArray' | 'sql'> &
  Pick<typeof import('drizzle-orm/pg-core'), 'pgTable' | 'pgSchema' | 'serial' | 'text' | 'integer'>;

/** A database of Drizzle's, and what ends it. */
interface Connected {
  readonly db: NodePgDatabase;
  readonly close: () => Promise<void>;
}

describe.skipIf(onPostgres.missing)('PostgreSQL', async () => {
  const newest: Library = { ...orm, ...pgCore };
  const old: Library = {
    ...(await oldest<typeof import('drizzle-orm')>('models', 'drizzle-orm')),
    ...(await oldest<typeof import('drizzle-orm/pg-core')>('models', 'drizzle-orm/pg-core')),
  };
  const oldOnPg = await oldest<typeof import('drizzle-orm/node-postgres')>('models', 'drizzle-orm/node-postgres');

  // Drizzle takes no other pool than one of the `pg` that it finds itself.
  const oldPg = await oldest<{ default: { Pool: typeof Pool } }>('models', 'pg');

  const overPg = (drizzle: (pool: Pool) => NodePgDatabase, Pg: typeof Pool) => (): Connected => {
    const pool = new Pg({ connectionString: onPostgres.url, max: 4 });
    return { db: drizzle(pool), close: () => pool.end() };
  };
  const overPostgresJs = (): Connected => {
    const client = postgres(onPostgres.url, { max: 4 });
    return { db: onPostgresJs(client) as unknown as NodePgDatabase, close: () => client.end() };
  };
  withLibrary('Drizzle 0.45 on pg', newest, overPg(onPg, Pool), 2_000);
  withLibrary('Drizzle 0.45 on postgres', newest, overPostgresJs, 500);
  withLibrary('Drizzle 0.30 on pg', old, overPg(oldOnPg.drizzle, oldPg.default.Pool), 500);
});

function withLibrary(title: string, library: Library, connect: () => Connected, count: number): void {
  const { eq, inArray, sql, pgTable, pgSchema, serial, text, integer } = library;
  const columns = { id: serial('id').primaryKey(), name: text('name').notNull(), score: integer('score').default(0) };
  const author = pgTable('author', columns);
  const archived = pgSchema('archive').table('author', columns);

  function operations(db: NodePgDatabase): ModelOperations {
    const named = (name: string) => eq(author.name, name);
    return {
      insert: (name) => db.insert(author).values({ name }).returning(),
      insertMany: async (names) => db.insert(author).values(names.map((name) => ({ name }))),
      update: async (name, score) => db.update(author).set({ score }).where(named(name)),
      updateMany: async (names, score) =>
        db
          .update(author)
          .set({ score })
          .where(inArray(author.name, [...names])),
      delete: (name) => db.delete(author).where(named(name)).returning({ id: author.id }),
      deleteMany: async (names) => db.delete(author).where(inArray(author.name, [...names])),
      upsert: async (name, score) =>
        db.insert(author).values({ name, score }).onConflictDoUpdate({ target: author.name, set: { score } }),
      insertArchived: async (name) => db.insert(archived).values({ name }),
      raw: async (written) => db.execute(sql.raw(written)),
      transaction: (work) => db.transaction((inside) => work(operations(inside))),
    };
  }

  async function start(options: ModelSubjectOptions): Promise<ModelSubject> {
    await onPostgres.empty();
    const { db, close } = connect();
    expect(instrumentDrizzle(db, options)).toBe(db);
    return {
      ...operations(db),
      instrumentAgain: () => void instrumentDrizzle(db, options),
      uninstrument: () => uninstrument(db),
      truth: () => onPostgres.truth(),
      close,
    };
  }

  modelContract(title, start, {
    labels: { author: 'author', book: 'book', archived: 'archive.author' },
    declares: false,
    page: 'drizzle',
    has: ['upsert', 'raw', 'transaction', 'savepoint', 'insertArchived'],
    operations: count,
    cannot: { upsert: { says: 'An upsert counts as an insert', counts: { 'author insert': 3 } } },
  });
}

describe.skipIf(onMariadb.missing)('MariaDB', () => {
  const authors = mysqlTable('author', {
    id: int('id').autoincrement().primaryKey(),
    name: varchar('name', { length: 100 }).notNull(),
    score: int('score').default(0),
  });

  function operations(
    db: Pick<MySql2Database, 'insert' | 'update' | 'delete' | 'execute' | 'transaction'>,
  ): ModelOperations {
    const named = (name: string) => orm.eq(authors.name, name);
    return {
      insert: async (name) => db.insert(authors).values({ name }).$returningId(),
      insertMany: async (names) => db.insert(authors).values(names.map((name) => ({ name }))),
      update: async (name, score) => db.update(authors).set({ score }).where(named(name)),
      updateMany: async (names, score) =>
        db
          .update(authors)
          .set({ score })
          .where(orm.inArray(authors.name, [...names])),
      delete: async (name) => db.delete(authors).where(named(name)),
      deleteMany: async (names) => db.delete(authors).where(orm.inArray(authors.name, [...names])),
      upsert: async (name, score) =>
        db.insert(authors).values({ name, score }).onDuplicateKeyUpdate({ set: { score } }),
      raw: async (written) => db.execute(orm.sql.raw(written)),
      transaction: (work) => db.transaction((inside) => work(operations(inside))),
    };
  }

  async function start(options: ModelSubjectOptions): Promise<ModelSubject> {
    await onMariadb.empty();
    const pool = createPool({ uri: onMariadb.url, connectionLimit: 4 });
    const db = instrumentDrizzle(onMysql2({ client: pool }), options);
    return {
      ...operations(db),
      instrumentAgain: () => void instrumentDrizzle(db, options),
      uninstrument: () => uninstrument(db),
      truth: () => onMariadb.truth(),
      close: () => pool.end(),
    };
  }

  modelContract('Drizzle on mysql2', start, {
    labels: { author: 'author', book: 'book' },
    declares: false,
    page: 'drizzle',
    has: ['upsert', 'raw', 'transaction', 'savepoint'],
    operations: 500,
    cannot: {
      upsert: {
        says: 'an update which changes nothing counts as an insert',
        counts: { 'author insert': 2, 'author update': 1 },
      },
    },
  });
});

describe('SQLite', () => {
  const authors = sqlite.sqliteTable('author', {
    id: sqlite.integer('id').primaryKey(),
    name: sqlite.text('name').notNull(),
    score: sqlite.integer('score').default(0),
  });
  const named = (name: string) => orm.eq(authors.name, name);

  async function start(options: ModelSubjectOptions): Promise<ModelSubject> {
    const database = sqliteModels();
    const db = instrumentDrizzle(onBetterSqlite({ client: database.connection }), options);
    return {
      insert: async (name) => db.insert(authors).values({ name }).returning(),
      insertMany: async (names) => db.insert(authors).values(names.map((name) => ({ name }))),
      update: async (name, score) => db.update(authors).set({ score }).where(named(name)).run(),
      updateMany: async (names, score) =>
        db
          .update(authors)
          .set({ score })
          .where(orm.inArray(authors.name, [...names]))
          .returning()
          .values(),
      delete: async (name) => db.delete(authors).where(named(name)).returning({ id: authors.id }).get(),
      deleteMany: async (names) => db.delete(authors).where(orm.inArray(authors.name, [...names])),
      raw: async (written) =>
        written.startsWith('select') ? db.all(orm.sql.raw(written)) : db.run(orm.sql.raw(written)),
      instrumentAgain: () => void instrumentDrizzle(db, options),
      uninstrument: () => uninstrument(db),
      truth: async () => database.truth(),
      close: async () => database.close(),
    };
  }

  modelContract('Drizzle on better-sqlite3', start, {
    labels: { author: 'author', book: 'book' },
    declares: false,
    page: 'drizzle',
    has: ['raw'],
    operations: 500,
    cannot: {},
  });

  test('transactions that do not wait: their savepoints, results and errors', async () => {
    const registry = new Registry();
    const database = sqliteModels();
    const db = instrumentDrizzle(onBetterSqlite({ client: database.connection }), { registry });
    const prepared = db
      .insert(authors)
      .values({ name: orm.sql.placeholder('name') })
      .prepare();
    const outer = db.transaction((inside) => {
      inside.insert(authors).values({ name: 'ada' }).run();
      const thrown = new Error('changed my mind');
      const inner = (): void =>
        inside.transaction((nested) => {
          nested
            .insert(authors)
            .values([{ name: 'bob' }, { name: 'cyd' }])
            .run();
          throw thrown;
        });
      expect(inner).toThrow(thrown);
      prepared.run({ name: 'dan' });
      return inside.update(authors).set({ score: 1 }).run().changes;
    });
    expect(outer).toBe(2);
    expect(() => db.transaction((inside) => (inside.delete(authors).run(), inside.rollback()))).toThrow('Rollback');
    const numbers = await Numbers.of(registry);
    expect(numbers.value('model_inserts', { model: 'author' })).toBe(4);
    expect(numbers.value('model_updates', { model: 'author' })).toBe(2);
    expect(numbers.value('model_rolled_back_operations', { model: 'author', operation: 'insert' })).toBe(2);
    expect(numbers.value('model_rolled_back_operations', { model: 'author', operation: 'delete' })).toBe(2);
    expect(database.truth()).toEqual({ 'author insert': 2, 'author update': 2 });
    database.close();
  });

  test('batches of built and raw queries, in any order', async () => {
    const registry = new Registry();
    const client = createClient({ url: ':memory:' });
    for (const statement of modelTables('sqlite')) await client.execute(statement);
    const db = instrumentDrizzle(onLibsql({ client }), { registry });
    const { sql } = orm;
    await db.batch([
      db.run(sql`insert into author (name) values ('bob'), ('cyd'), ('dan')`),
      db.insert(authors).values({ name: 'ada' }),
      db.all(sql`select 1 as changes`),
      db.run(sql`insert into book (title, author_id) values ('One', 1), ('Two', 1)`),
      db.update(authors).set({ score: 1 }),
      db.get(sql`update author set score = 2 where name = 'bob' returning 7 as changes`),
      db.values(sql`delete from author where name in ('cyd', 'dan') returning name`),
    ]);
    const numbers = await Numbers.of(registry);
    const rows = (write: string, model: string) => numbers.value(`model_${write}s`, { model });
    expect([rows('insert', 'author'), rows('insert', 'book')]).toEqual([4, 2]);
    expect([rows('update', 'author'), rows('delete', 'author')]).toEqual([5, 2]);
    client.close();
  });

  test('batches, whose queries are all done or none', async () => {
    const registry = new Registry();
    const client = createClient({ url: ':memory:' });
    for (const statement of modelTables('sqlite')) await client.execute(statement);
    const db = instrumentDrizzle(onLibsql({ client }), { registry });
    const [inserted, updated, all] = await db.batch([
      db
        .insert(authors)
        .values([{ name: 'ada' }, { name: 'bob' }])
        .returning(),
      db.update(authors).set({ score: 1 }).where(named('ada')),
      db.select().from(authors),
    ]);
    expect([inserted.length, updated.rowsAffected, all.length]).toEqual([2, 1, 2]);
    const failing = db.batch([db.insert(authors).values({ name: 'cyd' }), db.insert(authors).values({ name: 'ada' })]);
    await expect(failing).rejects.toThrow('UNIQUE');
    await db.delete(authors).where(named('bob'));
    const numbers = await Numbers.of(registry);
    expect(numbers.value('model_inserts', { model: 'author' })).toBe(2);
    expect(numbers.value('model_updates', { model: 'author' })).toBe(1);
    expect(numbers.value('model_deletes', { model: 'author' })).toBe(1);
    client.close();
  });
});
