import { constants, PerformanceObserver, type PerformanceEntry } from 'node:perf_hooks';
import type { RuntimeFamilies } from './runtime-families.ts';

const BUCKETS: readonly number[] = [0.001, 0.01, 0.1, 1, 2, 5];

/** V8's minor mark-sweep (`--minor-ms`), for which Node has no constant. */
const MINOR_MARK_SWEEP = 2;

const KINDS: ReadonlyMap<number, string> = new Map([
  [MINOR_MARK_SWEEP, 'minor'],
  [constants.NODE_PERFORMANCE_GC_MINOR, 'minor'],
  [constants.NODE_PERFORMANCE_GC_MAJOR, 'major'],
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL, 'incremental'],
  [constants.NODE_PERFORMANCE_GC_WEAKCB, 'weakcb'],
]);

/** A performance entry of type `gc`. */
interface GcEntry extends PerformanceEntry {
  readonly detail?: { readonly kind?: number };
}

/**
 * Measures garbage collection pauses of this thread by kind. Each kind is on the page from the
 * start, so that its first pause is an increase. Node reports a pause in the next turn of the event
 * loop.
 */
export function collectGarbageCollection(families: RuntimeFamilies): () => () => void {
  const pauses = families.histogram(
    {
      name: 'nodejs_gc_duration_seconds',
      help: 'Pauses for garbage collection: minor, major, incremental or weakcb.',
      unit: 'seconds',
      labelNames: ['kind'],
    },
    BUCKETS,
  );
  const byKind = new Map(
    [...KINDS].map(([kind, name]) => [kind, pauses.labels(families.labels({ kind: name }))] as const),
  );

  return () => {
    const observer = new PerformanceObserver((list) => {
      const entries: readonly GcEntry[] = list.getEntries();
      for (const { detail, duration } of entries) byKind.get(detail?.kind ?? 0)?.observe(duration / 1000);
    });
    observer.observe({ entryTypes: ['gc'] });
    return () => observer.disconnect();
  };
}
