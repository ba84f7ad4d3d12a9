import { PrismaBetterSqlite3 } from '@prisma/adapter-better-sqlite3';
import { PrismaPg } from '@prisma/adapter-pg';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { instrumentPrisma, uninstrument } from '../../../src/adapters/model/prisma/prisma.ts';
import { activate } from '../../../src/core/activation.ts';
import { Registry } from '../../../src/core/registry.ts';
import {
  modelContract,
  type ModelOperations,
  type ModelSubject,
  type ModelSubjectOptions,
  type ModelTraits,
} from '../../contracts/model.contract.ts';
import { Numbers } from '../../support/http-numbers.ts';
import { postgresModels } from '../../support/model-databases.ts';
import { oldest } from '../../support/oldest.ts';
import { generatePrismaClient, type PrismaClient } from '../../support/prisma-client.ts';
import { sqliteModelsFile } from '../../support/sqlite-models.ts';

const database = await postgresModels();
afterAll(() => database.drop());

const NEWEST = await generatePrismaClient(undefined, 'prisma');
/** Machines under load are slow. */
const PATIENT = { maxWait: 60_000, timeout: 60_000 };

function connect(make: typeof NEWEST = NEWEST, adapter: typeof PrismaPg = PrismaPg): PrismaClient {
  return new make({ adapter: new adapter({ connectionString: database.url, max: 4 }), errorFormat: 'minimal' });
}

function operations(prisma: PrismaClient): ModelOperations {
  const { author } = prisma;
  return {
    insert: (name) => author.create({ data: { name } }),
    insertMany: (names) => author.createMany({ data: names.map((name) => ({ name })) }),
    update: (name, score) => author.update({ where: { name }, data: { score } }).catch(nobody),
    updateMany: (names, score) => author.updateMany({ where: { name: { in: names } }, data: { score } }),
    delete: (name) => author.delete({ where: { name } }).catch(nobody),
    deleteMany: (names) => author.deleteMany({ where: { name: { in: names } } }),
    upsert: (name, score) => author.upsert({ where: { name }, create: { name, score }, update: { score } }),
    insertNested: (name, titles) =>
      author.create({
        data: { name, books: { create: titles.map((title) => ({ title })) } },
        include: { books: true },
      }),
    raw: (sql) => (sql.startsWith('select') ? prisma.$queryRawUnsafe(sql) : prisma.$executeRawUnsafe(sql)),
    transaction: (work) => prisma.$transaction((inside) => work(operations(inside)), { ...PATIENT }),
  };
}

/** Prisma refuses to update and delete what isn't there. */
function nobody(error: { readonly code?: string }): undefined {
  if (error.code !== 'P2025') throw error;
}

function subject(
  prisma: PrismaClient,
  options: ModelSubjectOptions,
  truth: ModelSubject['truth'] = () => database.truth(),
): ModelSubject {
  instrumentPrisma(prisma, options);
  return {
    ...operations(prisma),
    instrumentAgain: () => void instrumentPrisma(prisma, options),
    uninstrument: () => uninstrument(prisma),
    truth,
    close: () => prisma.$disconnect(),
  };
}

const TRAITS: ModelTraits = {
  labels: { author: 'Author', book: 'Book', archived: 'ArchivedAuthor' },
  declares: true,
  page: 'prisma',
  has: ['upsert', 'insertNested', 'insertArchived', 'raw', 'transaction', 'savepoint'],
  // Prisma takes several milliseconds for each.
  operations: 2000,
  cannot: { upsert: { says: 'An upsert counts as an insert', counts: { 'author insert': 3 } } },
};

describe.skipIf(database.missing)('Prisma 7', () => {
  async function start(options: ModelSubjectOptions): Promise<ModelSubject> {
    await database.empty();
    const prisma = connect();
    return {
      ...subject(prisma, options),
      insertArchived: (name) => prisma.archivedAuthor.create({ data: { name } }),
    };
  }

  modelContract('Prisma 7 on pg', start, TRAITS);

  test('whatever is written by the way, by clients that are extended, and in batches', async () => {
    await database.empty();
    const registry = new Registry();
    const prisma = connect();
    const before = prisma.$extends({ name: 'before' });
    instrumentPrisma(prisma, { registry, app: 'library' });
    const after = prisma.$extends({
      query: { author: { create: ({ args, query }: Extension) => query({ ...args, data: { name: 'ada' } }) } },
    });
    expect(await after.author.create({ data: { name: 'overwritten' } })).toMatchObject({ name: 'ada' });
    await before.author.createManyAndReturn({ data: [{ name: 'bob' }, { name: 'cyd' }] });
    await prisma.author.update({
      where: { name: 'ada' },
      data: {
        score: 1,
        books: { create: [{ title: 'notes' }, { title: 'letters' }], createMany: { data: [{ title: 'sketches' }] } },
      },
    });
    await prisma.author.update({
      where: { name: 'ada' },
      data: {
        books: {
          updateMany: { where: { title: { not: 'sketches' } }, data: { title: 'renamed' } },
          deleteMany: { title: 'sketches' },
        },
      },
    });
    const batch = prisma.$transaction([
      prisma.author.create({ data: { name: 'dan' } }),
      prisma.author.deleteMany({ where: { name: { in: ['bob', 'cyd'] } } }),
    ]);
    expect(await batch).toMatchObject([{ name: 'dan' }, { count: 2 }]);
    const failing = prisma.$transaction([
      prisma.author.create({ data: { name: 'eve' } }),
      prisma.author.create({ data: { name: 'dan' } }),
    ]);
    await expect(failing).rejects.toThrow('Unique constraint');
    const numbers = await Numbers.of(registry);
    const committed = (write: string, model: string): number =>
      numbers.value(`model_${write}s`, { model }) -
      numbers.value('model_rolled_back_operations', { model, operation: write });
    const counted = ['Author', 'Book'].flatMap((model) =>
      ['insert', 'update', 'delete'].map((write) => [
        `${model.toLowerCase()} ${write}`,
        committed(write, `library.${model}`),
      ]),
    );
    expect(Object.fromEntries(counted)).toEqual(await database.truth());
    expect(numbers.value('model_rolled_back_operations')).toBe(1);
    await prisma.$disconnect();
  });

  test('two clients on one driver adapter, each under its own app', async () => {
    await database.empty();
    const registry = new Registry();
    const adapter = new PrismaPg({ connectionString: database.url, max: 4 });
    const [shop, office] = [new NEWEST({ adapter }), new NEWEST({ adapter })];
    instrumentPrisma(shop, { registry, app: 'shop' });
    instrumentPrisma(office, { registry, app: 'office' });
    await Promise.all([
      office.author.createMany({ data: [{ name: 'ada' }, { name: 'bob' }] }),
      shop.author.create({ data: { name: 'cyd' } }),
    ]);
    await shop.$transaction([shop.author.deleteMany({ where: { name: 'cyd' } })]);
    await office.$disconnect();
    await office.author.deleteMany({});
    const numbers = await Numbers.of(registry);
    const rows = (write: string, app: string) => numbers.value(`model_${write}s`, { model: `${app}.Author` });
    expect([rows('insert', 'shop'), rows('delete', 'shop')]).toEqual([1, 1]);
    expect([rows('insert', 'office'), rows('delete', 'office')]).toEqual([2, 2]);
    await Promise.all([shop.$disconnect(), office.$disconnect()]);
  });

  test('raw queries that write, with and without returning', async () => {
    await database.empty();
    const registry = new Registry();
    const prisma = instrumentPrisma(connect(), { registry });
    await prisma.$queryRawUnsafe("insert into author (name) values ('ada'), ('bob'), ('cyd')");
    await prisma.$queryRawUnsafe("update author set score = 1 where name <> 'cyd'");
    await prisma.$queryRawUnsafe("update author set score = 2 where name = 'ada' returning name");
    await prisma.$transaction(async (inside) => {
      await inside.$queryRawUnsafe("delete from author where name = 'bob'");
    }, PATIENT);
    await prisma.$queryRawUnsafe("delete from author where name = 'nobody'");
    const numbers = await Numbers.of(registry);
    const counted = ['insert', 'update', 'delete'].map((write) => [
      `author ${write}`,
      numbers.value(`model_${write}s`, { model: 'Author' }),
    ]);
    expect(Object.fromEntries(counted)).toEqual(await database.truth());
    await prisma.$disconnect();
  });

  test('a client that has connected before metrics are turned on', async () => {
    await database.empty();
    const registry = new Registry();
    vi.stubEnv('METRICS_ENABLED', 'false');
    const prisma = instrumentPrisma(connect(), { registry });
    await prisma.author.create({ data: { name: 'ada' } });
    vi.unstubAllEnvs();
    activate(registry, { namespace: '', compat: undefined });
    await prisma.author.create({ data: { name: 'bob' } });
    expect((await Numbers.of(registry)).value('model_inserts', { model: 'Author' })).toBe(1);
    await prisma.$disconnect();
  });

  test('refuses a client without a driver adapter, with what to do', () => {
    expect(() => instrumentPrisma({})).toThrow('this Prisma client has no driver adapter');
    expect(instrumentPrisma({}, { enabled: false })).toEqual({});
  });
});

describe.skipIf(database.missing)('Prisma 6', async () => {
  const generated = await generatePrismaClient('models', 'prisma');
  const adapter = await oldest<{ PrismaPg: typeof PrismaPg }>('models', '@prisma/adapter-pg');

  async function start(options: ModelSubjectOptions): Promise<ModelSubject> {
    await database.empty();
    return subject(connect(generated, adapter.PrismaPg), options);
  }

  modelContract('Prisma 6 on pg', start, {
    ...TRAITS,
    labels: { author: 'Author', book: 'Book' },
    has: ['upsert', 'insertNested', 'raw', 'transaction'],
    operations: 500,
  });
});

describe('SQLite', async () => {
  const generated = await generatePrismaClient(undefined, 'prisma', 'sqlite');

  async function start(options: ModelSubjectOptions): Promise<ModelSubject> {
    const { file, truth, remove } = sqliteModelsFile();
    const prisma = new generated({ adapter: new PrismaBetterSqlite3({ url: `file:${file}` }), errorFormat: 'minimal' });
    const made = subject(prisma, options, async () => truth());
    return { ...made, close: () => made.close().then(remove) };
  }

  modelContract('Prisma 7 on better-sqlite3', start, {
    ...TRAITS,
    labels: { author: 'Author', book: 'Book' },
    has: ['upsert', 'insertNested', 'raw', 'transaction', 'savepoint'],
    operations: 300,
    // The driver adapter has one connection, and lets others write into a transaction.
    writers: 1,
  });
});

interface Extension {
  readonly args: object;
  readonly query: (args: object) => Promise<unknown>;
}
