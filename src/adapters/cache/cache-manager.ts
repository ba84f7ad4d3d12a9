import { attach, type InstrumentOptions, uninstrument } from '../../instrument/hooks/attach.ts';
import { Disposers } from '../../instrument/hooks/disposers.ts';
import { CacheCalls } from '../../instrument/cache/calls.ts';
import { CacheMethods } from '../../instrument/cache/methods.ts';
import { type CacheContent, CacheRecorder } from '../../instrument/cache/recorder.ts';
import { backendOf, entriesIn, type LayeredCache, StoreWatch } from '../../instrument/cache/stores.ts';

export { type InstrumentOptions, uninstrument };

/** The part of what `createCache` returns that is used. */
export interface CacheManagerLike {
  readonly stores: readonly LayeredCache[];
  get: unknown;
  wrap: unknown;
}

/** Options for measuring a cache. */
export interface InstrumentCacheManagerOptions extends InstrumentOptions {
  /** The label `cache`: which of the application's caches it is. @default 'default' */
  readonly cache?: string | undefined;
  /** The label `backend`. @default the kind of its store, or `tiered` where it has several */
  readonly backend?: string | undefined;
}

/**
 * Measures one cache of cache-manager 7: also `wrap`, which tells no miss, and several stores as
 * the one cache that they are. Its methods are wrapped on this object.
 *
 * @returns the cache. A second call is a no-op; `uninstrument(cache)` undoes it.
 * @throws MetricsError ERR_METRICS_DUPLICATE_NAME if the registry has another family of a name.
 *
 * @example
 * const cache = instrumentCacheManager(createCache({ stores: [new Keyv()] }), { cache: 'pages' });
 */
export function instrumentCacheManager<T extends CacheManagerLike>(
  cache: T,
  options: InstrumentCacheManagerOptions = {},
): T {
  return attach(cache, 'cache-manager', options, (instrumentation) => {
    const { stores } = cache;
    const backend = options.backend ?? (stores.length === 1 ? backendOf(stores[0]!, 'keyv') : 'tiered');
    const series = CacheRecorder.of(instrumentation).cache(options.cache ?? 'default', backend);
    const calls = new CacheCalls();
    const watch = new StoreWatch(stores);
    const methods = new CacheMethods(series, calls, undefined, watch);
    const hooks = new Disposers();
    hooks.add(
      calls.observe(cache, 'get', methods.get),
      calls.observe(cache, 'mget', methods.getMany),
      calls.observe(cache, 'set', methods.set),
      calls.observe(cache, 'mset', methods.setMany),
      calls.observe(cache, 'del', methods.delete),
      calls.observe(cache, 'mdel', methods.deleteMany),
      calls.observe(
        cache,
        'clear',
        methods.clear(() => contentOf(cache).entries),
      ),
      calls.observe(cache, 'wrap', methods.load(true)),
      series.holds(cache, contentOf),
      () => watch.stop(),
    );
    return hooks.dispose;
  });
}

/** Only one store in memory knows the number of entries: several stores hold the same entries. */
function contentOf({ stores }: CacheManagerLike): CacheContent {
  return { entries: stores.length === 1 ? entriesIn(stores[0]!) : undefined };
}
