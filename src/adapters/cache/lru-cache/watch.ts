import type { CacheOperation, CacheSeries } from '../../../instrument/cache/recorder.ts';
import { hookFailed } from '../../../instrument/hooks/guard.ts';
import type { Method } from '../../../instrument/hooks/method.ts';
import { wrapMethod } from '../../../instrument/hooks/wrap.ts';

/** The part of `LRUCache` that is used. */
export interface LruCacheLike {
  readonly size: number;
  readonly max: number;
  readonly maxSize: number;
  readonly calculatedSize: number;
  readonly ttlAutopurge: boolean;
  readonly fetchMethod?: unknown;
  get(key: never, options?: never): unknown;
  set(key: never, value: never, options?: never): unknown;
  delete(key: never): boolean;
  peek(key: never, options?: never): unknown;
  getRemainingTTL(key: never): number;
}

/** What the library writes into the object that is its `options.status`. */
interface Status {
  set?: 'add' | 'replace' | 'update' | 'miss' | 'deleted' | undefined;
  get?: 'hit' | 'miss' | 'stale' | undefined;
  fetch?: 'get' | 'hit' | 'inflight' | 'miss' | 'refresh' | 'stale';
  returnedStale?: boolean;
}

/** The status that `fetch` is given: the library notes in it when a fetched value is stored. */
class FetchStatus implements Status {
  declare readonly get?: Status['get'];
  readonly #series: CacheSeries;

  constructor(series: CacheSeries) {
    this.#series = series;
  }

  set fetchUpdated(_updated: true) {
    this.#series.stored(1);
  }
}

/** How a method is counted: from its arguments and result, and the number of entries before it. */
interface Reading {
  readonly operation: CacheOperation;
  /** May put our status into the options. */
  begin?(args: unknown[]): void;
  end(args: readonly unknown[], result: unknown, before: number): void;
}

/** Watches the methods of one cache. */
export class LruWatch {
  readonly #cache: LruCacheLike;
  readonly #series: CacheSeries;
  /**
   * True while a method runs that counts. Methods that it calls do not: versions differ in which
   * they call. A flag and not `Within`, whose closure would cost more than the read itself.
   */
  #busy: boolean = false;
  /** How many entries there were after the last method. */
  #known: number;

  constructor(cache: LruCacheLike, series: CacheSeries) {
    this.#cache = cache;
    this.#series = series;
    this.#known = cache.size;
  }

  /** Returns functions that take the watch off. */
  start(): readonly (() => void)[] {
    return Object.entries(this.#readings()).map(([name, reading]) => this.#watch(name, reading));
  }

  /**
   * Counts the entries that the timers of `ttlAutopurge` have dropped since the last method.
   * Nothing else reports them.
   */
  catchUp(): void {
    const { size, ttlAutopurge, fetchMethod } = this.#cache;
    if (ttlAutopurge && fetchMethod === undefined) this.#series.invalidated('expire', this.#known - size);
    this.#known = size;
  }

  #watch(name: string, reading: Reading): () => void {
    return wrapMethod(this.#cache, name, (original) => {
      const run = (self: unknown, args: unknown[]): unknown => this.#run(self, original, args, reading);
      return function (this: unknown, ...args) {
        return run(this, args);
      };
    });
  }

  #run(self: unknown, original: Method, args: unknown[], reading: Reading): unknown {
    if (this.#busy || isOfFetch(args[2])) return Reflect.apply(original, self, args);
    this.catchUp();
    const before = this.#known;
    reading.begin?.(args);
    this.#busy = true;
    const start = performance.now();
    let result: unknown;
    let failed = true;
    try {
      result = Reflect.apply(original, self, args);
      failed = false;
      return result;
    } finally {
      this.#busy = false;
      try {
        this.#series.took(reading.operation, (performance.now() - start) / 1000);
        if (failed) this.#series.failed(reading.operation);
        else reading.end(args, result, before);
        this.#known = this.#cache.size;
      } catch (error) {
        hookFailed(error);
      }
    }
  }

  #readings(): Readonly<Record<string, Reading>> {
    const [cache, series] = [this.#cache, this.#series];
    let memoised: Presence = 'absent';
    let deleted: Presence = 'absent';
    const fetch: Reading = {
      operation: 'get',
      begin: (args) => void (args[1] = withStatus(args[1], new FetchStatus(series))),
      end(args, _result, before) {
        const { fetch: how, get, returnedStale = false } = statusIn(args[1]);
        series.got(returnedStale || how === 'hit' || (how === 'get' && get === 'hit'));
        if (how === 'get') series.invalidated('expire', before - cache.size);
        // A value that is being fetched has its place from the beginning.
        if (how === 'miss') series.invalidated('evict', before + 1 - cache.size);
      },
    };
    return {
      get: {
        operation: 'get',
        end(_args, result, before) {
          series.got(result !== undefined);
          series.invalidated('expire', before - cache.size);
        },
      },
      set: {
        operation: 'set',
        begin: (args) => void (args[2] = withStatus(args[2], {})),
        end(args, _result, before) {
          const { set } = statusIn(args[2]);
          if (args[1] === undefined) return series.invalidated('delete', before - cache.size);
          if (set !== 'miss') series.stored(1);
          const full = cache.maxSize > 0 || before >= cache.max;
          series.invalidated('evict', before + (set === 'add' && full ? 1 : 0) - cache.size);
        },
      },
      delete: {
        operation: 'delete',
        begin: (args) => void (deleted = presenceOf(cache, args[0])),
        end(_args, result) {
          if (result !== true || deleted === 'absent') return;
          // Before version 11 its timers call this method.
          series.invalidated(deleted === 'stale' && cache.ttlAutopurge ? 'expire' : 'delete', 1);
        },
      },
      has: { operation: 'has', end() {} },
      clear: { operation: 'clear', end: (_args, _result, before) => series.invalidated('clear', before) },
      pop: { operation: 'delete', end: (_args, _result, before) => series.invalidated('evict', before - cache.size) },
      purgeStale: {
        operation: 'delete',
        end: (_args, _result, before) => series.invalidated('expire', before - cache.size),
      },
      load: { operation: 'set_many', end() {} },
      fetch,
      // A fetch that rejects if it gets nothing. Versions differ in whether it calls `fetch`.
      forceFetch: fetch,
      memo: {
        operation: 'get',
        begin: (args) => void (memoised = presenceOf(cache, args[0])),
        end(args, _result, before) {
          const forced = (args[1] as { forceRefresh?: boolean } | undefined)?.forceRefresh === true;
          const hit = memoised === 'fresh' && !forced;
          series.got(hit);
          if (hit) return;
          series.stored(1);
          series.invalidated('expire', memoised === 'stale' && !forced ? 1 : 0);
          series.invalidated('evict', before + (memoised === 'absent' ? 1 : 0) - cache.size);
        },
      },
    };
  }
}

type Presence = 'fresh' | 'stale' | 'absent';

/** Returns if a key is in the cache. A key that is still being fetched is absent. */
function presenceOf(cache: LruCacheLike, key: unknown): Presence {
  if (cache.peek(key as never, { allowStale: true } as never) === undefined) return 'absent';
  return cache.getRemainingTTL(key as never) > 0 ? 'fresh' : 'stale';
}

function statusIn(options: unknown): Status {
  return (options as { readonly status: Status }).status;
}

/** The options with our status, or with the caller's own, which has to be filled. */
function withStatus(options: unknown, status: Status): object {
  const { status: own } = (options ?? {}) as { readonly status?: Status };
  return own === undefined ? { ...(options as object), status } : (options as object);
}

/** True if `fetch` makes the set, once it has a value. */
function isOfFetch(options: unknown): boolean {
  return (options as { readonly status?: unknown } | undefined)?.status instanceof FetchStatus;
}
