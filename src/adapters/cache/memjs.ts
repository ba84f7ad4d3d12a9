import { attach, type InstrumentOptions, uninstrument } from '../../instrument/hooks/attach.ts';
import { CacheRecorder, type CacheOperation, type CacheSeries } from '../../instrument/cache/recorder.ts';
import { Disposers } from '../../instrument/hooks/disposers.ts';
import { type End, observeMethod } from '../../instrument/hooks/observe.ts';

export { type InstrumentOptions, uninstrument };

/** The part of a memjs `Client` that is used: every request for a key passes through `perform`. */
export interface MemjsLike {
  perform: unknown;
  flush: unknown;
}

/** Options for measuring a client. */
export interface InstrumentMemjsOptions extends InstrumentOptions {
  /** The label `cache`: which of the application's caches it is. @default 'default' */
  readonly cache?: string | undefined;
}

interface Response {
  readonly header: { readonly status: number };
}

/** By the opcode of a request; see https://docs.memcached.org/protocols/binary/ */
const OPERATIONS: ReadonlyMap<number, CacheOperation> = new Map([
  [0x00, 'get'],
  [0x01, 'set'],
  [0x02, 'set'],
  [0x03, 'set'],
  [0x04, 'delete'],
]);

const OK = 0;
const NOT_FOUND = 1;
const EXISTS = 2;

/**
 * Measures the cache operations of one memjs client, 1.3.0 or later: get, set, add, replace, delete
 * and flush, with promises or callbacks.
 *
 * @returns the client. A second call is a no-op; `uninstrument(client)` undoes it.
 * @throws MetricsError ERR_METRICS_DUPLICATE_NAME if the registry has another family of a name.
 *
 * @example
 * const memcached = instrumentMemjs(memjs.Client.create('127.0.0.1:11211'), { cache: 'pages' });
 */
export function instrumentMemjs<T extends MemjsLike>(client: T, options: InstrumentMemjsOptions = {}): T {
  return attach(client, 'memjs', options, (instrumentation) => {
    const series = CacheRecorder.of(instrumentation).cache(options.cache ?? 'default', 'memcached');
    const hooks = new Disposers();
    hooks.add(
      observeMethod(client, 'perform', ([, request, , callback, ...retries]) => {
        const operation = OPERATIONS.get((request as Uint8Array)[1]!);
        // With `retries` it calls itself again, with the callback that it was given.
        if (operation === undefined || retries.length > 0 || typeof callback !== 'function') return undefined;
        return requested(series, operation);
      }),
      observeMethod(client, 'flush', ([callback]) => {
        // Without a callback it calls itself again, with one.
        return typeof callback === 'function' ? flushed(series) : undefined;
      }),
    );
    return hooks.dispose;
  });
}

function requested(series: CacheSeries, operation: CacheOperation): End {
  const start = performance.now();
  return (error, response) => {
    series.took(operation, (performance.now() - start) / 1000);
    const status = (response as Response | null | undefined)?.header.status;
    if (error || (status !== OK && status !== NOT_FOUND && status !== EXISTS)) series.failed(operation);
    else if (operation === 'get') series.got(status === OK);
    else if (operation === 'set') series.stored(status === OK ? 1 : 0);
    else series.invalidated('delete', status === OK ? 1 : 0);
  };
}

function flushed(series: CacheSeries): End {
  const start = performance.now();
  return (error) => {
    series.took('clear', (performance.now() - start) / 1000);
    if (error) series.failed('clear');
    else series.invalidated('clear', 1);
  };
}
