import { setTimeout as sleep } from 'node:timers/promises';
import { createCache } from 'cache-manager';
import { Keyv } from 'keyv';
import { describe, expect, test } from 'vitest';
import { instrumentCacheManager } from '../../../src/adapters/cache/cache-manager.ts';
import { instrumentKeyv, uninstrument } from '../../../src/adapters/cache/keyv.ts';
import { Registry } from '../../../src/core/registry.ts';
import { cacheContract, type CacheSubject, countsOf } from '../../contracts/cache.contract.ts';
import { FlakyMap } from '../../support/flaky-map.ts';
import { Numbers } from '../../support/http-numbers.ts';
import { oldest } from '../../support/oldest.ts';

type Library = { readonly Keyv: typeof Keyv };

/** Keyv 6 asks for Node 22; it runs on 20, too. */
const VERSIONS: Record<string, () => Promise<Library>> = {
  'keyv 5.0.0': async () => ({ Keyv: (await oldest<{ default: typeof Keyv }>('caches', 'keyv')).default }),
  keyv: async () => ({ Keyv }),
  'keyv 6': () => oldest<Library>('caches', 'keyv-6'),
};

describe.each(Object.keys(VERSIONS))('%s', (version) => {
  async function create(store: Map<string, unknown> = new FlakyMap(), options: object = {}): Promise<Keyv> {
    const keyv = new (await VERSIONS[version]!()).Keyv({ store, ...options });
    keyv.on('error', () => {});
    return keyv;
  }

  async function begin(store?: Map<string, unknown>, options: object = {}): Promise<Begun> {
    const registry = new Registry();
    const keyv = instrumentKeyv(await create(store, options), { registry });
    return { keyv, registry, counts: async () => countsOf(await Numbers.of(registry), 'default') };
  }

  cacheContract(
    version,
    async () => {
      const store = new FlakyMap();
      return subject(await create(store), store);
    },
    {
      backend: 'memory',
      distinctKeys: version === 'keyv' ? 100_000 : 20_000,
      falsy: [0, '', false, null],
      clears: 3,
      // The memory of version 6 drops what has expired by itself.
      expires: version !== 'keyv 6',
      entries: true,
      rejects: version === 'keyv 5.0.0' ? 'at times' : false,
    },
  );

  test('of several keys each that expired counts', async () => {
    const { keyv, counts } = await begin();
    await keyv.set('a', 1, 20);
    await keyv.set('b', 1, 20);
    await keyv.set('c', 1);
    await sleep(40);
    expect(await keyv.get(['a', 'b', 'c', 'd'])).toEqual([undefined, undefined, 1, undefined]);
    const told = version === 'keyv 6' ? 0 : 1;
    // Version 5.0 leaves what it finds expired among several where it is.
    const several = version === 'keyv' ? 2 : 0;
    expect(await counts()).toMatchObject({ hit: 1, miss: 3, delete: 0, expire: several });
    await keyv.set('a', 1, 20);
    await sleep(40);
    await Promise.all([keyv.get('a'), keyv.get('a')]);
    await keyv.set('a', 1, 20);
    await keyv.delete('a');
    expect(await counts()).toMatchObject({ hit: 1, miss: 5, delete: 1, expire: several + told });
  });

  test('a delete beside a get of the same key is a delete, unless the entry had expired', async () => {
    const { keyv, counts } = await begin();
    await keyv.set('a', 1);
    // The store has answered, and Keyv has not.
    const [value] = await Promise.all([keyv.get('a'), Promise.resolve().then(() => keyv.delete('a'))]);
    expect(value).toBe(1);
    expect(await counts()).toMatchObject({ hit: 1, delete: 1, expire: 0 });
    await keyv.set('a', 1);
    await keyv.set('b', 1);
    const reads = [keyv.get(['a', 'b']), keyv.get('b'), keyv.has('b')];
    await Promise.all([...reads, keyv.delete(['a', 'b']), Promise.resolve().then(() => keyv.delete('b'))]);
    expect(await counts()).toMatchObject({ delete: 3, expire: 0 });
  });

  test('a list of keys may stand for one', async () => {
    const { keyv, counts } = await begin();
    await keyv.set('a', 1);
    await keyv.get(['a', 'b']);
    expect(await counts()).toMatchObject({ hit: 1, miss: 1 });
    await keyv.delete(['a']);
    expect(await counts()).toMatchObject({ delete: 1 });
  });

  test('a store that fails is an error of its own Keyv alone, and is let go of', async () => {
    const store = new FlakyMap();
    const one = await begin(store, { namespace: 'one' });
    const two = await begin(store, { namespace: 'two' });
    await one.keyv.set('b', 1);
    store.broken = true;
    await one.keyv.get('a').catch(() => {});
    await one.keyv.has('a').catch(() => {});
    await one.keyv.clear().catch(() => {});
    expect(await one.counts()).toMatchObject({ hit: 0, miss: 0, clear: 0, errors: 3 });
    expect(await two.counts()).toMatchObject({ miss: 0, errors: 0 });
    uninstrument(two.keyv);
    uninstrument(one.keyv);
    expect(Object.getOwnPropertyNames(store)).not.toContain('get');
  });

  test('another store is looked at, too', async () => {
    const { keyv, counts } = await begin();
    const store = new FlakyMap();
    keyv.store = store;
    if (version === 'keyv 5.0.0') return expect(keyv.opts.store).not.toBe(store);
    store.broken = true;
    await keyv.get('a');
    expect(await counts()).toMatchObject({ miss: 0, errors: 1 });
  });

  test('the backend is what the store says', async () => {
    const remote = Object.assign(new Map<string, unknown>(), { opts: { dialect: 'redis', url: 'redis://' } });
    Object.defineProperty(remote, 'size', { value: undefined });
    const { registry } = await begin(remote);
    expect((await Numbers.of(registry)).labelValues('cache_gets', 'backend')).toEqual(['redis']);
  });
});

test('cache-manager keeps to itself what fails below, and it is an error all the same', async () => {
  const store = new FlakyMap();
  const registry = new Registry();
  const keyv = new Keyv({ store });
  keyv.on('error', () => {});
  const cache = instrumentCacheManager(createCache({ stores: [new Keyv(), keyv] }), { registry });
  store.broken = true;
  expect(await cache.wrap('a', async () => 1)).toBe(1);
  expect(countsOf(await Numbers.of(registry), 'default')).toMatchObject({ hit: 0, miss: 0, sets: 0, errors: 2 });
});

interface Begun {
  readonly keyv: Keyv;
  readonly registry: Registry;
  counts(): Promise<ReturnType<typeof countsOf>>;
}

function subject(target: Keyv, store: FlakyMap): CacheSubject {
  return {
    target,
    instrument: (options) => void instrumentKeyv(target, options),
    get: (key) => target.get(key),
    ...(typeof target.getMany === 'function' && { getMany: (keys: readonly string[]) => target.getMany([...keys]) }),
    set: (key, value, ttlMs) => target.set(key, value, ttlMs),
    delete: (key) => target.delete(key),
    has: (key) => target.has(key),
    clear: () => target.clear(),
    breakDown: () => void (store.broken = true),
    close: () => {},
  };
}
