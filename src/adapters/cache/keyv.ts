import { attach, type InstrumentOptions, uninstrument } from '../../instrument/hooks/attach.ts';
import { CacheCalls, type CacheMethod } from '../../instrument/cache/calls.ts';
import { CacheMethods } from '../../instrument/cache/methods.ts';
import { type CacheContent, CacheRecorder, type CacheSeries } from '../../instrument/cache/recorder.ts';
import { backendOf, entriesIn, type KeyvLike, StoreWatch } from '../../instrument/cache/stores.ts';

export { type InstrumentOptions, type KeyvLike, uninstrument };

/** How a cache is measured. */
export interface InstrumentKeyvOptions extends InstrumentOptions {
  /** The label `cache`: which of the application's caches it is. @default 'default' */
  readonly cache?: string | undefined;
  /** The label `backend`. @default what the store's adapter says it is, `memory` for a Map */
  readonly backend?: string | undefined;
}

/**
 * Measures one Keyv, 5 or 6. A store that fails is an error, although Keyv answers as if the key
 * were not there. Methods are wrapped on this object and on its store.
 *
 * @returns the Keyv. Twice is once; `uninstrument(keyv)` undoes it.
 * @throws MetricsError ERR_METRICS_DUPLICATE_NAME where the registry has a family of one of the
 *   names.
 *
 * @example
 * const sessions = instrumentKeyv(new Keyv(), { cache: 'sessions' });
 */
export function instrumentKeyv<T extends KeyvLike>(keyv: T, options: InstrumentKeyvOptions = {}): T {
  return attach(keyv, 'keyv', options, (instrumentation) => {
    const { cache = 'default', backend = backendOf(keyv) } = options;
    const series = CacheRecorder.of(instrumentation).cache(cache, backend);
    const calls = new CacheCalls();
    const watch = new StoreWatch([keyv]);
    const methods = new CacheMethods(series, calls, undefined, watch);
    const restore = [
      calls.observe(keyv, 'get', methods.get),
      calls.observe(keyv, 'getMany', methods.getMany),
      calls.observe(keyv, 'getRaw', methods.get),
      calls.observe(keyv, 'getManyRaw', methods.getMany),
      calls.observe(keyv, 'set', methods.set),
      calls.observe(keyv, 'setMany', methods.setMany),
      calls.observe(keyv, 'setRaw', methods.set),
      calls.observe(keyv, 'setManyRaw', methods.setMany),
      calls.observe(keyv, 'delete', orExpiry(methods.delete, series, watch)),
      calls.observe(keyv, 'deleteMany', orExpiry(methods.deleteMany, series, watch)),
      calls.observe(keyv, 'has', methods.has),
      calls.observe(keyv, 'hasMany', methods.has),
      calls.observe(
        keyv,
        'clear',
        methods.clear(() => entriesIn(keyv)),
      ),
      series.holds(keyv, contentOf),
      () => watch.stop(),
    ];
    return () => {
      for (const one of restore) one();
    };
  });
}

/** Keyv deletes what a get finds expired, by the method that the application has too. */
function orExpiry(method: CacheMethod, series: CacheSeries, watch: StoreWatch): CacheMethod {
  return {
    composite: method.composite,
    begin(args) {
      const keys: readonly unknown[] = Array.isArray(args[0]) ? args[0] : [args[0]];
      if (!keys.some((key) => watch.hasFound(key))) return method.begin(args);
      const expired = (result: unknown): number => {
        if (Array.isArray(result)) return result.filter(Boolean).length;
        return result === false ? 0 : keys.length;
      };
      return { ended: (result) => series.invalidated('expire', expired(result)), failed: () => {} };
    },
  };
}

function contentOf(keyv: KeyvLike): CacheContent {
  return { entries: entriesIn(keyv) };
}
