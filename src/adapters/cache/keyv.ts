import { attach, type InstrumentOptions, uninstrument } from '../../instrument/hooks/attach.ts';
import { guarded } from '../../instrument/hooks/guard.ts';
import { Disposers } from '../../instrument/hooks/disposers.ts';
import { CacheCalls, type CacheMethod } from '../../instrument/cache/calls.ts';
import { CacheMethods } from '../../instrument/cache/methods.ts';
import { type CacheContent, CacheRecorder, type CacheSeries } from '../../instrument/cache/recorder.ts';
import { backendOf, entriesIn, type LayeredCache, type StoreCall, StoreWatch } from '../../instrument/cache/stores.ts';

export { type InstrumentOptions, uninstrument };

/** The part of a Keyv that is used, 5 or 6. */
export type KeyvLike = LayeredCache;

/** Options for measuring a cache. */
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
 * @returns the Keyv. A second call is a no-op; `uninstrument(keyv)` undoes it.
 * @throws MetricsError ERR_METRICS_DUPLICATE_NAME if the registry has another family of a name.
 *
 * @example
 * const sessions = instrumentKeyv(new Keyv(), { cache: 'sessions' });
 */
export function instrumentKeyv<T extends KeyvLike>(keyv: T, options: InstrumentKeyvOptions = {}): T {
  return attach(keyv, 'keyv', options, (instrumentation) => {
    const { cache = 'default', backend = backendOf(keyv, 'keyv') } = options;
    const series = CacheRecorder.of(instrumentation).cache(cache, backend);
    const calls = new CacheCalls();
    const watch = new StoreWatch([keyv]);
    const methods = new CacheMethods(series, calls, undefined, watch);
    const hooks = new Disposers();
    hooks.add(
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
    );
    return hooks.dispose;
  });
}

/**
 * Counts a delete, or an expiry: Keyv deletes an entry that a read finds expired by the method that
 * the application uses too. Which of the two it was is known when the reads beside it have ended:
 * reads that found something in the store and return nothing had an expired entry.
 */
function orExpiry(method: CacheMethod, series: CacheSeries, watch: StoreWatch): CacheMethod {
  return {
    composite: method.composite,
    begin(args) {
      const keys: readonly unknown[] = Array.isArray(args[0]) ? args[0] : [args[0]];
      const reads = watch.thatFound(keys);
      const call = method.begin(args);
      if (reads.length === 0) return call;
      const whenTold = (expired: () => void, deleted: () => void): void =>
        afterAll(reads, () => (watch.expired(keys, reads) ? expired() : deleted()));
      return {
        ended: (result, seconds) =>
          whenTold(
            () => series.invalidated('expire', droppedBy(result, keys.length)),
            () => call.ended(result, seconds),
          ),
        failed: (error, seconds) =>
          whenTold(
            () => {},
            () => call.failed(error, seconds),
          ),
        done: () => call.done?.(),
      };
    },
  };
}

function droppedBy(result: unknown, keys: number): number {
  if (Array.isArray(result)) return result.filter(Boolean).length;
  return result === false ? 0 : keys;
}

/** Calls `go` once all reads have ended. */
function afterAll(reads: readonly StoreCall[], go: () => void): void {
  const open = new Set(reads.filter((read) => !read.ended));
  if (open.size === 0) return go();
  const ended = guarded((read: StoreCall) => {
    if (open.delete(read) && open.size === 0) go();
  });
  for (const read of open) (read.waiting ??= []).push(() => ended(read));
}

function contentOf(keyv: KeyvLike): CacheContent {
  return { entries: entriesIn(keyv) };
}
