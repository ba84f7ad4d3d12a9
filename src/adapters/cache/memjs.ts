import { attach, type InstrumentOptions, uninstrument } from '../../instrument/hooks/attach.ts';
import { CacheRecorder, type CacheOperation, type CacheSeries } from '../../instrument/cache/recorder.ts';
import { guarded } from '../../instrument/hooks/guard.ts';
import { wrapMethod } from '../../instrument/hooks/wrap.ts';

export { type InstrumentOptions, uninstrument };

/** The part of a memjs `Client` that is used: every request for a key passes through `perform`. */
export interface MemjsLike {
  perform: unknown;
  flush: unknown;
}

/** How a client is measured. */
export interface InstrumentMemjsOptions extends InstrumentOptions {
  /** The label `cache`: which of the application's caches it is. @default 'default' */
  readonly cache?: string | undefined;
}

interface Response {
  readonly header: { readonly status: number };
}

type Callback = (error: unknown, response: Response | null) => void;
type Perform = (
  this: unknown,
  key: unknown,
  request: Uint8Array,
  sequence: unknown,
  callback: Callback | undefined,
  retries?: unknown,
) => unknown;
type Flush = (this: unknown, callback?: (error: unknown, results: unknown) => void) => unknown;

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
 * @returns the client. Twice is once; `uninstrument(client)` undoes it.
 * @throws MetricsError ERR_METRICS_DUPLICATE_NAME where the registry has a family of one of the
 *   names.
 *
 * @example
 * const memcached = instrumentMemjs(memjs.Client.create('127.0.0.1:11211'), { cache: 'pages' });
 */
export function instrumentMemjs<T extends MemjsLike>(client: T, options: InstrumentMemjsOptions = {}): T {
  return attach(client, 'memjs', options, (instrumentation) => {
    const series = CacheRecorder.of(instrumentation).cache(options.cache ?? 'default', 'memcached');
    const restorePerform = wrapMethod(client, 'perform', (original: Perform): Perform => {
      return function (this: unknown, key, request, sequence, callback, ...retries) {
        const operation = OPERATIONS.get(request[1]!);
        // With `retries` it calls itself again, with the callback that it has got.
        const observed =
          operation === undefined || retries.length > 0 ? callback : observe(series, operation, callback);
        return original.call(this, key, request, sequence, observed, ...retries);
      };
    });
    const restoreFlush = wrapMethod(client, 'flush', (original: Flush): Flush => {
      return function (this: unknown, callback) {
        // Without a callback it calls itself again, with one.
        return original.call(this, callback && observeFlush(series, callback));
      };
    });
    return () => {
      restorePerform();
      restoreFlush();
    };
  });
}

function observe(series: CacheSeries, operation: CacheOperation, callback: Callback | undefined): Callback {
  const start = performance.now();
  const settled = guarded((error: unknown, response: Response | null) => {
    series.took(operation, (performance.now() - start) / 1000);
    const status = response?.header.status;
    if (error || (status !== OK && status !== NOT_FOUND && status !== EXISTS)) series.failed(operation);
    else if (operation === 'get') series.got(status === OK);
    else if (operation === 'set') series.stored(status === OK ? 1 : 0);
    else series.invalidated('delete', status === OK ? 1 : 0);
  });
  return (error, response) => {
    settled(error, response);
    callback?.(error, response);
  };
}

function observeFlush(series: CacheSeries, callback: NonNullable<Parameters<Flush>[0]>): typeof callback {
  const start = performance.now();
  const settled = guarded((error: unknown) => {
    series.took('clear', (performance.now() - start) / 1000);
    if (error) series.failed('clear');
    else series.invalidated('clear', 1);
  });
  return (error, results) => {
    settled(error);
    callback(error, results);
  };
}
