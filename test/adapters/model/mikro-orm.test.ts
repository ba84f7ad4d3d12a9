import * as newest from '@mikro-orm/postgresql';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { instrumentMikroOrm, uninstrument } from '../../../src/adapters/model/mikro-orm.ts';
import { Registry } from '../../../src/core/registry.ts';
import {
  modelContract,
  type ModelOperations,
  type ModelSubject,
  type ModelSubjectOptions,
} from '../../contracts/model.contract.ts';
import { Numbers } from '../../support/http-numbers.ts';
import { postgresModels } from '../../support/model-databases.ts';
import { oldest } from '../../support/oldest.ts';

type Mikro = typeof newest;
type EntityManager = newest.EntityManager;

const database = await postgresModels();
afterAll(async () => {
  vi.unstubAllEnvs();
  await database.drop();
});

interface Author {
  id: number;
  name: string;
  score: number;
  books: newest.Collection<Book>;
}

interface Book {
  id: number;
  title: string;
  author: Author;
}

function options({ EntitySchema }: Mikro): newest.Options {
  const properties = {
    id: { type: 'number', primary: true },
    name: { type: 'string', unique: true },
    score: { type: 'number', default: 0 },
  } as const;
  const author = new EntitySchema<Author>({
    name: 'Author',
    tableName: 'author',
    properties: {
      ...properties,
      books: { kind: '1:m', entity: 'Book', mappedBy: 'author', cascade: [newest.Cascade.ALL] },
    },
  });
  const book = new EntitySchema<Book>({
    name: 'Book',
    tableName: 'book',
    properties: {
      id: properties.id,
      title: { type: 'string' },
      author: { kind: 'm:1', entity: 'Author' },
    },
  });
  const archived = new EntitySchema<Omit<Author, 'books'>>({
    name: 'ArchivedAuthor',
    tableName: 'author',
    schema: 'archive',
    properties,
  });
  return {
    clientUrl: database.url,
    entities: [author, book, archived],
    pool: { min: 0, max: 4 },
    allowGlobalContext: true,
    discovery: { warnWhenNoEntities: false },
  };
}

/** @param inside Whether it is a transaction's own. */
function operations(em: EntityManager, inside: boolean = false): ModelOperations {
  const authors = (names: readonly string[]) => names.map((name) => ({ name, score: 0 }));
  const flush = async (work: (own: EntityManager) => unknown): Promise<void> => {
    const own = inside ? em : em.fork();
    try {
      await work(own);
      await own.flush();
    } catch (error) {
      own.clear();
      throw error;
    }
  };
  return {
    insert: (name) => flush((own) => own.create('Author', { name, score: 0 }, { persist: true })),
    insertMany: (names) => em.insertMany<Author>('Author', authors(names)),
    update: (name, score) =>
      flush(async (own) => {
        const author = await own.findOne<Author>('Author', { name });
        if (author) author.score = score;
      }),
    updateMany: (names, score) => em.nativeUpdate<Author>('Author', { name: { $in: [...names] } }, { score }),
    delete: (name) => em.nativeDelete<Author>('Author', { name }),
    deleteMany: (names) => em.nativeDelete<Author>('Author', { name: { $in: [...names] } }),
    upsert: (name, score) => flush((own) => own.upsert<Author>('Author', { name, score })),
    insertNested: (name, titles) =>
      flush((own) => {
        const books = titles.map((title) => ({ title }));
        own.create('Author', { name, score: 0, books }, { persist: true });
      }),
    deleteCascading: (name) =>
      flush(async (own) => {
        own.remove(await own.findOneOrFail<Author>('Author', { name }, { populate: ['books'] as never }));
      }),
    insertArchived: (name) => em.insert<Author>('ArchivedAuthor', { name, score: 0 }),
    raw: (sql) => em.execute(sql),
    transaction: (work) => (inside ? em : em.fork()).transactional((own) => work(operations(own, true))),
  };
}

describe.skipIf(database.missing)('PostgreSQL', async () => {
  const versions = [
    { version: '6.6', mikro: newest, operations: 600 },
    { version: '6.0', mikro: await oldest<Mikro>('models', '@mikro-orm/postgresql'), operations: 300 },
  ];
  for (const { version, mikro, operations: count } of versions) {
    const start = async (given: ModelSubjectOptions): Promise<ModelSubject> => {
      await database.empty();
      // It compares itself with what is installed at the root.
      vi.stubEnv('MIKRO_ORM_ALLOW_VERSION_MISMATCH', '1');
      const orm = await mikro.MikroORM.init(options(mikro));
      instrumentMikroOrm(orm, given);
      return {
        ...operations(orm.em.fork()),
        instrumentAgain: () => void instrumentMikroOrm(orm, given),
        uninstrument: () => uninstrument(orm),
        truth: () => database.truth(),
        close: () => orm.close(),
      };
    };
    modelContract(`MikroORM ${version} on pg`, start, {
      labels: { author: 'Author', book: 'Book', archived: 'ArchivedAuthor' },
      declares: true,
      page: 'mikro-orm',
      has: ['upsert', 'insertNested', 'deleteCascading', 'insertArchived', 'raw', 'transaction', 'savepoint'],
      operations: count,
      cannot: { upsert: { says: 'An upsert counts as an insert', counts: { 'author insert': 3 } } },
    });
  }

  test('an instance that connects later, and again', async () => {
    await database.empty();
    const registry = new Registry();
    const orm = newest.MikroORM.initSync(options(newest));
    instrumentMikroOrm(orm, { registry, app: 'library' });
    await orm.em.insert<Author>('Author', { name: 'ada', score: 0 });
    await orm.reconnect();
    await orm.em.insert<Author>('Author', { name: 'bob', score: 0 });
    await orm.em.createQueryBuilder<Author>('Author').update({ score: 2 });
    const numbers = await Numbers.of(registry);
    expect(numbers.value('model_inserts', { model: 'library.Author' })).toBe(2);
    expect(numbers.value('model_updates', { model: 'library.Author' })).toBe(2);
    await orm.close();
  });
});
