import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { instrumentCache, uninstrument } from '../../../src/adapters/cache/cache.ts';
import { Registry } from '../../../src/core/registry.ts';
import { cacheContract, type CacheSubject, countsOf } from '../../contracts/cache.contract.ts';
import { Numbers } from '../../support/http-numbers.ts';

/**
 * A cache as people write them: async, with entries that expire, and methods that call each other.
 */
class Shelf {
  readonly entries: Map<string, { readonly value: unknown; readonly until: number }> = new Map();
  broken = false;

  async get(key: string): Promise<unknown> {
    if (this.broken) throw new RangeError('the shelf is broken');
    const entry = this.entries.get(key);
    return entry && entry.until > Date.now() ? entry.value : undefined;
  }

  async getMany(keys: readonly string[]): Promise<unknown[]> {
    const values: unknown[] = [];
    for (const key of keys) values.push(await this.get(key));
    return values;
  }

  async set(key: string, value: unknown, ttlMs: number = Infinity): Promise<void> {
    if (this.broken) throw new RangeError('the shelf is broken');
    this.entries.set(key, { value, until: Date.now() + ttlMs });
  }

  async delete(key: string): Promise<boolean> {
    if (this.broken) throw new RangeError('the shelf is broken');
    return this.entries.delete(key);
  }

  async has(key: string): Promise<boolean> {
    return (await this.get(key)) !== undefined;
  }

  async clear(): Promise<void> {
    this.entries.clear();
  }

  async wrap(key: string, load: () => Promise<unknown>): Promise<unknown> {
    const found = await this.get(key);
    if (found !== undefined) return found;
    const value = await load();
    await this.set(key, value);
    return value;
  }
}

function shelf(): CacheSubject {
  const target = new Shelf();
  return {
    target,
    instrument: (options) => void instrumentCache(target, options),
    get: (key) => target.get(key),
    getMany: (keys) => target.getMany(keys),
    set: (key, value, ttlMs) => target.set(key, value, ttlMs),
    delete: (key) => target.delete(key),
    has: (key) => target.has(key),
    clear: () => target.clear(),
    wrap: (key, load) => target.wrap(key, load),
    breakDown: () => void (target.broken = true),
    close: () => {},
  };
}

cacheContract('a class of the application', shelf, {
  backend: 'memory',
  falsy: [0, '', false, null, Number.NaN],
  clears: 1,
  expires: false,
  fails: ['get', 'set', 'delete'],
});

/** What a Map is under this contract: sync all through. */
function map(): CacheSubject {
  const target = new Map<string, unknown>();
  return {
    target,
    instrument: (options) => void instrumentCache(target, options),
    get: (key) => target.get(key),
    set: (key, value) => target.set(key, value),
    delete: (key) => target.delete(key),
    has: (key) => target.has(key),
    clear: () => target.clear(),
    close: () => {},
  };
}

cacheContract('a Map', map, {
  backend: 'memory',
  falsy: [0, '', false, null],
  clears: 3,
  entries: true,
});

/** A registry, and what it counts of the cache `default`. */
function bench(): { readonly registry: Registry; counts(): Promise<ReturnType<typeof countsOf>> } {
  const registry = new Registry();
  return { registry, counts: async () => countsOf(await Numbers.of(registry), 'default') };
}

describe('instrumentCache', () => {
  test('takes a cache that says null for nothing', async () => {
    const { registry, counts } = bench();
    const cache = instrumentCache(
      { get: (key: string) => (key === 'a' ? 0 : null), set: () => 'OK' },
      { registry, isMiss: (result) => result === null },
    );
    expect([cache.get('a'), cache.get('b')]).toEqual([0, null]);
    expect(await counts()).toMatchObject({ hit: 1, miss: 1 });
  });

  test('takes answers by key, and numbers of what was dropped', async () => {
    const { registry, counts } = bench();
    const cache = instrumentCache(
      {
        get: () => undefined,
        set: () => true,
        mget: (keys: readonly string[]) => Object.fromEntries(keys.slice(1).map((key) => [key, null])),
        mset: (_entries: readonly object[]) => true,
        del: (keys: readonly string[]) => keys.length - 1,
        flushAll: () => {},
      },
      { registry },
    );
    cache.mget(['a', 'b', 'c']);
    cache.mset([{ key: 'a' }, { key: 'b' }]);
    cache.del(['a', 'b', 'c', 'd']);
    cache.flushAll();
    expect(await counts()).toMatchObject({ hit: 2, miss: 1, sets: 2, delete: 3, clear: 1 });
    expect((await Numbers.of(registry)).labelValues('cache_operation_duration_seconds', 'operation')).toEqual([
      'clear',
      'delete_many',
      'get_many',
      'set_many',
    ]);
  });

  test('keeps what is sync, what is thrown, this and private fields', async () => {
    class Vault {
      readonly #values: Map<string, number> = new Map([['a', 1]]);
      get(key: string): number {
        const value = this.#values.get(key);
        if (value === undefined) throw new TypeError('no such key');
        return value;
      }
      set(key: string, value: number): this {
        this.#values.set(key, value);
        return this;
      }
    }
    const { registry, counts } = bench();
    const vault = new Vault();
    expect(instrumentCache(vault, { registry })).toBe(vault);
    expect(vault.get('a')).toBe(1);
    expect(() => vault.get('b')).toThrow(TypeError);
    expect(vault.set('b', 2)).toBe(vault);
    expect(await counts()).toMatchObject({ hit: 1, miss: 0, errors: 1, sets: 1 });
    expect(Object.keys(vault)).toEqual([]);
  });

  test('what a method does by means of others counts once', async () => {
    const { registry, counts } = bench();
    const entries = new Map<string, number>();
    const cache = instrumentCache(
      {
        get(key: string): number | undefined {
          return this.has(key) ? entries.get(key) : undefined;
        },
        has: (key: string) => entries.has(key),
        delete: (key: string) => entries.delete(key),
        set(key: string, value: number) {
          this.delete(key);
          entries.set(key, value);
        },
      },
      { registry },
    );
    cache.set('a', 1);
    cache.set('a', 2);
    cache.get('a');
    expect(await counts()).toMatchObject({ hit: 1, sets: 2, delete: 0 });
    expect((await Numbers.of(registry)).count('cache_operation_duration_seconds', { operation: 'has' })).toBe(0);
  });

  test('how many entries and bytes there are is what the application says', async () => {
    const { registry } = bench();
    const cache = instrumentCache(new Map([['a', 'abc']]), { registry, sizeBytes: () => 3 });
    expect((await Numbers.of(registry)).value('cache_size_bytes', { cache: 'default' })).toBe(3);
    instrumentCache(new Map([['b', 'x']]), { registry, entries: () => 10 });
    expect((await Numbers.of(registry)).value('cache_entries')).toBe(11);
    uninstrument(cache);
    expect((await Numbers.of(registry)).value('cache_entries')).toBe(10);
    expect((await Numbers.of(registry)).series('cache_size_bytes')).toEqual([]);
  });

  test('keeps no cache alive', async () => {
    setFlagsFromString('--expose-gc');
    const { registry } = bench();
    const make = (): WeakRef<object> => new WeakRef(instrumentCache(new Map(), { registry }));
    const cache = make();
    await new Promise((resolve) => setTimeout(resolve));
    (runInNewContext('gc') as () => void)();
    expect(cache.deref()).toBeUndefined();
    expect((await Numbers.of(registry)).series('cache_entries')).toEqual([]);
  });
});

describe('wrap', () => {
  /** A cache that does its work without its own methods, as closures. */
  function closures(joins: boolean): {
    entries: Map<string, unknown>;
    wrap(key: string, load: () => unknown): unknown;
  } {
    const entries = new Map<string, unknown>();
    const pending = new Map<string, Promise<unknown>>();
    const make = async (key: string, load: () => unknown): Promise<unknown> => {
      await sleep(1);
      if (entries.has(key)) return entries.get(key);
      const value = await load();
      entries.set(key, value);
      return value;
    };
    return {
      entries,
      wrap(key, load) {
        const running = joins ? pending.get(key) : undefined;
        if (running) return running;
        const made = make(key, load).finally(() => pending.delete(key));
        pending.set(key, made);
        return made;
      },
    };
  }

  test.each([{ joins: true }, { joins: false }])('counts callers, joined or not: $joins', async ({ joins }) => {
    const { registry, counts } = bench();
    const cache = instrumentCache({ ...closures(joins), get: () => undefined, set: () => {} }, { registry });
    const load = async (): Promise<number> => sleep(5, 1);
    await Promise.all(Array.from({ length: 4 }, () => cache.wrap('a', load)));
    expect(await counts()).toMatchObject({ hit: 0, miss: 4, sets: joins ? 1 : 4 });
    await Promise.all(Array.from({ length: 3 }, () => cache.wrap('a', load)));
    expect(await counts()).toMatchObject({ hit: 3, miss: 4, errors: 0 });
  });

  test('a value that is renewed in the background is a hit', async () => {
    const { registry, counts } = bench();
    const cache = instrumentCache(
      {
        get: () => undefined,
        set: () => {},
        getOrSet: async (_key: string, load: () => Promise<unknown>) => {
          void load();
          return 'old';
        },
      },
      { registry },
    );
    expect(await cache.getOrSet('a', async () => sleep(5, 'new'))).toBe('old');
    expect(await counts()).toMatchObject({ hit: 1, miss: 0, sets: 0 });
    await sleep(20);
    expect(await counts()).toMatchObject({ hit: 1, miss: 0, sets: 1 });
  });

  test('a cache that fails is an error of what it did', async () => {
    const { registry } = bench();
    let broken = 'get';
    const cache = instrumentCache(
      {
        get: () => undefined,
        set: () => {},
        wrap: async (_key: string, load: () => unknown) => {
          if (broken === 'get') throw new Error('down');
          await load();
          throw new Error('full');
        },
      },
      { registry },
    );
    await expect(cache.wrap('a', () => 1)).rejects.toThrow('down');
    broken = 'set';
    await expect(cache.wrap('a', () => 1)).rejects.toThrow('full');
    const numbers = await Numbers.of(registry);
    expect(numbers.labelValues('cache_errors', 'operation')).toEqual(['get', 'set']);
    expect(countsOf(numbers, 'default')).toMatchObject({ hit: 0, miss: 1, sets: 0, errors: 2 });
  });

  test('what the function asks of the cache itself is counted for itself', async () => {
    const { registry, counts } = bench();
    const cache = instrumentCache(new Shelf(), { registry });
    await cache.set('b', 1);
    expect(await cache.wrap('a', async () => cache.get('b'))).toBe(1);
    expect(await counts()).toMatchObject({ hit: 1, miss: 1, sets: 2 });
  });
});
