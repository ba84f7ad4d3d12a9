import {
  CamelCasePlugin,
  type ControlledTransaction,
  type Generated,
  Kysely,
  MysqlDialect,
  PostgresDialect,
  sql,
  SqliteDialect,
} from 'kysely';
import { createPool } from 'mysql2';
import { Pool } from 'pg';
import { afterAll, describe, expect, test } from 'vitest';
import { instrumentKysely, uninstrument } from '../../../src/adapters/model/kysely.ts';
import { Registry } from '../../../src/core/registry.ts';
import {
  modelContract,
  type ModelOperations,
  type ModelSubject,
  type ModelSubjectOptions,
  type ModelTraits,
} from '../../contracts/model.contract.ts';
import { Numbers } from '../../support/http-numbers.ts';
import { mariadbModels, postgresModels } from '../../support/model-databases.ts';
import { oldest } from '../../support/oldest.ts';
import { sqliteModels } from '../../support/sqlite-models.ts';

interface Tables {
  readonly author: { readonly id: Generated<number>; readonly name: string; readonly score: Generated<number> };
  readonly book: { readonly id: Generated<number>; readonly title: string; readonly author_id: number };
}

const onPostgres = await postgresModels();
const onMariadb = await mariadbModels();
afterAll(async () => {
  await onPostgres.drop();
  await onMariadb.drop();
});

function subject(db: Kysely<Tables>, truth: ModelSubject['truth'], options: ModelSubjectOptions): ModelSubject {
  instrumentKysely(db, options);
  return {
    ...operations(db),
    instrumentAgain: () => void instrumentKysely(db, options),
    uninstrument: () => uninstrument(db),
    truth,
    close: () => db.destroy(),
  };
}

function operations(db: Kysely<Tables>): ModelOperations {
  return {
    insert: (name) => db.insertInto('author').values({ name }).execute(),
    insertMany: (names) =>
      db
        .insertInto('author')
        .values(names.map((name) => ({ name })))
        .execute(),
    update: (name, score) => db.updateTable('author').set({ score }).where('name', '=', name).executeTakeFirst(),
    updateMany: (names, score) => db.updateTable('author').set({ score }).where('name', 'in', names).execute(),
    delete: (name) => db.deleteFrom('author').where('name', '=', name).execute(),
    deleteMany: (names) => db.deleteFrom('author').where('name', 'in', names).returningAll().execute(),
    raw: (text) => sql.raw(text).execute(db),
    transaction: (work) => db.transaction().execute((inside) => work(operations(inside))),
  };
}

type Library = Pick<typeof import('kysely'), 'Kysely' | 'PostgresDialect' | 'sql'>;
type Work = (inside: ModelOperations) => Promise<void>;

async function controlled(db: Kysely<Tables>, work: Work): Promise<void> {
  const begun = await db.startTransaction().execute();
  try {
    await work(inTransaction(begun));
    await begun.commit().execute();
  } catch (error) {
    await begun.rollback().execute();
    throw error;
  }
}

function inTransaction(outer: ControlledTransaction<Tables, string[]>): ModelOperations {
  return {
    ...operations(outer),
    transaction: async (work) => {
      const inner = await outer.savepoint('here').execute();
      try {
        await work(inTransaction(inner));
        await inner.releaseSavepoint('here').execute();
      } catch (error) {
        await inner.rollbackToSavepoint('here').execute();
        throw error;
      }
    },
  };
}

const TRAITS: ModelTraits = {
  labels: { author: 'author', book: 'book', archived: 'archive.author' },
  declares: false,
  page: 'kysely',
  has: ['upsert', 'raw', 'transaction', 'savepoint', 'insertArchived'],
  cannot: { upsert: { says: 'An upsert counts as an insert', counts: { 'author insert': 3 } } },
};

describe.skipIf(onPostgres.missing)('PostgreSQL', async () => {
  const versions = [
    { version: '0.28', library: { Kysely, PostgresDialect, sql } },
    { version: '0.27', library: await oldest<Library>('models', 'kysely'), operations: 500 },
    { version: '0.29', library: await oldest<Library>('models', 'kysely-0-29'), operations: 500 },
  ];
  for (const { version, library, operations: count = 10_000 } of versions) {
    const start = async (options: ModelSubjectOptions): Promise<ModelSubject> => {
      await onPostgres.empty();
      const pool = new Pool({ connectionString: onPostgres.url, max: 4 });
      const db = new library.Kysely<Tables>({ dialect: new library.PostgresDialect({ pool }) });
      const made = subject(db, () => onPostgres.truth(), options);
      const archive = db.withSchema('archive');
      return {
        ...made,
        insertArchived: (name) => archive.insertInto('author').values({ name }).execute(),
        upsert: (name, score) =>
          db
            .insertInto('author')
            .values({ name, score })
            .onConflict((conflict) => conflict.column('name').doUpdateSet({ score }))
            .execute(),
        raw: (text) => library.sql.raw(text).execute(db),
        transaction: version === '0.27' ? made.transaction! : (work) => controlled(db, work),
      };
    };
    const has = TRAITS.has.filter((one) => version !== '0.27' || one !== 'savepoint');
    modelContract(`Kysely ${version} on pg`, start, { ...TRAITS, has, operations: count });
  }

  test('copies of the instance, made before and after', async () => {
    await onPostgres.empty();
    const registry = new Registry();
    const pool = new Pool({ connectionString: onPostgres.url });
    const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
    const before = db.withTables<{ other: { id: number } }>();
    expect(instrumentKysely(db, { registry, app: 'library' })).toBe(db);
    await db
      .withPlugin(new CamelCasePlugin())
      .withSchema('archive')
      .insertInto('author')
      .values({ name: 'ada' })
      .execute();
    await before.insertInto('author').values({ name: 'ada' }).execute();
    const camel = db.withPlugin(new CamelCasePlugin());
    await camel
      .insertInto('book')
      .values({ title: 'notes', authorId: 1 } as never)
      .execute();
    await db
      .withoutPlugins()
      .connection()
      .execute((one) => one.updateTable('author').set({ score: 1 }).execute());
    const numbers = await Numbers.of(registry);
    expect(numbers.labelValues('model_inserts', 'model')).toEqual([
      'library.archive.author',
      'library.author',
      'library.book',
    ]);
    expect(numbers.value('model_updates', { model: 'library.author' })).toBe(1);
    await db.destroy();
  });
});

describe.skipIf(onMariadb.missing)('MariaDB', () => {
  async function start(options: ModelSubjectOptions): Promise<ModelSubject> {
    await onMariadb.empty();
    const pool = createPool({ uri: onMariadb.url, connectionLimit: 4 });
    const db = new Kysely<Tables>({ dialect: new MysqlDialect({ pool }) });
    const upsert = (name: string, score: number): Promise<unknown> =>
      db.insertInto('author').values({ name, score }).onDuplicateKeyUpdate({ score }).execute();
    return { ...subject(db, () => onMariadb.truth(), options), upsert };
  }

  modelContract('Kysely on mysql2', start, {
    ...TRAITS,
    labels: { author: 'author', book: 'book' },
    has: ['upsert', 'raw', 'transaction'],
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
  async function start(options: ModelSubjectOptions): Promise<ModelSubject> {
    const { connection, truth } = sqliteModels();
    const db = new Kysely<Tables>({ dialect: new SqliteDialect({ database: connection }) });
    return subject(db, async () => truth(), options);
  }

  modelContract('Kysely on better-sqlite3', start, {
    ...TRAITS,
    labels: { author: 'author', book: 'book' },
    has: ['raw', 'transaction'],
    operations: 500,
  });
});
