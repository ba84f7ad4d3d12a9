import { setTimeout as sleep } from 'node:timers/promises';
import { type Cache, createCache, type CreateCacheOptions } from 'cache-manager';
import { Keyv } from 'keyv';
import { describe, expect, test } from 'vitest';
import { instrumentCacheManager } from '../../../src/adapters/cache/cache-manager.ts';
import { Registry } from '../../../src/core/registry.ts';
import { cacheContract, type CacheSubject, countsOf } from '../../contracts/cache.contract.ts';
import { FlakyMap } from '../../support/flaky-map.ts';
import { Numbers } from '../../support/http-numbers.ts';
import { oldest } from '../../support/oldest.ts';

type Library = { readonly createCache: typeof createCache };

const VERSIONS: Record<string, () => Promise<Library>> = {
  'cache-manager 7.0.0': () => oldest<Library>('caches', 'cache-manager'),
  'cache-manager': async () => ({ createCache }),
};

describe.each(Object.keys(VERSIONS))('%s', (version) => {
  async function create(options?: CreateCacheOptions): Promise<Cache> {
    return (await VERSIONS[version]!()).createCache(options);
  }

  async function begin(options?: CreateCacheOptions): Promise<Begun> {
    const registry = new Registry();
    const cache = instrumentCacheManager(await create(options), { registry });
    return { cache, registry, counts: async () => countsOf(await Numbers.of(registry), 'default') };
  }

  cacheContract(
    version,
    async () => {
      const store = new FlakyMap();
      const keyv = new Keyv({ store });
      keyv.on('error', () => {});
      return subject(await create({ stores: [keyv] }), store);
    },
    {
      backend: 'memory',
      falsy: [0, '', false, null],
      // `del` says true whatever there was.
      deletesAbsent: 1,
      clears: 3,
      expires: false,
      entries: true,
      rejects: false,
    },
  );

  test('several stores are one cache', async () => {
    const [first, second] = [new Keyv(), new Keyv()];
    const { cache, counts, registry } = await begin({ stores: [first, second] });
    await cache.set('a', 1);
    await first.delete('a');
    expect(await cache.get('a')).toBe(1);
    await cache.mset([
      { key: 'b', value: 1 },
      { key: 'c', value: 2 },
    ]);
    expect(await cache.mget(['a', 'b', 'd'])).toEqual([1, 1, undefined]);
    await cache.mdel(['b', 'c']);
    expect(await counts()).toMatchObject({ hit: 3, miss: 1, sets: 3, delete: 2 });
    const numbers = await Numbers.of(registry);
    expect(numbers.labelValues('cache_gets', 'backend')).toEqual(['tiered']);
    expect(numbers.series('cache_entries')).toEqual([]);
  });

  test('what wrap renews in the background is a hit, and a set', async () => {
    const { cache, counts } = await begin({ ttl: 60_000 });
    let loads = 0;
    const load = async (): Promise<object> => ({ load: ++loads });
    expect(await cache.wrap('a', load)).toEqual({ load: 1 });
    expect(await cache.wrap('a', load, 60_000, 70_000)).toEqual({ load: 1 });
    await sleep(5);
    expect(await cache.wrap('a', load)).toEqual({ load: 2 });
    expect(await counts()).toMatchObject({ hit: 2, miss: 1, sets: 2, errors: 0 });
  });

  test('wrap of several stores', async () => {
    const first = new Keyv();
    const { cache, counts } = await begin({ stores: [first, new Keyv()] });
    expect(await cache.wrap('a', async () => 0)).toBe(0);
    await first.clear();
    expect(await cache.wrap('a', async () => 1)).toBe(0);
    expect(await counts()).toMatchObject({ hit: 1, miss: 1, sets: 1 });
  });
});

interface Begun {
  readonly cache: Cache;
  readonly registry: Registry;
  counts(): Promise<ReturnType<typeof countsOf>>;
}

function subject(target: Cache, store: FlakyMap): CacheSubject {
  return {
    target,
    instrument: (options) => void instrumentCacheManager(target, options),
    get: (key) => target.get(key),
    getMany: (keys) => target.mget([...keys]),
    set: (key, value, ttlMs) => target.set(key, value, ttlMs),
    setMany: (entries) => target.mset(entries.map(([key, value]) => ({ key, value }))),
    delete: (key) => target.del(key),
    deleteMany: (keys) => target.mdel([...keys]),
    clear: () => target.clear(),
    wrap: (key, load) => target.wrap(key, load),
    breakDown: () => void (store.broken = true),
    close: () => {},
  };
}
