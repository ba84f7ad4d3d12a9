import { randomBytes } from 'node:crypto';
import * as newest from 'mongoose';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { instrumentMongoose, uninstrument } from '../../../src/adapters/model/mongoose/mongoose.ts';
import { Registry } from '../../../src/core/registry.ts';
import {
  modelContract,
  type ModelOperations,
  type ModelSubject,
  type ModelSubjectOptions,
  type ModelTraits,
} from '../../contracts/model.contract.ts';
import { Numbers } from '../../support/http-numbers.ts';
import { MongoStub } from '../../support/mongo-stub.ts';
import { mongoTruth } from '../../support/mongo-truth.ts';
import { oldest } from '../../support/oldest.ts';

type Library = Pick<typeof newest, 'Mongoose' | 'Schema'>;

interface Author {
  name: string;
  score: number;
}

const stub = await MongoStub.start();
const dbName = `promenade_${randomBytes(6).toString('hex')}`;
afterAll(() => stub.close());

function schemaOf({ Schema }: Library): newest.Schema<Author> {
  return new Schema<Author>({
    name: { type: String, required: true, unique: true },
    score: { type: Number, default: 0 },
  });
}

/** A Mongoose of one's own. */
async function connected(library: Library, server: string): Promise<newest.Mongoose> {
  const mongoose = new library.Mongoose();
  const url = new URL(server);
  url.searchParams.set('directConnection', 'true');
  await mongoose.connect(url.href, { dbName });
  return mongoose;
}

function operations(
  mongoose: newest.Mongoose,
  Author: newest.Model<Author>,
  session?: newest.ClientSession,
): ModelOperations {
  const options = session ? { session } : {};
  const transaction: NonNullable<ModelOperations['transaction']> = async (work) => {
    const own = await mongoose.startSession();
    own.startTransaction();
    try {
      await work(operations(mongoose, Author, own));
      await own.commitTransaction();
    } catch (error) {
      if (own.inTransaction()) await own.abortTransaction();
      throw error;
    } finally {
      await own.endSession();
    }
  };
  return {
    insert: (name) => new Author({ name }).save(options).then(({ name: saved }) => saved),
    insertMany: (names) => {
      const docs = names.map((name) => ({ name }));
      if (session) return Author.insertMany(docs, options).then((saved) => saved.map(({ name }) => name));
      // Only in a transaction it is all or none.
      return transaction((inside) => inside.insertMany(names) as Promise<void>);
    },
    update: async (name, score) => {
      const author = await Author.findOne({ name }, undefined, options);
      if (author) await author.set({ score }).save(options);
    },
    updateMany: (names, score) => Author.updateMany({ name: { $in: [...names] } }, { score }, options).exec(),
    delete: (name) => Author.deleteOne({ name }, options).exec(),
    deleteMany: (names) => Author.deleteMany({ name: { $in: [...names] } }, options).exec(),
    upsert: (name, score) => Author.updateOne({ name }, { score }, { ...options, upsert: true }).then(withoutIds),
    ...(!session && { transaction }),
  };
}

/** Ids are new each time. */
function withoutIds({ upsertedId, ...result }: newest.UpdateWriteOpResult): object {
  return { ...result, upserted: upsertedId !== null };
}

function startOn(library: Library, server: string): (options: ModelSubjectOptions) => Promise<ModelSubject> {
  return async (options) => {
    const mongoose = await connected(library, server);
    const Author = mongoose.model('Author', schemaOf(library), 'author');
    mongoose.model('Book', new library.Schema({ title: String }), 'book');
    await Author.init();
    const truth = await mongoTruth(server, stub, dbName);
    instrumentMongoose(mongoose, options);
    return {
      ...operations(mongoose, Author),
      instrumentAgain: () => void instrumentMongoose(mongoose, options),
      uninstrument: () => uninstrument(mongoose),
      truth: () => truth.read(),
      close: async () => {
        await truth.close();
        await mongoose.connection.dropDatabase();
        await mongoose.disconnect();
      },
    };
  };
}

const TRAITS: ModelTraits = {
  labels: { author: 'Author', book: 'Book' },
  declares: true,
  page: 'mongoose',
  has: ['upsert', 'transaction'],
  cannot: {},
};

const first = (await oldest<{ readonly default: Library }>('models', 'mongoose')).default;
const servers = [{ server: 'the stand-in', url: stub.url }];
const real = process.env['MONGODB_URL'];
if (real) servers.push({ server: 'MONGODB_URL', url: real });

for (const { server, url } of servers) {
  modelContract(`Mongoose, newest, on ${server}`, startOn(newest, url), { ...TRAITS, operations: 4000 });
  modelContract(`Mongoose, oldest, on ${server}`, startOn(first, url), { ...TRAITS, operations: 500 });
}

describe.each([
  { version: 'newest', library: newest as Library },
  { version: 'oldest', library: first },
])('Mongoose, $version', ({ library }) => {
  const closing: newest.Mongoose[] = [];
  afterEach(async () => {
    for (const mongoose of closing.splice(0)) {
      await mongoose.connection.dropDatabase();
      await mongoose.disconnect();
    }
  });

  async function begin(): Promise<{ mongoose: newest.Mongoose; Author: newest.Model<Author> }> {
    const mongoose = await connected(library, stub.url);
    closing.push(mongoose);
    return { mongoose, Author: mongoose.model('Author', schemaOf(library), 'author') };
  }

  async function written(registry: Registry): Promise<Record<string, number>> {
    const numbers = await Numbers.of(registry);
    const series = ['insert', 'update', 'delete'].flatMap((write) =>
      numbers
        .series(`model_${write}s`)
        .map(({ labels, value }) => [`${labels['model']} ${write}`, value] as [string, number]),
    );
    return Object.fromEntries(series.filter(([, value]) => value > 0));
  }

  test('what finds a document and writes it tells which it was, and gives what it gives without', async () => {
    const { mongoose, Author } = await begin();
    const registry = new Registry();
    instrumentMongoose(mongoose, { registry });
    const created = await Author.findOneAndUpdate({ name: 'ada' }, { score: 1 }, { upsert: true, new: true });
    expect(created).toBeInstanceOf(Author);
    expect(created).toMatchObject({ name: 'ada', score: 1 });
    expect(await Author.findOneAndUpdate({ name: 'bob' }, { score: 1 }, { upsert: true })).toBeNull();
    expect(await Author.findOneAndUpdate({ name: 'ada' }, { score: 2 }, { upsert: true })).toMatchObject({ score: 1 });
    expect(await Author.findOneAndReplace({ name: 'bob' }, { name: 'bob', score: 5 })).toMatchObject({ score: 1 });
    expect(await Author.findOneAndUpdate({ name: 'nobody' }, { score: 2 })).toBeNull();
    const whole = await Author.findOneAndUpdate(
      { name: 'cyd' },
      { score: 2 },
      { upsert: true, includeResultMetadata: true },
    );
    expect(whole).toMatchObject({ lastErrorObject: { updatedExisting: false } });
    expect(await Author.findOneAndDelete({ name: 'nobody' })).toBeNull();
    expect(await Author.findOneAndDelete({ name: 'cyd' })).toMatchObject({ name: 'cyd' });
    expect(await written(registry)).toEqual({ 'Author insert': 3, 'Author update': 2, 'Author delete': 1 });
    expect(stub.truth(dbName)).toEqual({ 'author insert': 3, 'author update': 2, 'author delete': 1 });
  });

  test('bulk writes, and bulkSave once', async () => {
    const { mongoose, Author } = await begin();
    const registry = new Registry();
    instrumentMongoose(mongoose, { registry });
    const [ada, bob] = await Author.create([{ name: 'ada' }, { name: 'bob' }]);
    ada!.score = 1;
    bob!.score = 2;
    await Author.bulkSave([ada!, bob!, new Author({ name: 'cyd' })]);
    await Author.bulkWrite([
      { insertOne: { document: { name: 'dan' } as Author } },
      { updateOne: { filter: { name: 'eve' }, update: { score: 1 }, upsert: true } },
      { updateMany: { filter: { name: { $in: ['ada', 'bob'] } }, update: { score: 9 } } },
      { replaceOne: { filter: { name: 'cyd' }, replacement: { name: 'Cyd', score: 3 } } },
      { deleteOne: { filter: { name: 'dan' } } },
      { deleteMany: { filter: { name: { $in: ['ada', 'bob', 'nobody'] } } } },
    ]);
    const expected = { insert: 5, update: 5, delete: 3 };
    for (const [write, rows] of Object.entries(expected)) {
      expect((await written(registry))[`Author ${write}`]).toBe(rows);
      expect(stub.truth(dbName)[`author ${write}`]).toBe(rows);
    }
  });

  test('what was written before an error counts, outside of transactions', async () => {
    const { mongoose, Author } = await begin();
    const registry = new Registry();
    instrumentMongoose(mongoose, { registry });
    await Author.init();
    await expect(Author.insertMany([{ name: 'ada' }, { name: 'ada' }, { name: 'bob' }])).rejects.toThrow(/duplicate/);
    expect(await written(registry)).toEqual({ 'Author insert': 1 });
    await Author.insertMany([{ name: 'cyd' }, { name: 'ada' }, { name: 'bob' }], { ordered: false }).catch(() => {});
    expect(await written(registry)).toEqual({ 'Author insert': 3 });
    expect(stub.truth(dbName)).toEqual({ 'author insert': 3 });
  });

  test('models, connections and databases that come later, and writes that wait for a connection', async () => {
    const registry = new Registry();
    const mongoose = new library.Mongoose();
    closing.push(mongoose);
    instrumentMongoose(mongoose, { registry, app: 'library' });
    const Author = mongoose.model('Author', schemaOf(library), 'author');
    const waiting = Promise.all([
      Author.create({ name: 'ada' }),
      Author.updateOne({ name: 'bob' }, { score: 1 }, { upsert: true }),
      Author.findOneAndUpdate({ name: 'cyd' }, { score: 1 }, { upsert: true, returnDocument: 'after' }),
    ]);
    await mongoose.connect(`${stub.url}?directConnection=true`, { dbName });
    expect((await waiting)[2]).toMatchObject({ name: 'cyd', score: 1 });
    const other = mongoose.createConnection(`${stub.url}?directConnection=true`, { dbName });
    await other.model('Reader', schemaOf(library), 'reader').create({ name: 'ada' });
    const third = other.useDb(`${dbName}_third`);
    await third.model('Editor', schemaOf(library), 'editor').create({ name: 'ada' });
    expect(await written(registry)).toEqual({
      'library.Author insert': 3,
      'library.Reader insert': 1,
      'library.Editor insert': 1,
    });
    await third.dropDatabase();
  });

  test('a model that is given to another connection', async () => {
    const { mongoose, Author } = await begin();
    const registry = new Registry();
    instrumentMongoose(mongoose, { registry });
    const other = mongoose.createConnection(`${stub.url}?directConnection=true`, { dbName: `${dbName}_other` });
    // Mongoose 8.0 has no such thing.
    if (typeof Author.useConnection === 'function') Author.useConnection(other);
    await Author.create({ name: 'ada' });
    expect(await written(registry)).toEqual({ 'Author insert': 1 });
    await other.dropDatabase();
  });

  test('one connection alone', async () => {
    const { mongoose, Author } = await begin();
    const registry = new Registry();
    const own = mongoose.createConnection(`${stub.url}?directConnection=true`, { dbName });
    const Reader = own.model('Reader', schemaOf(library), 'reader');
    expect(instrumentMongoose(own, { registry })).toBe(own);
    await Reader.create({ name: 'ada' });
    await Author.create({ name: 'ada' });
    expect(await written(registry)).toEqual({ 'Reader insert': 1 });
  });

  test('discriminators have their own names', async () => {
    const { mongoose, Author } = await begin();
    const registry = new Registry();
    instrumentMongoose(mongoose, { registry });
    const Poet = Author.discriminator('Poet', new library.Schema({ verses: Number }));
    const poet = await Poet.create({ name: 'ada' });
    await Author.create({ name: 'bob' });
    await Poet.updateMany({ name: { $in: ['ada', 'bob'] } }, { score: 3 });
    await Poet.bulkWrite([{ updateOne: { filter: { name: 'ada' }, update: { score: 4 } } }]);
    await Poet.deleteOne({ _id: poet._id });
    await Author.deleteMany({});
    expect(await written(registry)).toEqual({
      'Poet insert': 1,
      'Poet update': 2,
      'Poet delete': 1,
      'Author insert': 1,
      'Author delete': 1,
    });
  });

  test('connection.transaction, and what it takes back', async () => {
    const { mongoose, Author } = await begin();
    const registry = new Registry();
    instrumentMongoose(mongoose, { registry });
    await mongoose.connection.transaction(async (session) => {
      await Author.create([{ name: 'ada' }], { session });
    });
    const thrown = new Error('changed my mind');
    const refused = mongoose.connection.transaction(async (session) => {
      await Author.create([{ name: 'bob' }], { session });
      throw thrown;
    });
    await expect(refused).rejects.toBe(thrown);
    expect(await written(registry)).toEqual({ 'Author insert': 2 });
    const page = await Numbers.of(registry);
    expect(page.value('model_rolled_back_operations', { model: 'Author', operation: 'insert' })).toBe(1);
    expect(stub.truth(dbName)).toEqual({ 'author insert': 1 });
  });
});

test('what `import * as mongoose` gives can be handed over too', async () => {
  const registry = new Registry();
  expect(instrumentMongoose(newest, { registry })).toBe(newest);
  const connection = newest.createConnection(`${stub.url}?directConnection=true`, { dbName });
  await connection.model('Author', schemaOf(newest), 'author').create({ name: 'ada' });
  expect((await Numbers.of(registry)).value('model_inserts', { model: 'Author' })).toBe(1);
  uninstrument(newest);
  await connection.dropDatabase();
  await connection.close();
});
