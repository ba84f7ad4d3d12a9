import { randomBytes } from 'node:crypto';
import diagnostics from 'node:diagnostics_channel';
import { createClient, createClientPool, type RedisClientOptions } from 'redis';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { instrumentRedis, uninstrument } from '../../../src/adapters/cache/redis/redis.ts';
import { Registry } from '../../../src/core/registry.ts';
import { cacheContract, type CacheSubject, countsOf } from '../../contracts/cache.contract.ts';
import { Numbers } from '../../support/http-numbers.ts';
import { oldest } from '../../support/oldest.ts';
import { lacksRedis, ownRedis, type OwnRedis } from '../../support/own-redis.ts';
import { freePort } from '../../support/private-servers.ts';

type Client = ReturnType<typeof createClient>;
type Library = { readonly createClient: typeof createClient };

/** All are described by the newest one's types. */
const VERSIONS: Record<string, () => Promise<Library>> = {
  'redis 4.0.0': () => oldest<Library>('caches', 'redis-4'),
  'redis 5.0.0': () => oldest<Library>('caches', 'redis'),
  redis: async () => ({ createClient }),
};

describe.skipIf(lacksRedis)('node-redis', () => {
  let server: OwnRedis;
  beforeAll(async () => {
    server = await ownRedis();
  });

  const clients: Client[] = [];
  afterEach(async () => {
    for (const client of clients.splice(0)) if (client.isOpen) await close(client);
  });

  async function connect(version: string, options: RedisClientOptions = {}): Promise<Client> {
    const { createClient: create } = await VERSIONS[version]!();
    const client = create({ ...options, socket: { host: server.host, port: server.port } }) as Client;
    client.on('error', () => {});
    clients.push(client);
    await client.connect();
    return client;
  }

  async function begin(version: string, options: RedisClientOptions = {}): Promise<Begun> {
    const registry = new Registry();
    const client = instrumentRedis(await connect(version, options), { registry });
    const prefix = randomBytes(6).toString('hex');
    return {
      client,
      registry,
      key: (id) => `${prefix}:${id}`,
      counts: async () => countsOf(await Numbers.of(registry), 'default'),
    };
  }

  describe.each(Object.keys(VERSIONS))('%s', (version) => {
    cacheContract(version, async () => subject(await connect(version)), {
      backend: 'redis',
      distinctKeys: version === 'redis' ? 100_000 : 20_000,
      falsy: ['', '0', 'false', 'null'],
      clears: 1,
      expires: false,
    });

    test('a transaction counts what EXEC says', async () => {
      const { client, key, counts, registry } = await begin(version);
      const replies = await client
        .multi()
        .set(key('a'), '0')
        .hSet(key('hash'), 'field', 'x')
        .get(key('a'))
        .get(key('b'))
        .del([key('a'), key('hash')])
        .exec();
      expect(replies).toEqual(['OK', 1, '0', null, 2]);
      expect(await counts()).toMatchObject({ hit: 1, miss: 1, sets: 1, delete: 2, errors: 0 });
      const numbers = await Numbers.of(registry);
      expect(numbers.count('cache_operation_duration_seconds', { operation: 'get' })).toBe(2);
    });

    test('a pipeline counts command by command', async () => {
      const { client, key, counts } = await begin(version);
      const pipeline = client.multi().mSet([key('a'), '0', key('b'), '']);
      await pipeline
        .mGet([key('a'), key('c')])
        .ping()
        .get(key('b'))
        .execAsPipeline();
      expect(await counts()).toMatchObject({ hit: 2, miss: 1, sets: 2, errors: 0 });
    });

    test('what a transaction does not do counts nothing', async () => {
      const { client, key, counts } = await begin(version);
      await client.watch(key('a'));
      await (await connect(version)).set(key('a'), 'y');
      await expect(client.multi().set(key('a'), 'z').get(key('a')).exec()).rejects.toThrow('watched');
      expect(await counts()).toMatchObject({ hit: 0, miss: 0, sets: 0, errors: 0 });
    });

    test('commands count however they are written', async () => {
      const { client, key, counts } = await begin(version);
      expect(await client.sendCommand(['set', key('a'), 'x'])).toBe('OK');
      expect(await client.GET(key('a'))).toBe('x');
      await client.setEx(key('b'), 10, 'x');
      await client.pSetEx(key('c'), 10_000, 'x');
      expect(await counts()).toMatchObject({ hit: 1, miss: 0, sets: 3 });
      expect([toNumber(await client.setNX(key('a'), 'y')), toNumber(await client.setNX(key('d'), 'y'))]).toEqual([
        0, 1,
      ]);
      expect(toNumber(await client.mSetNX([key('d'), 'z', key('e'), 'z']))).toBe(0);
      expect(toNumber(await client.mSetNX([key('e'), 'z', key('f'), 'z']))).toBe(1);
      await client.mSet({ [key('g')]: 'x', [key('h')]: 'x' });
      await client.mSet([
        [key('i'), 'x'],
        [key('j'), 'x'],
      ]);
      expect(await counts()).toMatchObject({ hit: 1, miss: 0, sets: 10 });
    });

    test('what reads and writes at once is both', async () => {
      const { client, key, counts } = await begin(version);
      await client.getSet(key('a'), '1');
      expect(await client.set(key('a'), '3', { GET: true })).toBe('1');
      expect(await client.set(key('b'), '3', { EX: 10, NX: true })).toBe('OK');
      expect(await client.set(key('b'), '4', { EX: 10, NX: true })).toBeNull();
      expect(await counts()).toMatchObject({ hit: 1, miss: 1, sets: 3 });
      expect(await client.getDel(key('a'))).toBe('3');
      expect(await client.getDel(key('a'))).toBeNull();
      expect(await counts()).toMatchObject({ hit: 2, miss: 2, sets: 3, delete: 1 });
    });

    test('other commands are no cache operations, nor are other clients', async () => {
      const { client, key, registry, counts } = await begin(version);
      await client.hSet(key('hash'), 'a', '1');
      await client.eval("return redis.call('get', KEYS[1])", { keys: [key('a')] });
      await client.zAdd(key('z'), { score: 1, value: 'a' });
      await (await connect(version)).get(key('a'));
      const duplicate = client.duplicate();
      clients.push(duplicate);
      await duplicate.connect();
      await duplicate.set(key('a'), 'x');
      expect(await counts()).toMatchObject({ hit: 0, miss: 0, sets: 0, errors: 0 });
      expect((await Numbers.of(registry)).series('cache_operation_duration_seconds')).toEqual([]);
    });

    test('a server that is gone is an error of each command that was on its way', async () => {
      const { client, key, counts } = await begin(version);
      await client.get(key('a'));
      await close(client);
      await expect(client.get(key('a'))).rejects.toThrow('closed');
      expect(await counts()).toMatchObject({ hit: 0, miss: 1, sets: 0, errors: 1 });
      // Version 4 never settles it.
      if (version === 'redis 4.0.0') return;
      await expect(client.multi().get(key('a')).set(key('a'), 'x').exec()).rejects.toThrow('closed');
      expect(await counts()).toMatchObject({ hit: 0, miss: 1, sets: 0, errors: 3 });
    });

    test('is no subscriber of a channel', async () => {
      await begin(version);
      expect(diagnostics.hasSubscribers('tracing:node-redis:command:start')).toBe(false);
    });
  });

  test('options of a command of version 4 are no keys', async () => {
    const { commandOptions } = await oldest<{ commandOptions(options: object): object }>('caches', 'redis-4');
    const { client, key, counts } = await begin('redis 4.0.0');
    const mSet = client.mSet as unknown as (options: object, entries: readonly string[]) => Promise<string>;
    await mSet.call(client, commandOptions({ asap: true }), [key('a'), 'x', key('b'), 'x']);
    const get = client.get as unknown as (options: object, key: string) => Promise<Buffer>;
    expect(await get.call(client, commandOptions({ returnBuffers: true }), key('a'))).toEqual(Buffer.from('x'));
    expect(await counts()).toMatchObject({ hit: 1, sets: 2 });
  });

  test('shells of a client are the client', async () => {
    const { client, key, counts, registry } = await begin('redis');
    const buffers = client.withTypeMapping({ 36: Buffer });
    instrumentRedis(buffers, { registry, cache: 'other' });
    await buffers.set(key('a'), 'x');
    expect(await buffers.get(key('a'))).toEqual(Buffer.from('x'));
    expect(await buffers.get(key('b'))).toBeNull();
    expect(await counts()).toMatchObject({ hit: 1, miss: 1, sets: 1 });
    expect((await Numbers.of(registry)).value('cache_gets', { cache: 'other' })).toBe(0);
  });

  test.each(Object.keys(VERSIONS))('a pipeline of which a command fails is one error: %s', async (version) => {
    const { client, key, counts } = await begin(version);
    await client.rPush(key('list'), 'x');
    await expect(client.multi().set(key('a'), 'x').get(key('list')).execAsPipeline()).rejects.toThrow('WRONGTYPE');
    expect(await counts()).toMatchObject({ hit: 0, sets: 0, errors: 1 });
  });

  test('what the client answers from its own memory is a hit', async () => {
    const { client, key, counts } = await begin('redis', { RESP: 3, clientSideCache: { ttl: 0, maxEntries: 100 } });
    await client.set(key('a'), 'x');
    for (let i = 0; i < 5; i++) expect(await client.get(key('a'))).toBe('x');
    await client.get(key('b'));
    await client.get(key('b'));
    expect(await counts()).toMatchObject({ hit: 5, miss: 2, sets: 1 });
    expect(client.clientSideCache).toBeDefined();
  });

  test('a pool counts the commands of all of its clients', async () => {
    const registry = new Registry();
    const pool = createClientPool({ socket: { host: server.host, port: server.port } }, { minimum: 1, maximum: 3 });
    pool.on('error', () => {});
    await pool.connect();
    instrumentRedis(pool, { registry });
    const key = (id: string): string => `pool:${randomBytes(4).toString('hex')}:${id}`;
    const [a, b] = [key('a'), key('b')];
    await pool.set(a, 'x');
    await Promise.all(Array.from({ length: 20 }, (_, i) => pool.get(i % 2 === 0 ? a : b)));
    await pool.multi().get(a).get(b).exec();
    expect(await pool.execute(async (client) => client.get(a))).toBe('x');
    const counts = countsOf(await Numbers.of(registry), 'default');
    expect(counts).toMatchObject({ hit: 12, miss: 11, sets: 1, errors: 0 });
    uninstrument(pool);
    await pool.get(a);
    expect(countsOf(await Numbers.of(registry), 'default')).toEqual(counts);
    await pool.close();
  });

  test('a server that is not there', async () => {
    const registry = new Registry();
    const client = createClient({
      socket: { host: '127.0.0.1', port: await freePort(), reconnectStrategy: false },
      disableOfflineQueue: true,
    });
    client.on('error', () => {});
    instrumentRedis(client, { registry });
    await expect(client.connect()).rejects.toThrow('ECONNREFUSED');
    await expect(client.get('a')).rejects.toThrow(/offline|closed/);
    expect(countsOf(await Numbers.of(registry), 'default')).toMatchObject({ hit: 0, miss: 0, errors: 1 });
  });
});

interface Begun {
  readonly client: Client;
  readonly registry: Registry;
  key(id: string): string;
  counts(): Promise<ReturnType<typeof countsOf>>;
}

/** Version 4 says true for 1. */
function toNumber(reply: unknown): number {
  return Number(reply);
}

/** Version 4 has `disconnect` for what is `destroy` since. */
async function close(client: Client): Promise<void> {
  if (typeof client.destroy === 'function') client.destroy();
  else await client.disconnect();
}

function subject(client: Client): CacheSubject {
  return {
    target: client,
    instrument: (options) => void instrumentRedis(client, options),
    get: (key) => client.get(key),
    getMany: (keys) => client.mGet([...keys]),
    set: (key, value, ttlMs) => client.set(key, value as string, ttlMs === undefined ? {} : { PX: ttlMs }),
    setMany: (entries) => client.mSet(entries.flat() as string[]),
    delete: (key) => client.del(key),
    deleteMany: (keys) => client.unlink([...keys]),
    has: (key) => client.exists(key),
    clear: () => client.flushDb(),
    misuse: async (key) => {
      await client.rPush(key, 'x');
      try {
        return await client.get(key);
      } finally {
        await client.del(key);
      }
    },
    breakDown: () => close(client),
    close: async () => {
      if (client.isOpen) await close(client);
    },
  };
}
