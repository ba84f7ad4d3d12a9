import { attach, type InstrumentOptions, uninstrument } from '../../instrument/hooks/attach.ts';
import { Disposers } from '../../instrument/hooks/disposers.ts';
import { CacheCalls, type CacheMethod } from '../../instrument/cache/calls.ts';
import { CacheMethods, type MissTest } from '../../instrument/cache/methods.ts';
import { type CacheContent, CacheRecorder } from '../../instrument/cache/recorder.ts';

export { type InstrumentOptions, uninstrument };

/** A synchronous or asynchronous cache. */
export interface CacheLike {
  get(key: never): unknown;
  set(key: never, value: never): unknown;
}

/** Options for measuring a cache. */
export interface InstrumentCacheOptions extends InstrumentOptions {
  /** The label `cache`: which of the application's caches it is. @default 'default' */
  readonly cache?: string | undefined;
  /** The label `backend`: what keeps the entries. @default 'memory' */
  readonly backend?: string | undefined;
  /**
   * Returns true if a result of `get` means that there was no such key.
   *
   * @default what is undefined; null, 0, '' and false are hits
   */
  readonly isMiss?: MissTest | undefined;
  /**
   * How many entries there are, asked whenever the page is read.
   * @default the cache's `size`, where that is a number
   */
  readonly entries?: ((cache: CacheLike) => number | undefined) | undefined;
  /** How many bytes they take, asked whenever the page is read. @default unknown */
  readonly sizeBytes?: ((cache: CacheLike) => number | undefined) | undefined;
}

/** By the names that methods have in the various caches: how each is observed. */
const NAMES: Readonly<Record<string, (methods: CacheMethods, entries: () => number | undefined) => CacheMethod>> = {
  get: (methods) => methods.get,
  getMany: (methods) => methods.getMany,
  mget: (methods) => methods.getMany,
  set: (methods) => methods.set,
  setMany: (methods) => methods.setMany,
  mset: (methods) => methods.setMany,
  delete: (methods) => methods.delete,
  del: (methods) => methods.delete,
  deleteMany: (methods) => methods.deleteMany,
  mdel: (methods) => methods.deleteMany,
  has: (methods) => methods.has,
  clear: (methods, entries) => methods.clear(entries),
  reset: (methods, entries) => methods.clear(entries),
  flush: (methods, entries) => methods.clear(entries),
  flushAll: (methods, entries) => methods.clear(entries),
  wrap: (methods) => methods.load(),
  getOrSet: (methods) => methods.load(),
};

/**
 * Measures anything that has `get` and `set`: also `delete` (`del`), `has`, `clear`, `getMany`
 * (`mget`), `setMany` (`mset`), `deleteMany` (`mdel`) and `wrap` (`getOrSet`), where it has them.
 * Methods are wrapped on this object alone; their results, errors and promises are what they were.
 *
 * @returns the cache. A second call is a no-op; `uninstrument(cache)` undoes it.
 * @throws MetricsError ERR_METRICS_DUPLICATE_NAME if the registry has another family of a name.
 *
 * @example
 * const pages = instrumentCache(new Map<string, string>(), { cache: 'pages' });
 */
export function instrumentCache<T extends CacheLike>(cache: T, options: InstrumentCacheOptions = {}): T {
  const { cache: label = 'default', backend = 'memory', isMiss, entries = sizeOf } = options;
  return attach(cache, 'cache', options, (instrumentation) => {
    const series = CacheRecorder.of(instrumentation).cache(label, backend);
    const calls = new CacheCalls();
    const methods = new CacheMethods(series, calls, isMiss);
    const hooks = new Disposers();
    for (const [name, make] of Object.entries(NAMES)) {
      const method = make(methods, () => entries(cache));
      hooks.add(calls.observe(cache, name, method));
    }
    hooks.add(series.holds(cache, contentReader(options)));
    return hooks.dispose;
  });
}

/** A function of its own, so that no closure over the cache keeps it alive. */
function contentReader({ entries = sizeOf, sizeBytes }: InstrumentCacheOptions): (cache: CacheLike) => CacheContent {
  return (cache) => ({ entries: entries(cache), size: sizeBytes?.(cache) });
}

function sizeOf(cache: object): number | undefined {
  const { size } = cache as { readonly size?: unknown };
  return typeof size === 'number' ? size : undefined;
}
