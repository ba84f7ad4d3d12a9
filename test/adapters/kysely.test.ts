import { type ControlledTransaction, type Generated, Kysely, MysqlDialect, PostgresDialect, sql } from 'kysely';
import { createPool } from 'mysql2';
import { Pool } from 'pg';
import { afterAll, describe } from 'vitest';
import { instrumentKysely, uninstrument } from '../../src/adapters/kysely.ts';
import {
  modelContract,
  type ModelOperations,
  type ModelSubject,
  type ModelSubjectOptions,
} from '../contracts/model.contract.ts';
import { mariadbModels, type ModelDatabase, postgresModels } from '../support/model-databases.ts';

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

function subject(db: Kysely<Tables>, database: ModelDatabase, options: ModelSubjectOptions): ModelSubject {
  instrumentKysely(db, options);
  return {
    ...operations(db),
    instrumentAgain: () => void instrumentKysely(db, options),
    uninstrument: () => uninstrument(db),
    truth: () => database.truth(),
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

type Work = (inside: ModelOperations) => Promise<void>;

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

describe.skipIf(onPostgres.missing)('PostgreSQL', () => {
  async function start(options: ModelSubjectOptions): Promise<ModelSubject> {
    await onPostgres.empty();
    const pool = new Pool({ connectionString: onPostgres.url, max: 4 });
    const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
    const insertArchived = (name: string): Promise<unknown> =>
      db.withSchema('archive').insertInto('author').values({ name }).execute();
    const upsert = (name: string, score: number): Promise<unknown> =>
      db
        .insertInto('author')
        .values({ name, score })
        .onConflict((conflict) => conflict.column('name').doUpdateSet({ score }))
        .execute();
    const transaction = async (work: Work): Promise<void> => {
      const begun = await db.startTransaction().execute();
      try {
        await work(inTransaction(begun));
        await begun.commit().execute();
      } catch (error) {
        await begun.rollback().execute();
        throw error;
      }
    };
    return { ...subject(db, onPostgres, options), insertArchived, upsert, transaction };
  }

  modelContract('Kysely on pg', start, {
    labels: { author: 'author', book: 'book', archived: 'archive.author' },
    declares: false,
    page: 'kysely',
    has: ['upsert', 'raw', 'transaction', 'savepoint', 'insertArchived'],
    cannot: { upsert: { says: 'An upsert counts as an insert', counts: { 'author insert': 3 } } },
  });
});

describe.skipIf(onMariadb.missing)('MariaDB', () => {
  async function start(options: ModelSubjectOptions): Promise<ModelSubject> {
    await onMariadb.empty();
    const pool = createPool({ uri: onMariadb.url, connectionLimit: 4 });
    const db = new Kysely<Tables>({ dialect: new MysqlDialect({ pool }) });
    const upsert = (name: string, score: number): Promise<unknown> =>
      db.insertInto('author').values({ name, score }).onDuplicateKeyUpdate({ score }).execute();
    return { ...subject(db, onMariadb, options), upsert };
  }

  modelContract('Kysely on mysql2', start, {
    labels: { author: 'author', book: 'book' },
    declares: false,
    page: 'kysely',
    has: ['upsert', 'raw', 'transaction'],
    operations: 1000,
    cannot: {
      upsert: {
        says: 'an update which changes nothing counts as an insert',
        counts: { 'author insert': 2, 'author update': 1 },
      },
    },
  });
});
