import { setTimeout as sleep } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import { describe, expect, test } from 'vitest';
import { instrumentLruCache } from '../../../src/adapters/cache/lru-cache/lru-cache.ts';
import { Registry } from '../../../src/core/registry.ts';
import { cacheContract, type CacheSubject, countsOf } from '../../contracts/cache.contract.ts';
import { Numbers } from '../../support/http-numbers.ts';
import { oldest } from '../../support/oldest.ts';
import { randomNumbers } from '../../support/random.ts';

type Value = string | number | boolean;
type Cache = LRUCache<string, Value>;
type Options = LRUCache.Options<string, Value, unknown>;
type Library = { readonly LRUCache: typeof LRUCache };

const VERSIONS: Record<string, () => Promise<Library>> = {
  'lru-cache 10.0.0': () => oldest<Library>('caches', 'lru-cache'),
  'lru-cache 11.0.0': () => oldest<Library>('caches', 'lru-cache-11-0'),
  'lru-cache': async () => ({ LRUCache }),
};

describe.each(Object.keys(VERSIONS))('%s', (version) => {
  async function create(options: Options): Promise<Cache> {
    const { LRUCache: Class } = await VERSIONS[version]!();
    return new Class(options);
  }

  async function begin(options: Options): Promise<Begun> {
    const registry = new Registry();
    const cache = instrumentLruCache(await create(options), { registry });
    return { cache, registry, counts: async () => countsOf(await Numbers.of(registry), 'default') };
  }

  cacheContract(version, async () => subject(await create({ max: 1000, ttl: 60_000 })), {
    backend: 'memory',
    distinctKeys: version === 'lru-cache' ? 100_000 : 20_000,
    falsy: [0, '', false],
    clears: 3,
    expires: true,
    entries: true,
  });

  test('what is evicted is counted: by number, by size, and by resizing entries', async () => {
    const { cache, counts } = await begin({ max: 3, maxSize: 10, sizeCalculation: (value) => String(value).length });
    for (const key of ['a', 'b', 'c', 'd']) cache.set(key, 'x');
    expect(await counts()).toMatchObject({ sets: 4, evict: 1 });
    cache.set('d', 'y');
    cache.set('d', 'y');
    expect(await counts()).toMatchObject({ sets: 6, evict: 1 });
    cache.set('c', 'x'.repeat(9));
    expect(cache.size).toBe(2);
    expect(await counts()).toMatchObject({ sets: 7, evict: 2 });
    cache.set('e', 'x'.repeat(11));
    expect(cache.has('e')).toBe(false);
    expect(await counts()).toMatchObject({ sets: 7, evict: 2 });
    cache.pop();
    expect(await counts()).toMatchObject({ evict: 3 });
    cache.set('d', undefined);
    expect(await counts()).toMatchObject({ delete: cache.size === 0 ? 1 : 0 });
  });

  test('the size is what the cache calculates', async () => {
    const { cache, registry } = await begin({ maxSize: 100, sizeCalculation: (value) => String(value).length });
    cache.set('a', 'xyz');
    const numbers = await Numbers.of(registry);
    expect([numbers.value('cache_size_bytes'), numbers.value('cache_entries')]).toEqual([3, 1]);
    expect((await Numbers.of((await begin({ max: 1 })).registry)).series('cache_size_bytes')).toEqual([]);
  });

  test('what expires is counted, whoever notices', async () => {
    const { cache, counts } = await begin({ max: 10, ttl: 20 });
    for (const key of ['a', 'b', 'c']) cache.set(key, 'x');
    cache.set('d', 'x', { ttl: 0 });
    await sleep(50);
    expect(cache.get('a')).toBeUndefined();
    expect(cache.get('b', { allowStale: true })).toBe('x');
    cache.purgeStale();
    expect(await counts()).toMatchObject({ hit: 1, miss: 1, expire: 3, delete: 0, evict: 0 });
    const { cache: purging, counts: purged } = await begin({ max: 10, ttl: 20, ttlAutopurge: true });
    purging.set('a', 'x');
    purging.set('b', 'x');
    await sleep(50);
    expect(await purged()).toMatchObject({ sets: 2, expire: 2, delete: 0 });
  });

  test("options of the caller's are left as they were", async () => {
    const { cache, counts } = await begin({ max: 10 });
    const options = Object.freeze({ ttl: 50 });
    cache.set('a', 'x', options);
    const status: LRUCache.Status<string, Value> = {};
    cache.set('a', 'y', { status });
    expect(status.set).toBe('replace');
    expect(await counts()).toMatchObject({ sets: 2 });
  });

  test('fetch is a get, and a set once something was fetched', async () => {
    const fetched: string[] = [];
    const { cache, counts } = await begin({
      max: 10,
      fetchMethod: async (key) => {
        fetched.push(key);
        await sleep(5);
        if (key === 'bad') throw new Error('the source is down');
        return key === 'none' ? undefined : key;
      },
    });
    await Promise.all([cache.fetch('a'), cache.fetch('a'), cache.fetch('b')]);
    expect(await counts()).toMatchObject({ hit: 0, miss: 3, sets: 2 });
    expect(await cache.fetch('a')).toBe('a');
    expect(await cache.fetch('a', { forceRefresh: true })).toBe('a');
    expect(await cache.fetch('none')).toBeUndefined();
    await expect(cache.fetch('bad')).rejects.toThrow('the source is down');
    expect(fetched).toEqual(['a', 'b', 'a', 'none', 'bad']);
    expect(await counts()).toMatchObject({ hit: 1, miss: 6, sets: 3, delete: 0, expire: 0, evict: 0, errors: 0 });
  });

  test('forceFetch is a fetch that rejects when there is nothing', async () => {
    if (version === 'lru-cache 10.0.0') return expect(LRUCache.prototype.forceFetch).toBeDefined();
    const fetchMethod = async (key: string) => (key === 'none' ? undefined : key);
    const { cache, counts } = await begin({ max: 10, fetchMethod });
    expect(await cache.forceFetch('a')).toBe('a');
    expect(await cache.forceFetch('a')).toBe('a');
    await expect(cache.forceFetch('none')).rejects.toThrow('undefined');
    expect(await cache.forceFetch('a', { forceRefresh: true })).toBe('a');
    expect(await counts()).toMatchObject({ hit: 1, miss: 3, sets: 2, errors: 0, evict: 0 });
  });

  test('a fetch that gives the stale value meanwhile is a hit', async () => {
    const { cache, counts } = await begin({ max: 10, ttl: 10, allowStale: true, fetchMethod: async () => sleep(5, 1) });
    await cache.fetch('a');
    await sleep(30);
    expect(await cache.fetch('a')).toBe(1);
    expect(await counts()).toMatchObject({ hit: 1, miss: 1, sets: 1 });
    await sleep(20);
    expect(await counts()).toMatchObject({ hit: 1, miss: 1, sets: 2, expire: 0 });
  });

  test('without a method to fetch with it is a get', async () => {
    const { cache, counts } = await begin({ max: 10 });
    cache.set('a', 'x');
    await cache.fetch('a');
    await cache.fetch('b');
    expect(await counts()).toMatchObject({ hit: 1, miss: 1, sets: 1 });
  });

  test('memo is a get, and a set after a miss', async () => {
    const { cache, counts } = await begin({ max: 2, memoMethod: (key) => key });
    if (typeof cache.memo !== 'function') return expect(version).toBe('lru-cache 10.0.0');
    for (const key of ['a', 'a', 'b', 'c']) expect(cache.memo(key)).toBe(key);
    cache.memo('c', { forceRefresh: true });
    expect(await counts()).toMatchObject({ hit: 1, miss: 4, sets: 4, evict: 1 });
  });

  test('what goes, and why, is what dispose is told, after 10,000 operations at random', async () => {
    const disposed = { evict: 0, delete: 0, expire: 0 };
    let clears = false;
    const { cache, counts } = await begin({
      max: 50,
      maxSize: 200,
      sizeCalculation: (value) => Number(value),
      ttl: 1,
      ttlResolution: 0,
      dispose: (_value, _key, reason) => {
        if (reason in disposed && !clears) disposed[reason as keyof typeof disposed]++;
      },
    });
    const random = randomNumbers(20_261_122);
    const truth = { hit: 0, miss: 0, sets: 0 };
    for (let i = 0; i < 10_000; i++) {
      const key = `${random(80)}`;
      const turn = random(100);
      if (turn < 50) truth[cache.get(key) === undefined ? 'miss' : 'hit']++;
      else if (turn < 85) {
        cache.set(key, 1 + random(12), { ttl: random(4) === 0 ? 1 : 10_000 });
        truth.sets++;
      } else if (turn < 95) cache.delete(key);
      else if (turn < 97) cache.pop();
      else if (turn < 99) cache.purgeStale();
      else if (random(10) === 0) {
        clears = true;
        cache.clear();
        clears = false;
      }
      if (i % 500 === 0) await sleep(2);
    }
    const counted = await counts();
    expect(counted).toMatchObject({ ...truth, evict: disposed.evict, errors: 0 });
    expect(counted.delete + counted.expire).toBe(disposed.delete + disposed.expire);
    // Version 10 says `delete` of what expires, too.
    if (version !== 'lru-cache 10.0.0') expect(counted.expire).toBe(disposed.expire);
    expect(counted.expire).toBeGreaterThan(0);
    expect(disposed.evict).toBeGreaterThan(1000);
  });
});

interface Begun {
  readonly cache: Cache;
  readonly registry: Registry;
  counts(): Promise<ReturnType<typeof countsOf>>;
}

function subject(target: Cache): CacheSubject {
  return {
    target,
    instrument: (options) => void instrumentLruCache(target, options),
    get: (key) => target.get(key),
    set: (key, value, ttlMs) => {
      target.set(key, value as string, ttlMs === undefined ? {} : { ttl: ttlMs });
    },
    delete: (key) => target.delete(key),
    has: (key) => target.has(key),
    clear: () => target.clear(),
    close: () => {},
  };
}
