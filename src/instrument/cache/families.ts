import type { Counter } from '../../core/counter.ts';
import type { Gauge } from '../../core/gauge.ts';
import type { Histogram } from '../../core/histogram.ts';
import { FamilyGroup, type FamilyPlace } from '../recorder-kit/family-group.ts';

/**
 * Upper bounds for cache operations, in seconds: the finest 100 µs, as a cache in the same rack
 * answers in less than a millisecond.
 */
export const CACHE_BUCKETS: readonly number[] = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5,
];

/** Where the families of caches are defined, and how their gauges are brought up to date. */
export interface CacheFamilyOptions extends FamilyPlace {
  /** Called before a scrape is read, to bring the entries and sizes up to date. */
  readonly collect?: (() => void) | undefined;
}

/** The families of caches. */
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
 * Defines the families of caches.
 *
 * @throws MetricsError ERR_METRICS_DUPLICATE_NAME if the registry has another family of a name.
 */
export function defineCacheFamilies({ collect, ...place }: CacheFamilyOptions): CacheFamilies {
  const group = new FamilyGroup(place, 'cache');
  const labels = ['cache', 'backend'] as const;
  return {
    gets: group.counter('gets', 'Keys that were asked for, by whether the cache had them.', [...labels, 'result']),
    sets: group.counter('sets', 'Entries that were stored.', labels),
    invalidations: group.counter('invalidations', 'Entries that were dropped, by reason.', [...labels, 'reason']),
    errors: group.counter('errors', 'Operations that failed.', [...labels, 'operation']),
    duration: group.histogram(
      'operation_duration_seconds',
      'Time that an operation took, failed ones included.',
      [...labels, 'operation'],
      { unit: 'seconds', buckets: CACHE_BUCKETS },
    ),
    entries: group.gauge('entries', 'Entries that the cache holds.', labels, collect && { collect }),
    size: group.gauge('size_bytes', 'Size of what the cache holds.', labels, { unit: 'bytes' }),
  };
}
