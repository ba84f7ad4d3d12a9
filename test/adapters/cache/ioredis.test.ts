import { randomBytes } from 'node:crypto';
import diagnostics from 'node:diagnostics_channel';
import { Redis, type CommonRedisOptions } from 'ioredis';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { instrumentIoredis } from '../../../src/adapters/cache/ioredis.ts';
import { Registry } from '../../../src/core/registry.ts';
import { cacheContract, type CacheSubject, countsOf } from '../../contracts/cache.contract.ts';
import { Numbers } from '../../support/http-numbers.ts';
import { oldest } from '../../support/oldest.ts';
import { lacksRedis, ownRedis, type OwnRedis } from '../../support/own-redis.ts';
import { freePort } from '../../support/private-servers.ts';

describe.skipIf(lacksRedis)('ioredis', () => {
  let server: OwnRedis;
  beforeAll(async () => {
    server = await ownRedis();
  });

  const clients: Redis[] = [];
  afterEach(async () => {
    for (const client of clients.splice(0)) client.disconnect();
  });

  /** The constructor of a version; both are described by the newer one's types. */
  const VERSIONS: Record<string, () => Promise<typeof Redis>> = {
    'ioredis 5.0.0': async () => (await oldest<{ default: typeof Redis }>('caches', 'ioredis')).default,
    ioredis: async () => Redis,
  };

  async function connect(version: string, options: Options = {}): Promise<Redis> {
    const Client = await VERSIONS[version]!();
    const { port = server.port, ...others } = options;
    const client = new Client(port, server.host, others);
    clients.push(client);
    return client;
  }

  describe.each(Object.keys(VERSIONS))('%s', (version) => {
    cacheContract(version, async () => subject(await connect(version, { db: version === 'ioredis' ? 1 : 2 })), {
      backend: 'redis',
      distinctKeys: version === 'ioredis' ? 100_000 : 20_000,
      falsy: ['', '0', 'false', 'null'],
      clears: 1,
      expires: false,
    });

    async function begin(options: Options = {}): Promise<Begun> {
      const registry = new Registry();
      const client = instrumentIoredis(await connect(version, options), { registry });
      const prefix = randomBytes(6).toString('hex');
      return {
        client,
        registry,
        key: (id) => `${prefix}:${id}`,
        counts: async () => countsOf(await Numbers.of(registry), 'default'),
      };
    }

    test('a pipeline counts command by command', async () => {
      const { client, key, counts } = await begin();
      const results = await client
        .pipeline()
        .set(key('a'), '0')
        .get(key('a'))
        .get(key('b'))
        .mget(key('a'), key('b'))
        .rpush(key('list'), 'x')
        .get(key('list'))
        .del(key('a'), key('b'), key('list'))
        .exec();
      expect(results!.map(([error, result]) => error?.name ?? result)).toEqual([
        'OK',
        '0',
        null,
        ['0', null],
        1,
        'ReplyError',
        2,
      ]);
      expect(await counts()).toMatchObject({ hit: 2, miss: 2, sets: 1, delete: 2, errors: 1 });
    });

    test('a transaction counts what EXEC says, and QUEUED is no hit', async () => {
      const { client, key, counts, registry } = await begin();
      const results = await client
        .multi()
        .set(key('a'), '0')
        .hset(key('hash'), 'field', 'x')
        .get(key('a'))
        .get(key('b'))
        .get(key('hash'))
        .del(key('a'), key('hash'))
        .exec();
      expect(results!.map(([error, result]) => error?.name ?? result)).toEqual(['OK', 1, '0', null, 'ReplyError', 2]);
      expect(await counts()).toMatchObject({ hit: 1, miss: 1, sets: 1, delete: 2, errors: 1 });
      const numbers = await Numbers.of(registry);
      expect(numbers.count('cache_operation_duration_seconds', { operation: 'get' })).toBe(3);
    });

    test('so does one whose commands go out one by one', async () => {
      const { client, key, counts } = await begin();
      await client.multi({ pipeline: false });
      expect(await client.set(key('a'), 'QUEUED')).toBe('QUEUED');
      await client.incr(key('n'));
      await client.get(key('b'));
      expect(await counts()).toMatchObject({ hit: 0, miss: 0, sets: 0 });
      await client.exec();
      expect(await counts()).toMatchObject({ hit: 0, miss: 1, sets: 1 });
      await client.get(key('a'));
      expect(await counts()).toMatchObject({ hit: 1, miss: 1 });
    });

    test('what a transaction does not do counts nothing', async () => {
      const { client, key, counts } = await begin();
      const other = await connect(version);
      await client.multi({ pipeline: false });
      await client.set(key('a'), 'x');
      await client.discard();
      await client.watch(key('a'));
      await other.set(key('a'), 'y');
      expect(await client.multi().set(key('a'), 'z').get(key('a')).exec()).toBeNull();
      const refused = client.multi().set(key('a'), 'z').call('GET').exec();
      await expect(refused).rejects.toThrow('EXECABORT');
      expect(await counts()).toMatchObject({ hit: 0, miss: 0, sets: 0, errors: 1 });
      await client.get(key('a'));
      expect(await counts()).toMatchObject({ hit: 1 });
    });

    test('commands count however they are written', async () => {
      const { client, key, counts } = await begin();
      await client.call('SET', key('a'), 'x');
      expect(await client.getBuffer(key('a'))).toEqual(Buffer.from('x'));
      await new Promise<unknown>((resolve) => void client.get(key('a'), resolve));
      await client.setex(key('b'), 10, 'x');
      await client.psetex(key('c'), 10_000, 'x');
      expect(await counts()).toMatchObject({ hit: 2, miss: 0, sets: 3 });
      expect([await client.setnx(key('a'), 'y'), await client.setnx(key('d'), 'y')]).toEqual([0, 1]);
      expect(await client.msetnx(key('d'), 'z', key('e'), 'z')).toBe(0);
      expect(await client.msetnx(key('e'), 'z', key('f'), 'z')).toBe(1);
      expect(await counts()).toMatchObject({ hit: 2, miss: 0, sets: 6 });
    });

    test('what reads and writes at once is both', async () => {
      const { client, key, counts } = await begin();
      await client.getset(key('a'), '1');
      expect(await client.getset(key('a'), '2')).toBe('1');
      expect(await counts()).toMatchObject({ hit: 1, miss: 1, sets: 2 });
      expect(await client.set(key('a'), '3', 'GET')).toBe('2');
      expect(await client.set(key('b'), '3', 'EX', 10, 'NX')).toBe('OK');
      expect(await client.set(key('b'), '4', 'EX', 10, 'NX')).toBeNull();
      expect(await client.set(key('c'), '4', 'XX', 'GET' as never)).toBeNull();
      expect(await counts()).toMatchObject({ hit: 2, miss: 2, sets: 4 });
      expect(await client.getex(key('a'), 'EX', 10)).toBe('3');
      expect(await client.getdel(key('a'))).toBe('3');
      expect(await client.getdel(key('a'))).toBeNull();
      expect(await counts()).toMatchObject({ hit: 4, miss: 3, sets: 4, delete: 1 });
    });

    test('other commands are no cache operations, nor are other clients', async () => {
      const { client, key, registry, counts } = await begin({ enableAutoPipelining: true });
      await client.hset(key('hash'), 'a', '1');
      await client.eval("return redis.call('get', KEYS[1])", 1, key('a'));
      await client.zadd(key('z'), 1, 'a');
      await client.expire(key('z'), 10);
      await (await connect(version)).get(key('a'));
      const duplicate = client.duplicate();
      clients.push(duplicate);
      await duplicate.set(key('a'), 'x');
      expect(await counts()).toMatchObject({ hit: 0, miss: 0, sets: 0, errors: 0 });
      expect((await Numbers.of(registry)).series('cache_operation_duration_seconds')).toEqual([]);
      await Promise.all([client.get(key('a')), client.get(key('b')), client.set(key('b'), 'x')]);
      expect(await counts()).toMatchObject({ hit: 1, miss: 1, sets: 1 });
    });

    test('commands that wait for the connection count once', async () => {
      const { client, key, counts, registry } = await begin({ lazyConnect: true });
      const first = client.get(key('a'));
      const second = client.multi().get(key('a')).set(key('a'), 'x').exec();
      await Promise.all([first, second]);
      expect(await counts()).toMatchObject({ hit: 0, miss: 2, sets: 1 });
      client.disconnect(true);
      await client.get(key('a'));
      expect(await counts()).toMatchObject({ hit: 1, miss: 2, sets: 1 });
      const numbers = await Numbers.of(registry);
      expect(numbers.count('cache_operation_duration_seconds', { operation: 'get' })).toBe(3);
    });

    test('a server that is not there is an error, and so is one that does not answer in time', async () => {
      const down = await begin({ port: await freePort(), retryStrategy: () => null, lazyConnect: true });
      down.client.on('error', () => {});
      await expect(down.client.get('a')).rejects.toThrow('Connection is closed');
      expect(await down.counts()).toMatchObject({ hit: 0, miss: 0, errors: 1 });

      const slow = await begin();
      const other = await connect(version);
      await slow.client.get(slow.key('a'));
      // Redis answers a client in order: nothing until the list has an item.
      const blocked = slow.client.blpop(slow.key('list'), 0);
      slow.client.options.commandTimeout = 30;
      await expect(slow.client.get(slow.key('a'))).rejects.toThrow('timed out');
      slow.client.options.commandTimeout = 60_000;
      await other.rpush(slow.key('list'), 'item');
      await blocked;
      // The answer to the command that was given up comes before this one's.
      await slow.client.ping();
      expect(await slow.counts()).toMatchObject({ hit: 0, miss: 1, errors: 1 });
    });

    test("is no subscriber of ioredis' channel, which would handle rejections that nobody handles", async () => {
      await begin();
      expect(diagnostics.hasSubscribers('tracing:ioredis:command:start')).toBe(false);
    });
  });
});

type Options = Omit<CommonRedisOptions, 'replyMapping'> & { readonly port?: number };

interface Begun {
  readonly client: Redis;
  readonly registry: Registry;
  key(id: string): string;
  counts(): Promise<ReturnType<typeof countsOf>>;
}

function subject(client: Redis): CacheSubject {
  return {
    target: client,
    instrument: (options) => void instrumentIoredis(client, options),
    get: (key) => client.get(key),
    getMany: (keys) => client.mget([...keys]),
    set: (key, value, ttlMs) =>
      ttlMs === undefined ? client.set(key, value as string) : client.set(key, value as string, 'PX', ttlMs),
    setMany: (entries) => client.mset(new Map(entries as unknown as readonly (readonly [string, string])[])),
    delete: (key) => client.del(key),
    deleteMany: (keys) => client.unlink([...keys]),
    has: (key) => client.exists(key),
    clear: () => client.flushdb(),
    misuse: async (key) => {
      await client.rpush(key, 'x');
      try {
        return await client.get(key);
      } finally {
        await client.del(key);
      }
    },
    breakDown: () => client.disconnect(),
    close: () => client.disconnect(),
  };
}
