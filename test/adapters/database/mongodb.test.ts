import { randomBytes } from 'node:crypto';
import * as newest from 'mongodb';
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import { instrumentMongodb, uninstrument } from '../../../src/adapters/database/mongodb/mongodb.ts';
import { Registry } from '../../../src/index.ts';
import {
  databaseContract,
  type DatabaseSubject,
  type DatabaseTraits,
  type OpenOptions,
} from '../../contracts/database.contract.ts';
import { Numbers } from '../../support/http-numbers.ts';
import { MongoStub } from '../../support/mongo-stub.ts';
import { oldest } from '../../support/oldest.ts';

type Mongodb = Pick<typeof newest, 'MongoClient'>;

interface Device {
  readonly _id: number;
  readonly name: string;
}

/** What of the driver's insides is needed to hold a connection. */
interface Insides {
  readonly topology: { readonly s: { readonly servers: Map<string, { readonly pool: Pool }> } };
}

interface Pool {
  readonly checkOut: (argument: unknown) => Promise<object> | undefined;
  checkIn(connection: object): void;
}

const stub = await MongoStub.start();
const dropping: (() => Promise<unknown>)[] = [];
afterAll(async () => {
  for (const drop of dropping) await drop();
  await stub.close();
});

function clientOf({ MongoClient }: Mongodb, server: string, options: Partial<OpenOptions> = {}): newest.MongoClient {
  const url = new URL(server);
  if (options.user) {
    url.username = options.user;
    url.password = 'wrong';
  }
  if (options.port) url.port = String(options.port);
  url.searchParams.set('directConnection', 'true');
  return new MongoClient(url.href, {
    maxPoolSize: options.max ?? 4,
    waitQueueTimeoutMS: options.waitMs ?? 0,
    serverSelectionTimeoutMS: 1000,
  });
}

async function hold(client: newest.MongoClient): Promise<() => void> {
  const [{ pool }] = [...(client as unknown as Insides).topology.s.servers.values()] as [{ pool: Pool }];
  const connection = await new Promise<object>((resolve, reject) => {
    const called = (error: Error | undefined, given: object): void => (error ? reject(error) : resolve(given));
    // Version 6.0 wants a callback there, and later ones options.
    pool.checkOut(Object.assign(called, { timeoutContext: {} }))?.then(resolve, reject);
  });
  return () => pool.checkIn(connection);
}

function openOn(library: Mongodb, server: string): (options: OpenOptions) => Promise<DatabaseSubject> {
  return async (options) => {
    const name = `promenade_${randomBytes(6).toString('hex')}`;
    const client = clientOf(library, server, options);
    const devices = client.db(name).collection<Device>('devices');
    const instrument = (): void => void instrumentMongodb(client, options);
    if (options.instrumented) instrument();
    if (!options.port && !options.user) {
      dropping.push(async () => {
        const last = clientOf(newest, server);
        await last.db(name).dropDatabase();
        await last.close();
      });
    }
    const operations = (session?: newest.ClientSession): Pick<DatabaseSubject, 'insert' | 'select'> => ({
      insert: (id, text) => devices.insertOne({ _id: id, name: text }, { ...(session && { session }) }),
      select: (upTo) => devices.find({ _id: { $lte: upTo } }, { ...(session && { session }) }).toArray(),
    });
    return {
      ...operations(),
      rename: (id, text) => devices.updateOne({ _id: id }, { $set: { name: text } }),
      remove: (id) => devices.deleteOne({ _id: id }),
      ddl: () => devices.createIndex({ name: 1 }),
      nonsense: () => client.db(name).command({ nonsense: 1 }),
      insertAll: (rows) => devices.insertMany(rows.map(([_id, text]) => ({ _id, name: text }))),
      async cursor(upTo, stopAfter) {
        let read = 0;
        for await (const _ of devices.find({ _id: { $lte: upTo } }, { batchSize: 50 })) if (++read >= stopAfter) break;
        return read;
      },
      async transaction(work) {
        const session = client.startSession();
        session.startTransaction();
        try {
          await work(operations(session));
          await session.commitTransaction();
        } catch (error) {
          await session.abortTransaction();
          throw error;
        } finally {
          await session.endSession();
        }
      },
      async hold() {
        await client.connect();
        return hold(client);
      },
      instrument,
      uninstrument: () => uninstrument(client),
      close: () => client.close(),
    };
  };
}

const TRAITS: DatabaseTraits = {
  system: 'mongodb',
  errors: { duplicate: '11000', nonsense: '59' },
  server: { refused: 'ECONNREFUSED', denied: '18' },
  poolTimeout: 'timeout',
  varies: /promenade_\w+/g,
  lacks: ['run', 'prepared', 'upsert', 'batch'],
};

const first = await oldest<Mongodb>('database', 'mongodb');
const servers = [{ server: 'the stand-in', url: stub.url }];
const real = process.env['MONGODB_URL'];
if (real) servers.push({ server: 'MONGODB_URL', url: real });

for (const { server, url } of servers) {
  databaseContract(`mongodb, newest, on ${server}`, openOn(newest, url), TRAITS);
  databaseContract(`mongodb, oldest, on ${server}`, openOn(first, url), TRAITS);
}

describe.each([
  { version: 'newest', library: newest },
  { version: 'oldest', library: first },
])('mongodb, $version', ({ library }) => {
  const clients: newest.MongoClient[] = [];
  afterEach(async () => {
    for (const client of clients.splice(0)) await client.close();
  });

  function begin(): { client: newest.MongoClient; devices: newest.Collection<Device>; registry: Registry } {
    const client = clientOf(library, stub.url);
    clients.push(client);
    const devices = client.db(`promenade_${randomBytes(6).toString('hex')}`).collection<Device>('devices');
    return { client, devices, registry: new Registry() };
  }

  async function executions(registry: Registry): Promise<Record<string, number>> {
    const series = (await Numbers.of(registry)).series('db_client_executions');
    return Object.fromEntries(series.map(({ labels, value }) => [labels['operation']!, value]));
  }

  const rows = (count: number): Device[] =>
    Array.from({ length: count }, (_, i) => ({ _id: i + 1, name: `name ${i}` }));

  test('commands are told by what they do; those of the driver itself do not count', async () => {
    const { client, devices, registry } = begin();
    instrumentMongodb(client, { registry });
    await client.db('admin').command({ ping: 1 });
    await devices.insertMany(rows(3));
    await devices.countDocuments();
    await devices.estimatedDocumentCount();
    await devices.distinct('name');
    await devices.aggregate([{ $match: { _id: 1 } }]).toArray();
    await devices.aggregate([{ $match: {} }, { $out: 'others' }]).toArray();
    await devices.findOneAndUpdate({ _id: 1 }, { $set: { name: 'other' } });
    await devices.findOneAndDelete({ _id: 9 });
    await devices.updateOne({ _id: 4 }, { $set: { name: 'new' } }, { upsert: true });
    await devices.drop();
    expect(await executions(registry)).toEqual({ insert: 2, select: 4, update: 2, delete: 1, ddl: 1 });
    const page = await Numbers.of(registry);
    const returned = (operation: string): number => page.sum('db_client_returned_rows', { operation });
    // The count by aggregation and the other are one row each, the distinct values three, the
    // device one.
    expect([returned('select'), returned('update'), returned('delete')]).toEqual([6, 1, 0]);
    expect(page.count('db_client_returned_rows', { operation: 'delete' })).toBe(1);
  });

  test('each update and delete of a bulk write counts, and its inserts as one', async () => {
    const { client, devices, registry } = begin();
    instrumentMongodb(client, { registry });
    await devices.bulkWrite([
      { insertOne: { document: { _id: 1, name: 'a' } } },
      { insertOne: { document: { _id: 2, name: 'b' } } },
      { updateOne: { filter: { _id: 1 }, update: { $set: { name: 'c' } } } },
      { updateOne: { filter: { _id: 2 }, update: { $set: { name: 'd' } } } },
      { deleteOne: { filter: { _id: 1 } } },
    ]);
    expect(await executions(registry)).toEqual({ insert: 1, update: 2, delete: 1 });
    const page = await Numbers.of(registry);
    expect(page.value('db_client_batch_executions')).toBe(2);
    expect(page.count('db_client_operation_duration_seconds')).toBe(3);
  });

  test('an error of several in one command is one', async () => {
    const { client, devices, registry } = begin();
    instrumentMongodb(client, { registry });
    await devices.insertMany(rows(2));
    await expect(devices.insertMany(rows(5), { ordered: false })).rejects.toThrow(/duplicate/);
    const page = await Numbers.of(registry);
    expect(page.value('db_client_errors', { type: '11000' })).toBe(1);
    expect(page.value('db_client_errors')).toBe(1);
  });

  test('a client that is connected when it is instrumented, or metrics are turned on, is measured from then on', async () => {
    const { client, devices, registry } = begin();
    await Promise.all([devices.insertMany(rows(1)), devices.findOne({ _id: 1 })]);
    expect(instrumentMongodb(client, { registry })).toBe(client);
    const idle = (await Numbers.of(registry)).value('db_client_connections', { state: 'idle' });
    expect(idle).toBeGreaterThanOrEqual(1);
    await Promise.all(Array.from({ length: 20 }, () => devices.findOne({ _id: 1 })));
    expect(await executions(registry)).toEqual({ select: 20 });
    await vi.waitFor(async () => {
      const page = await Numbers.of(registry);
      const created = page.value('db_client_connections_created');
      expect(page.value('db_client_connections', { state: 'idle' })).toBe(idle + created);
      expect(page.value('db_client_connections_max')).toBe(4);
    });
  });

  test('a connection that is being opened when the client is instrumented is measured', async () => {
    const { client, devices, registry } = begin();
    client.once('connectionCreated', () => instrumentMongodb(client, { registry }));
    await devices.findOne();
    const { select = 0 } = await executions(registry);
    for (let i = 0; i < 5; i++) await devices.findOne();
    expect(await executions(registry)).toEqual({ select: select + 5 });
    expect((await Numbers.of(registry)).value('db_client_connections_created')).toBe(1);
  });

  test('undoing it leaves the driver as it was', async () => {
    const { client, devices, registry } = begin();
    const events = ['commandStarted', 'commandSucceeded', 'connectionReady', 'serverHeartbeatFailed'] as const;
    const heard = vi.fn();
    await devices.findOne();
    instrumentMongodb(client, { registry });
    await devices.findOne();
    uninstrument(client);
    client.on('commandStarted', heard);
    await devices.findOne();
    expect(heard).not.toHaveBeenCalled();
    client.removeListener('commandStarted', heard);
    expect(events.map((event) => client.listenerCount(event))).toEqual(events.map(() => 0));
    expect(await executions(registry)).toEqual({ select: 1 });
  });

  test('who listens to commands hears of them before, meanwhile and afterwards', async () => {
    const client = new library.MongoClient(`${stub.url}?directConnection=true`, { monitorCommands: true });
    clients.push(client);
    const heard = vi.fn();
    client.on('commandStarted', heard);
    await client.db('x').collection('y').findOne();
    instrumentMongodb(client, { registry: new Registry() });
    await client.db('x').collection('y').findOne();
    uninstrument(client);
    await client.db('x').collection('y').findOne();
    expect(heard).toHaveBeenCalledTimes(3);
  });

  test.each([
    { kind: 'bigints', how: { useBigInt64: true } },
    { kind: 'longs', how: { promoteLongs: false } },
    { kind: 'raw documents', how: { raw: true } },
  ])('cursors of $kind', async ({ how }) => {
    const { client, devices, registry } = begin();
    instrumentMongodb(client, { registry });
    await devices.insertMany(rows(25));
    expect(await devices.find({}, { ...how, batchSize: 10 }).toArray()).toHaveLength(25);
    const page = await Numbers.of(registry);
    expect(await executions(registry)).toEqual({ insert: 1, select: 1 });
    expect(page.sum('db_client_returned_rows', { operation: 'select' })).toBe(25);
    expect(page.count('db_client_operation_duration_seconds', { operation: 'select' })).toBe(1);
  });

  test('a cursor that the server has lost ends with its error', async () => {
    const { client, devices, registry } = begin();
    const other = begin();
    instrumentMongodb(client, { registry });
    await devices.insertMany(rows(30));
    const cursor = devices.find({}, { batchSize: 10 });
    await cursor.next();
    const { dbName, collectionName } = devices;
    await other.client.db(dbName).command({ killCursors: collectionName, cursors: [cursor.id] });
    const reading = async (): Promise<void> => {
      while (await cursor.next()) continue;
    };
    await expect(reading()).rejects.toThrow(/not found/);
    const page = await Numbers.of(registry);
    expect(page.value('db_client_errors', { type: '43' })).toBe(1);
    expect(page.count('db_client_operation_duration_seconds', { operation: 'select' })).toBe(1);
    expect(page.sum('db_client_returned_rows', { operation: 'select' })).toBe(10);
  });

  test('withTransaction, and a transaction that an error has ended before it is committed', async () => {
    const { client, devices, registry } = begin();
    instrumentMongodb(client, { registry });
    await client.withSession((session) =>
      session.withTransaction(async () => {
        await devices.insertOne({ _id: 1, name: 'a' }, { session });
      }),
    );
    const session = client.startSession();
    session.startTransaction();
    await devices.insertOne({ _id: 2, name: 'b' }, { session });
    await devices.insertOne({ _id: 1, name: 'again' }, { session }).catch(() => {});
    await expect(session.commitTransaction()).rejects.toThrow(/aborted/);
    session.startTransaction();
    await devices.insertOne({ _id: 1, name: 'again' }, { session }).catch(() => {});
    await session.abortTransaction();
    await session.endSession();
    const page = await Numbers.of(registry);
    const outcomes = ['committed', 'rolled_back'].map((outcome) => page.value('db_client_transactions', { outcome }));
    expect(outcomes).toEqual([1, 2]);
    expect(await executions(registry)).toEqual({ insert: 4, transaction: 3 });
    // The commit was refused; that there is nothing left to abort is no error.
    expect(page.value('db_client_errors', { type: '251' })).toBe(1);
    expect(page.value('db_client_errors')).toBe(3);
  });

  test('connections that a server breaks are gone, and made anew', async () => {
    const own = await MongoStub.start();
    const registry = new Registry();
    const client = instrumentMongodb(clientOf(library, own.url), { registry });
    const devices = client.db('x').collection('devices');
    await devices.findOne();
    own.disconnect();
    await vi.waitFor(async () => {
      await devices.findOne();
      expect((await Numbers.of(registry)).value('db_client_connections_created')).toBeGreaterThanOrEqual(2);
    });
    expect((await Numbers.of(registry)).value('db_client_connections')).toBe(1);
    await client.close();
    await vi.waitFor(async () => {
      const page = await Numbers.of(registry);
      expect(page.value('db_client_connections') + page.value('db_client_connections_max')).toBe(0);
    });
    await own.close();
  });
});

test("a client's bulk write counts each of its operations", async () => {
  const registry = new Registry();
  const client = instrumentMongodb(clientOf(newest, stub.url), { registry });
  const namespace = `promenade_${randomBytes(6).toString('hex')}.devices`;
  const models: newest.AnyClientBulkWriteModel<newest.Document>[] = [
    { name: 'insertOne', namespace, document: { _id: 1 } as never },
    { name: 'updateOne', namespace, filter: { _id: 1 as never }, update: { $set: { name: 'a' } } },
    { name: 'insertOne', namespace, document: { _id: 1 } as never },
  ];
  await expect(client.bulkWrite(models)).rejects.toBeInstanceOf(newest.MongoClientBulkWriteError);
  const page = await Numbers.of(registry);
  expect(page.value('db_client_executions', { operation: 'insert' })).toBe(2);
  expect(page.value('db_client_executions', { operation: 'update' })).toBe(1);
  expect(page.value('db_client_batch_executions')).toBe(3);
  expect(page.value('db_client_errors', { type: '11000' })).toBe(1);
  await client.close();
});
