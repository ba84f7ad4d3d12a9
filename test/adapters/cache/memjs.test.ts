import { randomBytes } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import memjs from 'memjs';
import { afterEach, describe, expect, test } from 'vitest';
import { instrumentMemjs } from '../../../src/adapters/cache/memjs.ts';
import { Registry } from '../../../src/core/registry.ts';
import { cacheContract, type CacheSubject, countsOf } from '../../contracts/cache.contract.ts';
import { Numbers } from '../../support/http-numbers.ts';
import { oldest } from '../../support/oldest.ts';
import { freePort, startMemcached } from '../../support/private-servers.ts';
import { randomNumbers } from '../../support/random.ts';
import { memcached } from '../../support/servers.ts';

type Callback<R> = (error: Error | null, result: R) => void;

/** What is used of memjs, which has no types of its own. */
interface Client {
  perform: unknown;
  get(key: string): Promise<{ value: Buffer | null }>;
  get(key: string, callback: Callback<Buffer | null>): void;
  set(key: string, value: string, options: { expires?: number }): Promise<boolean>;
  add(key: string, value: string, options: object): Promise<boolean>;
  replace(key: string, value: string, options: object): Promise<boolean>;
  delete(key: string): Promise<boolean>;
  increment(key: string, amount: number, options: object): Promise<unknown>;
  flush(): Promise<object>;
  stats(callback: (error: Error | null, server: string, stats: Record<string, string> | null) => void): void;
  close(): void;
}

interface Library {
  readonly Client: { create(servers: string, options?: object): Client };
}

const VERSIONS: Record<string, () => Promise<Library>> = {
  'memjs 1.3.0': async () => (await oldest<{ default: Library }>('caches', 'memjs')).default,
  memjs: async () => memjs as Library,
};

const server = await memcached();

describe.skipIf(server.missing)('memjs', () => {
  const clients: Client[] = [];
  afterEach(() => {
    for (const client of clients.splice(0)) client.close();
  });

  async function connect(version: string, port: number = server.port): Promise<Client> {
    const { Client: Class } = await VERSIONS[version]!();
    const client = Class.create(`${server.host}:${port}`, { retries: 1, logger: { log: () => {} } });
    clients.push(client);
    return client;
  }

  describe.each(Object.keys(VERSIONS))('%s', (version) => {
    cacheContract(version, async () => subject(await connect(version), await connect(version, await freePort())), {
      backend: 'memcached',
      distinctKeys: version === 'memjs' ? 100_000 : 20_000,
      falsy: ['', '0', 'false', 'null'],
      clears: 1,
    });

    async function begin(): Promise<Begun> {
      const registry = new Registry();
      const client = instrumentMemjs(await connect(version), { registry });
      const prefix = randomBytes(6).toString('hex');
      return {
        client,
        key: (id) => `${prefix}:${id}`,
        counts: async () => countsOf(await Numbers.of(registry), 'default'),
      };
    }

    test('callbacks count as promises do', async () => {
      const { client, key, counts } = await begin();
      await client.set(key('a'), 'x', {});
      const values = await Promise.all(
        ['a', 'b'].map((id) => new Promise((resolve) => client.get(key(id), (_error, value) => resolve(value)))),
      );
      expect(values).toEqual([Buffer.from('x'), null]);
      expect(await counts()).toMatchObject({ hit: 1, miss: 1, sets: 1 });
    });

    test('what is not added or replaced is no set, and counters are no cache', async () => {
      const { client, key, counts } = await begin();
      expect(await client.add(key('a'), 'x', {})).toBe(true);
      expect(await client.add(key('a'), 'y', {})).toBe(false);
      expect(await client.replace(key('a'), 'y', {})).toBe(true);
      expect(await client.replace(key('b'), 'y', {})).toBe(false);
      await client.increment(key('n'), 1, { initial: 1 });
      expect(await counts()).toMatchObject({ hit: 0, miss: 0, sets: 2, errors: 0 });
    });

    test('a value that is too large is an error', async () => {
      const { client, key, counts } = await begin();
      await expect(client.set(key('a'), 'x'.repeat(2_000_000), {})).rejects.toThrow('MemJS SET');
      expect(await counts()).toMatchObject({ sets: 0, errors: 1 });
    });

    test('after 10,000 operations at random the counts are those of memcached', async () => {
      const registry = new Registry();
      const url = new URL(await startMemcached.run(mkdtempSync(join(tmpdir(), 'promenade-memcached-')), process.pid));
      const client = await connect(version, Number(url.port));
      await answering(client);
      const before = await statsOf(client);
      instrumentMemjs(client, { registry });
      const random = randomNumbers(20_261_122);
      for (let i = 0; i < 10_000; i += 50) {
        await Promise.all(
          Array.from({ length: 50 }, () => {
            const id = `k${random(50)}`;
            const turn = random(10);
            if (turn < 6) return client.get(id);
            return turn < 9 ? client.set(id, turn === 6 ? '' : 'x', {}) : client.delete(id);
          }),
        );
      }
      const after = await statsOf(client);
      const grown = (name: string): number => Number(after[name]) - Number(before[name]);
      const truth = {
        hit: grown('get_hits'),
        miss: grown('get_misses'),
        sets: grown('cmd_set'),
        delete: grown('delete_hits'),
      };
      expect(countsOf(await Numbers.of(registry), 'default')).toMatchObject({ ...truth, errors: 0 });
      expect(Math.min(...Object.values(truth))).toBeGreaterThan(400);
    });
  });
});

interface Begun {
  readonly client: Client;
  key(id: string): string;
  counts(): Promise<ReturnType<typeof countsOf>>;
}

/** Waits for a server that was just started. */
async function answering(client: Client): Promise<void> {
  for (let i = 0; ; i++) {
    const failed = await client.get('a').catch((error: unknown) => error);
    if (!(failed instanceof Error)) return;
    if (i === 100) throw failed;
    await sleep(20);
  }
}

function statsOf(client: Client): Promise<Readonly<Record<string, string>>> {
  return new Promise((resolve, reject) => {
    client.stats((error, _server, stats) => (stats === null ? reject(error ?? new Error('no stats')) : resolve(stats)));
  });
}

/** @param down A client whose server is not there. */
function subject(client: Client, down: Client): CacheSubject {
  return {
    target: client,
    instrument: (options) => void instrumentMemjs(client as never, options),
    get: (key) => client.get(key),
    set: (key, value) => client.set(key, value as string, {}),
    delete: (key) => client.delete(key),
    clear: () => client.flush(),
    breakDown: () => {
      Object.assign(client, { servers: (down as unknown as { servers: unknown }).servers });
    },
    close: () => client.close(),
  };
}
