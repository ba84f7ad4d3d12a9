import Knex, { type Knex as KnexType } from 'knex';
import { afterAll, describe } from 'vitest';
import { instrumentKnex, uninstrument } from '../../src/adapters/knex.ts';
import {
  type ModelOperations,
  type ModelSubjectOptions,
  modelContract,
  type ModelSubject,
} from '../contracts/model.contract.ts';
import { postgresModels } from '../support/model-databases.ts';

const database = await postgresModels();
afterAll(() => database.drop());

describe.skipIf(database.missing)('PostgreSQL', () => {
  async function start({ registry, enabled }: ModelSubjectOptions): Promise<ModelSubject> {
    await database.empty();
    const knex = Knex({ client: 'pg', connection: database.url, pool: { min: 0, max: 4 } });
    instrumentKnex(knex, { registry, enabled });
    return {
      ...operations(knex),
      instrumentAgain: () => void instrumentKnex(knex, { registry, enabled }),
      uninstrument: () => uninstrument(knex),
      truth: () => database.truth(),
      close: () => knex.destroy(),
    };
  }

  modelContract('Knex on pg', start, {
    labels: { author: 'author', book: 'book', archived: 'archive.author' },
    declares: false,
    page: 'knex',
    has: ['upsert', 'raw', 'transaction', 'savepoint', 'insertArchived'],
    cannot: { upsert: { says: 'An upsert counts as an insert', counts: { 'author insert': 3 } } },
  });
});

function operations(knex: KnexType): ModelOperations {
  return {
    insert: async (name) => knex('author').insert({ name }).returning('id'),
    insertMany: async (names) => knex('author').insert(names.map((name) => ({ name }))),
    update: async (name, score) => knex('author').where({ name }).update({ score }),
    updateMany: async (names, score) => knex('author').whereIn('name', names).update({ score }),
    delete: async (name) => knex('author').where({ name }).delete(),
    deleteMany: async (names) => knex('author').whereIn('name', names).delete(),
    upsert: async (name, score) => knex('author').insert({ name, score }).onConflict('name').merge(),
    insertArchived: async (name) => knex('author').withSchema('archive').insert({ name }),
    raw: async (sql) => knex.raw(sql),
    transaction: (work) => knex.transaction((inside) => work(operations(inside))),
  };
}
