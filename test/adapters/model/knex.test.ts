import Knex, { type Knex as KnexType } from 'knex';
import { Model } from 'objection';
import { afterAll, describe, expect, test } from 'vitest';
import { instrumentKnex, uninstrument } from '../../../src/adapters/model/knex.ts';
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
import { sqliteModelsFile } from '../../support/sqlite-models.ts';

const onPostgres = await postgresModels();
const onMariadb = await mariadbModels();
afterAll(async () => {
  await onPostgres.drop();
  await onMariadb.drop();
});

const TRAITS: ModelTraits = {
  labels: { author: 'author', book: 'book', archived: 'archive.author' },
  declares: false,
  page: 'knex',
  has: ['upsert', 'raw', 'transaction', 'savepoint', 'insertArchived'],
  cannot: { upsert: { says: 'An upsert counts as an insert', counts: { 'author insert': 3 } } },
};

function subject(knex: KnexType, truth: ModelSubject['truth'], options: ModelSubjectOptions): ModelSubject {
  instrumentKnex(knex, options);
  return {
    ...operations(knex),
    instrumentAgain: () => void instrumentKnex(knex, options),
    uninstrument: () => uninstrument(knex),
    truth,
    close: () => knex.destroy(),
  };
}

function operations(knex: KnexType): ModelOperations {
  return {
    insert: async (name) => knex('author').insert({ name }),
    insertMany: async (names) => knex('author').insert(names.map((name) => ({ name }))),
    update: async (name, score) => knex('author').where({ name }).update({ score }),
    updateMany: async (names, score) => knex('author').whereIn('name', names).update({ score }),
    delete: async (name) => knex('author').where({ name }).delete(),
    deleteMany: async (names) => knex('author').whereIn('name', names).delete(),
    upsert: async (name, score) => knex('author').insert({ name, score }).onConflict('name').merge(),
    raw: async (sql) => knex.raw(sql),
    transaction: (work) => knex.transaction((inside) => work(operations(inside))),
  };
}

describe.skipIf(onPostgres.missing)('PostgreSQL', async () => {
  const versions = [
    { version: '3', make: Knex, operations: 10_000 },
    { version: '3.0', make: (await oldest<{ default: typeof Knex }>('models', 'knex')).default, operations: 500 },
  ];
  for (const { version, make, operations: count } of versions) {
    const start = async (options: ModelSubjectOptions): Promise<ModelSubject> => {
      await onPostgres.empty();
      const knex = make({ client: 'pg', connection: onPostgres.url, pool: { min: 0, max: 4 } });
      const insertArchived = async (name: string): Promise<unknown> =>
        knex('author').withSchema('archive').insert({ name }).returning('id');
      const deleteMany = async (names: readonly string[]): Promise<unknown> =>
        knex('author').whereIn('name', names).delete(['id', 'name']);
      return { ...subject(knex, () => onPostgres.truth(), options), insertArchived, deleteMany };
    };
    modelContract(`Knex ${version} on pg`, start, { ...TRAITS, operations: count });
  }

  test.each([
    { version: '3', make: Knex, Model },
    {
      version: '3.0',
      make: versions[1]!.make,
      Model: (await oldest<typeof import('objection')>('models', 'objection')).Model,
    },
  ])('graphs of Objection $version, row by row', async ({ make, Model: Base }) => {
    await onPostgres.empty();
    const registry = new Registry();
    const knex = instrumentKnex(make({ client: 'pg', connection: onPostgres.url }), { registry });
    class Book extends Base {
      static override tableName = 'book';
    }
    class Author extends Base {
      static override tableName = 'author';
      static override relationMappings = {
        books: {
          relation: Base.HasManyRelation,
          modelClass: Book,
          join: { from: 'author.id', to: 'book.author_id' },
        },
      };
    }
    const authors = Author.bindKnex(knex);
    const ada = (await authors.query().insertGraphAndFetch({
      name: 'ada',
      books: [{ title: 'notes' }, { title: 'letters' }],
    } as object)) as unknown as {
      id: number;
      books: { id: number }[];
    };
    const [kept] = ada.books;
    await authors
      .query()
      .upsertGraph({ id: ada.id, name: 'Ada', books: [{ id: kept!.id, title: 'Notes' }, { title: 'new' }] } as object);
    await authors
      .query()
      .patch({ score: 3 } as object)
      .where('name', 'Ada');
    const numbers = await Numbers.of(registry);
    const rows = (write: string, model: string): number => numbers.value(`model_${write}s`, { model });
    expect({
      'author insert': rows('insert', 'author'),
      'author update': rows('update', 'author'),
      'book insert': rows('insert', 'book'),
      'book update': rows('update', 'book'),
      'book delete': rows('delete', 'book'),
    }).toEqual(await onPostgres.truth());
    expect(rows('delete', 'book')).toBe(1);
    await knex.destroy();
  });

  test('batches of inserts, and answers to several statements, of which none is counted', async () => {
    await onPostgres.empty();
    const registry = new Registry();
    const knex = instrumentKnex(Knex({ client: 'pg', connection: onPostgres.url }), { registry, app: 'library' });
    const names = Array.from({ length: 25 }, (_, i) => ({ name: `author ${i}` }));
    await knex.batchInsert('author', names, 10);
    await knex.raw('update author set score = 1; delete from author');
    const numbers = await Numbers.of(registry);
    expect(numbers.value('model_inserts', { model: 'library.author' })).toBe(25);
    expect(numbers.value('model_updates') + numbers.value('model_deletes')).toBe(0);
    await knex.destroy();
  });
});

describe.skipIf(onMariadb.missing)('MariaDB', () => {
  async function start(options: ModelSubjectOptions): Promise<ModelSubject> {
    await onMariadb.empty();
    const knex = Knex({ client: 'mysql2', connection: onMariadb.url, pool: { min: 0, max: 4 } });
    return subject(knex, () => onMariadb.truth(), options);
  }

  modelContract('Knex on mysql2', start, {
    ...TRAITS,
    labels: { author: 'author', book: 'book' },
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
  async function start(options: ModelSubjectOptions): Promise<ModelSubject> {
    const { file, truth, remove } = sqliteModelsFile();
    const knex = Knex({ client: 'better-sqlite3', connection: { filename: file }, useNullAsDefault: true });
    const made = subject(knex, async () => truth(), options);
    return { ...made, close: () => made.close().then(remove) };
  }

  modelContract('Knex on better-sqlite3', start, {
    ...TRAITS,
    labels: { author: 'author', book: 'book' },
    has: ['upsert', 'raw', 'transaction', 'savepoint'],
    operations: 500,
  });
});
