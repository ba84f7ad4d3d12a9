import { type DataSourceOptions, type EntityManager, In, type Repository } from 'typeorm';
import * as newest from 'typeorm';
import { afterAll, describe, expect, test } from 'vitest';
import { instrumentTypeorm, uninstrument } from '../../../src/adapters/model/typeorm.ts';
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

type Typeorm = typeof newest;
type Options = DataSourceOptions & { readonly type: 'postgres' | 'mariadb' | 'better-sqlite3' };

const onPostgres = await postgresModels();
const onMariadb = await mariadbModels();
afterAll(async () => {
  await onPostgres.drop();
  await onMariadb.drop();
});

interface Author {
  id?: number;
  name: string;
  score?: number;
  books?: Book[];
}

interface Book {
  id?: number;
  title: string;
  author?: Author;
}

function dataSource({ DataSource, EntitySchema }: Typeorm, options: Options): newest.DataSource {
  const columns = {
    id: { type: Number, primary: true, generated: true },
    name: { type: String },
    score: { type: Number, default: 0 },
  } as const;
  const author = new EntitySchema<Author>({
    name: 'Author',
    tableName: 'author',
    columns,
    relations: { books: { type: 'one-to-many', target: 'Book', inverseSide: 'author', cascade: true } },
  });
  const book = new EntitySchema<Book>({
    name: 'Book',
    tableName: 'book',
    columns: { id: columns.id, title: { type: String } },
    relations: { author: { type: 'many-to-one', target: 'Author', joinColumn: { name: 'author_id' } } },
  });
  const archived = new EntitySchema<Author>({
    name: 'ArchivedAuthor',
    tableName: 'author',
    schema: 'archive',
    columns,
  });
  return new DataSource({
    ...options,
    entities: options.type === 'postgres' ? [author, book, archived] : [author, book],
  });
}

function operations(manager: EntityManager): ModelOperations {
  const authors: Repository<Author> = manager.getRepository<Author>('Author');
  return {
    insert: (name) => authors.insert({ name }),
    insertMany: (names) => authors.insert(names.map((name) => ({ name }))),
    update: (name, score) => authors.update({ name }, { score }),
    updateMany: (names, score) => authors.update({ name: In(names) }, { score }),
    delete: (name) => authors.delete({ name }),
    deleteMany: (names) =>
      authors
        .createQueryBuilder()
        .delete()
        .where({ name: In(names) })
        .execute(),
    insertNested: (name, titles) => authors.save({ name, books: titles.map((title) => ({ title })) }),
    raw: (sql) => manager.query(sql),
  };
}

/** With what loads entities and writes what has changed, in transactions of its own. */
function onServer(manager: EntityManager): ModelOperations {
  const authors: Repository<Author> = manager.getRepository<Author>('Author');
  return {
    ...operations(manager),
    insert: (name) => authors.save({ name }),
    upsert: (name, score) => authors.upsert({ name, score }, ['name']),
    transaction: (work) => manager.transaction((inside) => work(onServer(inside))),
  };
}

function subject(
  source: newest.DataSource,
  options: ModelSubjectOptions,
): Pick<ModelSubject, 'instrumentAgain' | 'uninstrument' | 'close'> {
  return {
    instrumentAgain: () => void instrumentTypeorm(source, options),
    uninstrument: () => uninstrument(source),
    close: () => source.destroy(),
  };
}

const TRAITS: ModelTraits = {
  labels: { author: 'Author', book: 'Book', archived: 'ArchivedAuthor' },
  declares: true,
  page: 'typeorm',
  has: ['upsert', 'insertNested', 'insertArchived', 'raw', 'transaction', 'savepoint'],
  cannot: { upsert: { says: 'An upsert counts as an insert', counts: { 'author insert': 3 } } },
};

describe.skipIf(onPostgres.missing)('PostgreSQL', async () => {
  const versions = [
    { version: '1', typeorm: newest, operations: 2000 },
    { version: '0.3', typeorm: (await oldest<{ default: Typeorm }>('models', 'typeorm')).default, operations: 500 },
  ];
  for (const { version, typeorm, operations: count } of versions) {
    const start = async (options: ModelSubjectOptions): Promise<ModelSubject> => {
      await onPostgres.empty();
      const source = dataSource(typeorm, { type: 'postgres', url: onPostgres.url, poolSize: 4 });
      await instrumentTypeorm(source, options).initialize();
      return {
        ...onServer(source.manager),
        ...subject(source, options),
        insertArchived: (name) => source.getRepository<Author>('ArchivedAuthor').save({ name }),
        truth: () => onPostgres.truth(),
      };
    };
    modelContract(`TypeORM ${version} on pg`, start, { ...TRAITS, operations: count });
  }

  test('whatever writes: what is saved and removed with its relations, counters, returning, runners held by hand', async () => {
    await onPostgres.empty();
    const registry = new Registry();
    const source = await dataSource(newest, { type: 'postgres', url: onPostgres.url }).initialize();
    instrumentTypeorm(source, { registry, app: 'library' });
    const authors = source.getRepository<Author>('Author');
    const ada = await authors.save({ name: 'ada', books: [{ title: 'notes' }, { title: 'letters' }] });
    await authors.save([{ name: 'bob' }, { name: 'cyd' }]);
    ada.score = 5;
    ada.books[0]!.title = 'renamed';
    await authors.save(ada);
    await authors.increment({ name: 'ada' }, 'score', 2);
    await source.getRepository<Book>('Book').remove(ada.books);
    expect(await source.query('delete from "author" where name = $1 returning id', ['bob'])).toEqual([[{ id: 2 }], 1]);
    expect(await source.query('insert into author (name) values ($1) returning name', ['dan'])).toEqual([
      { name: 'dan' },
    ]);
    const runner = source.createQueryRunner();
    await runner.startTransaction();
    expect(await runner.query('update author set score = 3', [], true)).toMatchObject({ affected: 3, raw: [[], 3] });
    await runner.rollbackTransaction();
    await runner.release();
    const numbers = await Numbers.of(registry);
    const written = ['Author', 'Book'].flatMap((model) =>
      ['inserts', 'updates', 'deletes'].map((writes) =>
        numbers.value(`model_${writes}`, { model: `library.${model}` }),
      ),
    );
    expect(written).toEqual([4, 2 + 3, 1, 2, 1, 2]);
    expect(numbers.value('model_rolled_back_operations', { model: 'library.Author', operation: 'update' })).toBe(3);
    await source.destroy();
  });
});

describe.skipIf(onMariadb.missing)('MariaDB', () => {
  async function start(options: ModelSubjectOptions): Promise<ModelSubject> {
    await onMariadb.empty();
    const source = dataSource(newest, { type: 'mariadb', url: onMariadb.url, poolSize: 4 });
    instrumentTypeorm(await source.initialize(), options);
    return { ...onServer(source.manager), ...subject(source, options), truth: () => onMariadb.truth() };
  }

  modelContract('TypeORM on mysql2', start, {
    ...TRAITS,
    labels: { author: 'Author', book: 'Book' },
    has: ['upsert', 'insertNested', 'raw', 'transaction', 'savepoint'],
    operations: 500,
  });
});

describe('SQLite', async () => {
  const versions = [
    { version: '1', typeorm: newest },
    { version: '0.3', typeorm: (await oldest<{ default: Typeorm }>('models', 'typeorm')).default },
  ];
  for (const { version, typeorm } of versions) {
    const start = async (options: ModelSubjectOptions): Promise<ModelSubject> => {
      const { file, truth, remove } = sqliteModelsFile();
      const source = dataSource(typeorm, { type: 'better-sqlite3', database: file });
      instrumentTypeorm(await source.initialize(), options);
      const authors = source.getRepository<Author>('Author');
      return {
        ...operations(source.manager),
        ...subject(source, options),
        // All share one connection, on which each is in whatever transaction there is.
        insertNested: (name, titles) =>
          authors.save({ name, books: titles.map((title) => ({ title })) }, { transaction: false }),
        truth: async () => truth(),
        close: async () => {
          await source.destroy();
          remove();
        },
      };
    };
    modelContract(`TypeORM ${version} on better-sqlite3`, start, {
      ...TRAITS,
      labels: { author: 'Author', book: 'Book' },
      has: ['insertNested', 'raw'],
      operations: 500,
      cannot: {},
    });

    test(`transactions and savepoints of TypeORM ${version}`, async () => {
      const { file, truth, remove } = sqliteModelsFile();
      const registry = new Registry();
      const source = dataSource(typeorm, { type: 'better-sqlite3', database: file });
      instrumentTypeorm(await source.initialize(), { registry });
      const insert = (manager: EntityManager, name: string): Promise<unknown> =>
        manager.getRepository<Author>('Author').save({ name });
      await source.transaction(async (outer) => {
        await insert(outer, 'ada');
        const inner = outer.transaction(async (inside) => {
          await insert(inside, 'bob');
          await insert(inside, 'ada');
        });
        await expect(inner).rejects.toThrow('UNIQUE');
        await insert(outer, 'cyd');
      });
      const thrown = new Error('changed my mind');
      const failing = source.transaction(async (manager) => {
        await manager.getRepository<Author>('Author').update({ name: In(['ada', 'cyd']) }, { score: 1 });
        throw thrown;
      });
      await expect(failing).rejects.toBe(thrown);
      const numbers = await Numbers.of(registry);
      expect(numbers.value('model_inserts', { model: 'Author' })).toBe(3);
      expect(numbers.value('model_rolled_back_operations', { model: 'Author', operation: 'insert' })).toBe(1);
      expect(numbers.value('model_rolled_back_operations', { model: 'Author', operation: 'update' })).toBe(2);
      expect(truth()).toEqual({ 'author insert': 2 });
      await source.destroy();
      remove();
    });
  }
});
