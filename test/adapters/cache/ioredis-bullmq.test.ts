import { once } from 'node:events';
import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { instrumentIoredis } from '../../../src/adapters/cache/ioredis.ts';
import { Registry } from '../../../src/core/registry.ts';
import { countsOf } from '../../contracts/cache.contract.ts';
import { Numbers } from '../../support/http-numbers.ts';
import { oldest } from '../../support/oldest.ts';
import { commandStat, lacksRedis, ownRedis, type OwnRedis } from '../../support/own-redis.ts';

interface Library {
  readonly Queue: typeof Queue;
  readonly Worker: typeof Worker;
}

/**
 * How each is described, by the newer one's types; the connection is whatever ioredis the
 * application has.
 */
const VERSIONS: Record<string, () => Promise<Library>> = {
  'BullMQ 5': () => oldest<Library>('caches', 'bullmq'),
  'BullMQ 6': async () => ({ Queue, Worker }),
};

const JOBS = 30;

describe.skipIf(lacksRedis)('a job queue beside a cache', () => {
  let server: OwnRedis;
  beforeAll(async () => {
    server = await ownRedis();
  });

  const clients: Redis[] = [];
  afterEach(() => {
    for (const client of clients.splice(0)) client.disconnect();
  });

  function connect(): Redis {
    const client = new Redis(server.port, server.host, { maxRetriesPerRequest: null });
    clients.push(client);
    return client;
  }

  /** Has jobs done, with retries and delays, over a connection. */
  async function work({ Queue: Q, Worker: W }: Library, name: string, connection: Redis): Promise<number> {
    const queue = new Q(name, { connection });
    let done = 0;
    const worker = new W(
      name,
      async ({ data, attemptsMade }) => {
        if ((data as { n: number }).n % 10 === 0 && attemptsMade === 0) throw new Error('again');
        done++;
      },
      { connection },
    );
    const finished = new Promise<void>((resolve) => worker.on('completed', () => void (done === JOBS && resolve())));
    await queue.addBulk(
      Array.from({ length: JOBS }, (_, n) => ({ name: 'job', data: { n }, opts: { attempts: 2, delay: n % 3 } })),
    );
    await finished;
    await queue.getJobCounts();
    await worker.close();
    await queue.obliterate({ force: true });
    await queue.close();
    return done;
  }

  /** A cache's own traffic: 5 hits, 5 misses, 5 sets, 5 deletes. */
  async function cache(client: Redis): Promise<void> {
    for (let i = 0; i < 5; i++) {
      await client.get(`page:${i}`);
      await client.set(`page:${i}`, 'x');
      await client.get(`page:${i}`);
      await client.del(`page:${i}`);
    }
  }

  describe.each(Object.keys(VERSIONS))('%s', (version) => {
    test('a client that only carries a queue has no series of a cache', async () => {
      const registry = new Registry();
      const client = instrumentIoredis(connect(), { registry });
      expect(await work(await VERSIONS[version]!(), `alone-${version.at(-1)}`, client)).toBe(JOBS);
      const numbers = await Numbers.of(registry);
      for (const { name } of registry.metrics()) expect([name, numbers.series(name)]).toEqual([name, []]);
      expect([...registry.metrics()]).toHaveLength(7);
      await client.get('page:1');
      expect(countsOf(await Numbers.of(registry), 'default')).toMatchObject({ hit: 0, miss: 1, sets: 0 });
    });

    test.each([{ where: 'server' }, { where: 'connection' }])('on the same $where', async ({ where }) => {
      const registry = new Registry();
      const client = instrumentIoredis(connect(), { registry });
      const connection = where === 'server' ? connect() : client;
      const before = await server.info();
      const [done] = await Promise.all([
        work(await VERSIONS[version]!(), `mail-${version.at(-1)}-${where}`, connection),
        cache(client),
      ]);
      expect(done).toBe(JOBS);
      const counted = countsOf(await Numbers.of(registry), 'default');
      expect(counted).toEqual({ hit: 5, miss: 5, sets: 5, delete: 5, clear: 0, expire: 0, evict: 0, errors: 0 });
      const after = await server.info();
      const scripts = commandStat(after, 'evalsha', 'calls') - commandStat(before, 'evalsha', 'calls');
      expect(scripts).toBeGreaterThan(JOBS);
      if (client.status !== 'ready') await once(client, 'ready');
    });
  });
});
