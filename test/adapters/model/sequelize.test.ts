import { afterAll, describe, expect, test } from 'vitest';
import * as newest from 'sequelize';
import { instrumentSequelize, uninstrument } from '../../../src/adapters/model/sequelize/sequelize.ts';
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
import { Sqlite3 } from '../../support/sqlite3.ts';
import { sqliteModelsFile } from '../../support/sqlite-models.ts';

type Sequelizes = typeof newest;

const onPostgres = await postgresModels();
const onMariadb = await mariadbModels();
afterAll(async () => {
  await onPostgres.drop();
  await onMariadb.drop();
});

const before = await oldest<{ default: Sequelizes }>('models', 'sequelize');

interface Opened {
  readonly sequelize: newest.Sequelize;
  readonly operations: ModelOperations;
  readonly archived: newest.ModelStatic<newest.Model>;
}

function open(
  { Sequelize, DataTypes }: Sequelizes,
  url: string,
  more: newest.Options,
  options: ModelSubjectOptions,
): Opened {
  const sequelize = new Sequelize(url, { logging: false, pool: { max: 4 }, define: { timestamps: false }, ...more });
  instrumentSequelize(sequelize, options);
  const columns = { name: DataTypes.STRING, score: { type: DataTypes.INTEGER, defaultValue: 0 } };
  const author = sequelize.define(
    'Author',
    { ...columns, name: { type: DataTypes.STRING, unique: true } },
    { tableName: 'author' },
  );
  const book = sequelize.define('Book', { title: DataTypes.STRING }, { tableName: 'book' });
  author.hasMany(book, { as: 'books', foreignKey: 'author_id' });
  const archived = sequelize.define('ArchivedAuthor', columns, { tableName: 'author', schema: 'archive' });
  const operations = (transaction?: newest.Transaction): ModelOperations => {
    const inside = transaction && { transaction };
    return {
      insert: (name) => author.create({ name }, inside),
      insertMany: (names) =>
        author.bulkCreate(
          names.map((name) => ({ name })),
          inside,
        ),
      update: async (name, score) => (await author.findOne({ where: { name }, ...inside }))?.update({ score }, inside),
      updateMany: (names, score) => author.update({ score }, { where: { name: [...names] }, ...inside }),
      delete: async (name) => (await author.findOne({ where: { name }, ...inside }))?.destroy(inside),
      deleteMany: (names) => author.destroy({ where: { name: [...names] }, ...inside }),
      upsert: (name, score) => author.upsert({ name, score }, inside),
      insertNested: (name, titles) =>
        sequelize.transaction(inside ?? {}, (within) =>
          author.create(
            { name, books: titles.map((title) => ({ title })) },
            { include: ['books'], transaction: within },
          ),
        ),
      raw: (sql) => sequelize.query(sql, inside),
      transaction: (work) => sequelize.transaction(inside ?? {}, (within) => work(operations(within))),
    };
  };
  return { sequelize, operations: operations(), archived };
}

function subject(
  { sequelize, operations }: Opened,
  truth: ModelSubject['truth'],
  options: ModelSubjectOptions,
): ModelSubject {
  return {
    ...operations,
    instrumentAgain: () => void instrumentSequelize(sequelize, options),
    uninstrument: () => uninstrument(sequelize),
    truth,
    close: () => sequelize.close(),
  };
}

const TRAITS: ModelTraits = {
  labels: { author: 'Author', book: 'Book', archived: 'ArchivedAuthor' },
  declares: true,
  page: 'sequelize',
  has: ['upsert', 'insertNested', 'raw', 'transaction', 'savepoint'],
  operations: 300,
  cannot: { upsert: { says: 'An upsert counts as an insert', counts: { 'author insert': 3 } } },
};

describe.skipIf(onPostgres.missing)('PostgreSQL', () => {
  const versions = [
    { version: '6.37', sequelizes: newest, operations: 1000 },
    { version: '6.28', sequelizes: before.default, operations: 300 },
  ];
  for (const { version, sequelizes, operations: count } of versions) {
    const start = async (options: ModelSubjectOptions): Promise<ModelSubject> => {
      await onPostgres.empty();
      const opened = open(sequelizes, onPostgres.url, { dialect: 'postgres' }, options);
      const insertArchived = (name: string): Promise<unknown> => opened.archived.create({ name });
      return { ...subject(opened, () => onPostgres.truth(), options), insertArchived };
    };
    modelContract(`Sequelize ${version} on pg`, start, {
      ...TRAITS,
      has: [...TRAITS.has, 'insertArchived'],
      operations: count,
    });
  }

  test('whatever writes: findOrCreate, counters, associations, other schemas, paranoid models', async () => {
    await onPostgres.empty();
    const registry = new Registry();
    const { sequelize } = open(newest, onPostgres.url, { dialect: 'postgres' }, { registry, enabled: true });
    const { Author: author, Book: book } = sequelize.models;
    const [ada, created] = await author!.findOrCreate({ where: { name: 'ada' } });
    expect([created, (await author!.findOrCreate({ where: { name: 'ada' } }))[1]]).toEqual([true, false]);
    const rivals = Array.from({ length: 4 }, () => author!.findOrCreate({ where: { name: 'bob' } }));
    expect((await Promise.all(rivals)).filter(([, made]) => made)).toHaveLength(1);
    await author!.increment('score', { by: 2, where: { name: ['ada', 'bob'] } });
    await author!.schema('archive').create({ name: 'cyd' });
    const books = ada as unknown as Record<'createBook' | 'setBooks', (given: unknown) => Promise<unknown>>;
    await books.createBook({ title: 'notes' });
    await book!.destroy({ where: { title: 'notes' }, limit: 1 });
    const numbers = await Numbers.of(registry);
    const written = ['Author', 'Book'].flatMap((model) =>
      ['inserts', 'updates', 'deletes'].map((writes) => numbers.value(`model_${writes}`, { model })),
    );
    expect(written).toEqual([2, 2, 0, 1, 0, 1]);
    expect(numbers.value('model_inserts', { model: 'ArchivedAuthor' })).toBe(1);
    expect(await onPostgres.truth()).toEqual({
      'author insert': 2,
      'author update': 2,
      'book insert': 1,
      'book delete': 1,
    });
    await sequelize.close();
  });
});

describe.skipIf(onMariadb.missing)('MariaDB', () => {
  const dialects: readonly newest.Options[] = [
    // Rows that are found, as the triggers of the contract count them.
    { dialect: 'mysql', dialectOptions: { flags: 'FOUND_ROWS' } },
    { dialect: 'mariadb', dialectOptions: { foundRows: true } },
  ];
  for (const dialect of dialects) {
    const start = async (options: ModelSubjectOptions): Promise<ModelSubject> => {
      await onMariadb.empty();
      const url = onMariadb.url.replace(/^\w+:/, `${dialect.dialect}:`);
      const made = subject(open(newest, url, dialect, options), () => onMariadb.truth(), options);
      if (dialect.dialect === 'mysql') return made;
      // Sequelize fails on what the newest mariadb gives for it.
      const { raw: _raw, ...without } = made;
      return without;
    };
    modelContract(`Sequelize on ${dialect.dialect}`, start, {
      ...TRAITS,
      has: dialect.dialect === 'mysql' ? TRAITS.has : TRAITS.has.filter((one) => one !== 'raw'),
      cannot: {
        upsert: {
          says: 'an update which changes nothing counts as an insert',
          counts: { 'author insert': 2, 'author update': 1 },
        },
      },
    });
  }
});

describe('SQLite', () => {
  const start = async (options: ModelSubjectOptions): Promise<ModelSubject> => {
    const { file, truth, remove } = sqliteModelsFile();
    const opened = open(newest, `sqlite:${file}`, { dialect: 'sqlite', dialectModule: { Database: Sqlite3 } }, options);
    const close = async (): Promise<void> => {
      await opened.sequelize.close();
      remove();
    };
    const { raw: _noRaw, transaction: _noTransaction, ...whole } = subject(opened, async () => truth(), options);
    return { ...whole, close };
  };
  modelContract('Sequelize on sqlite3', start, { ...TRAITS, has: ['upsert', 'insertNested'] });
});
