import type { CacheCalls, CacheMethod, CallObserver } from './calls.ts';
import { CacheLoad, type LoadsUnderWay } from './loads.ts';
import type { CacheOperation, CacheSeries } from './recorder.ts';
import type { StoreWatch } from './stores.ts';

/** Returns true if a result means that the cache had no such key. */
export type MissTest = (result: unknown) => boolean;

/** Builds the observers of the methods that caches have, for one cache. */
export class CacheMethods {
  readonly #series: CacheSeries;
  readonly #calls: CacheCalls;
  readonly #isMiss: MissTest;
  readonly #loads: LoadsUnderWay = new Map();

  readonly #stores: StoreWatch | undefined;

  /**
   * @param isMiss @default what is undefined: a cached null is a hit
   * @param stores For caches that do not tell when what is below them fails.
   */
  constructor(
    series: CacheSeries,
    calls: CacheCalls,
    isMiss: MissTest = (result) => result === undefined,
    stores?: StoreWatch,
  ) {
    this.#series = series;
    this.#calls = calls;
    this.#isMiss = isMiss;
    this.#stores = stores;
  }

  /** A key, or several in an array. */
  get get(): CacheMethod {
    const one = this.#method('get', (_args, result) => this.#series.got(!this.#isMiss(result)));
    return oneOrMany(one, this.getMany);
  }

  /**
   * Keys in an array, or each an argument. The answer has one value for each, or those that there
   * are by key.
   */
  get getMany(): CacheMethod {
    return this.#method('get_many', (args, result) => {
      if (Array.isArray(result)) {
        for (const value of result) this.#series.got(!this.#isMiss(value));
        return;
      }
      const asked = keysIn(args);
      const found = result instanceof Map ? result.size : Object.keys(result ?? {}).length;
      for (let i = 0; i < asked; i++) this.#series.got(i < found);
    });
  }

  /** A call that answers false has not stored its entry. */
  get set(): CacheMethod {
    return this.#method('set', (_args, result) => this.#series.stored(result === false ? 0 : 1));
  }

  /** Entries in an array, a Map or an object. The answer may be one for each of them. */
  get setMany(): CacheMethod {
    return this.#method('set_many', ([entries], result) => {
      const refused = Array.isArray(result) ? result.filter((stored) => stored === false).length : 0;
      this.#series.stored(result === false ? 0 : sizeOf(entries) - refused);
    });
  }

  /**
   * A key, or several in an array. The answer is whether there was such an entry, or how many there
   * were; what says nothing of the kind is believed to have dropped all.
   */
  get delete(): CacheMethod {
    const one = this.#method('delete', (_args, result) => this.#series.invalidated('delete', dropped(result, 1)));
    return oneOrMany(one, this.deleteMany);
  }

  /** As `delete`, for keys in an array, or each an argument. */
  get deleteMany(): CacheMethod {
    return this.#method('delete_many', (args, result) => {
      this.#series.invalidated('delete', dropped(result, keysIn(args)));
    });
  }

  /** Asks if a key exists. It does not count as a get. */
  get has(): CacheMethod {
    return this.#method('has', () => {});
  }

  /** @param entries How many entries there are, for those who know; else a clear counts one. */
  clear(entries: () => number | undefined = () => undefined): CacheMethod {
    return {
      composite: false,
      begin: () => {
        const before = entries() ?? 1;
        return this.#observer('clear', [], (result) =>
          this.#series.invalidated('clear', result === false ? 0 : dropped(result, before)),
        );
      },
    };
  }

  /**
   * A key, and a function that makes the value where the cache has none: a get, and a set after a
   * miss.
   *
   * @param returnsLoaded After a miss the answer is what was made, not a copy: so that whoever gets
   *   something else was served by the cache.
   */
  load(returnsLoaded: boolean = false): CacheMethod {
    return {
      composite: true,
      begin: (args) => new CacheLoad(this.#series, this.#calls, this.#loads, args, returnsLoaded, this.#stores),
    };
  }

  #method(operation: CacheOperation, count: (args: readonly unknown[], result: unknown) => void): CacheMethod {
    return {
      composite: operation.endsWith('_many'),
      begin: (args) => this.#observer(operation, args, (result) => count(args, result)),
    };
  }

  #observer(operation: CacheOperation, args: readonly unknown[], count: (result: unknown) => void): CallObserver {
    const below = this.#stores?.begin(keysOf(args));
    const failed = (seconds: number): void => {
      this.#series.took(operation, seconds);
      this.#series.failed(operation);
    };
    return {
      ended: (result, seconds) => {
        if (below) below.missing = missingFrom(operation, below.keys, result);
        if (below?.failed) return failed(seconds);
        this.#series.took(operation, seconds);
        count(result);
      },
      failed: (_error, seconds) => failed(seconds),
      done: () => below && this.#stores?.end(below),
    };
  }
}

function oneOrMany(one: CacheMethod, many: CacheMethod): CacheMethod {
  return {
    composite: one.composite,
    begin: (args) => (Array.isArray(args[0]) ? many : one).begin(args),
  };
}

/** The keys that a read had no value for; none for other operations. */
function missingFrom(operation: CacheOperation, keys: readonly unknown[], result: unknown): Set<unknown> {
  if (operation === 'get') return new Set(result === undefined ? keys : []);
  if (operation !== 'get_many' || !Array.isArray(result)) return new Set();
  return new Set(keys.filter((_key, at) => result[at] === undefined));
}

/** Returns the keys that a store is asked for: a key, keys, or entries with their keys. */
function keysOf([first]: readonly unknown[]): readonly unknown[] {
  const items: readonly unknown[] = Array.isArray(first) ? first : first === undefined ? [] : [first];
  return items.map((item) => (typeof item === 'object' && item !== null ? (item as { key?: unknown }).key : item));
}

function keysIn(args: readonly unknown[]): number {
  return Array.isArray(args[0]) ? args[0].length : args.filter((argument) => typeof argument !== 'object').length;
}

function sizeOf(entries: unknown): number {
  if (Array.isArray(entries)) return entries.length;
  if (entries instanceof Map) return entries.size;
  return typeof entries === 'object' && entries !== null ? Object.keys(entries).length : 0;
}

function dropped(result: unknown, asked: number): number {
  if (typeof result === 'number') return result;
  if (Array.isArray(result)) return result.filter(Boolean).length;
  return result === false ? 0 : asked;
}
