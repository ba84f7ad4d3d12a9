import { Counter } from '../../core/counter.ts';
import { Gauge } from '../../core/gauge.ts';
import { Histogram } from '../../core/histogram.ts';
import type { Registry } from '../../core/registry.ts';

/**
 * Upper bounds for cache operations, in seconds: the finest 100 µs, as a cache in the same rack
 * answers in less than a millisecond.
 */
export const CACHE_BUCKETS: readonly number[] = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5,
];

/** Where the families of a registry are defined. */
export interface CacheFamilyOptions {
  readonly registry: Registry;
  /** Prefix of every family, without the underscore that follows it. @default '' */
  readonly namespace?: string | undefined;
  /** Called before a scrape is read, to bring the entries and sizes up to date. */
  readonly collect?: (() => void) | undefined;
}

/** The families of CATALOGUE's section on caches. */
export interface CacheFamilies {
  readonly gets: Counter<'cache' | 'backend' | 'result'>;
  readonly sets: Counter<'cache' | 'backend'>;
  readonly invalidations: Counter<'cache' | 'backend' | 'reason'>;
  readonly errors: Counter<'cache' | 'backend' | 'operation'>;
  readonly duration: Histogram<'cache' | 'backend' | 'operation'>;
  readonly entries: Gauge<'cache' | 'backend'>;
  readonly size: Gauge<'cache' | 'backend'>;
}

/**
 * Defines all of them.
 * @throws MetricsError ERR_METRICS_DUPLICATE_NAME where the registry has one already.
 */
export function defineCacheFamilies({ registry, namespace = '', collect }: CacheFamilyOptions): CacheFamilies {
  const prefix = namespace === '' ? 'cache_' : `${namespace}_cache_`;
  const common = <L extends string>(name: string, help: string, ...more: readonly L[]) => ({
    name: prefix + name,
    help,
    labelNames: ['cache', 'backend', ...more] as const,
    registry,
  });
  return {
    gets: new Counter(common('gets', 'Keys that were asked for, by whether the cache had them.', 'result')),
    sets: new Counter(common('sets', 'Entries that were stored.')),
    invalidations: new Counter(common('invalidations', 'Entries that were dropped, by reason.', 'reason')),
    errors: new Counter(common('errors', 'Operations that failed.', 'operation')),
    duration: new Histogram({
      ...common('operation_duration_seconds', 'Time that an operation took, failed ones included.', 'operation'),
      unit: 'seconds',
      buckets: CACHE_BUCKETS,
    }),
    entries: new Gauge({ ...common('entries', 'Entries that the cache holds.'), ...(collect && { collect }) }),
    size: new Gauge({ ...common('size_bytes', 'Size of what the cache holds.'), unit: 'bytes' }),
  };
}
