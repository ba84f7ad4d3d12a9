import type { AnyMetric } from '../core/any-metric.ts';
import { Registry } from '../core/registry.ts';

/**
 * Where metrics count that are on no page: those of registries of one's own, and those in none. On
 * the heap.
 */
const store: Registry['store'] = new Registry().store;

const collected: FinalizationRegistry<AnyMetric['series']['family']> = new FinalizationRegistry((family) =>
  store.undefine(family),
);

/** A registry that is on no page, and that what it counts is gone with. */
export function createAside(): Registry {
  return new Registry({ openStore: () => store });
}

/** Gives a metric's cells back once nobody holds it any more. */
export function forgetWhenCollected(metric: AnyMetric): void {
  collected.register(metric, metric.series.family);
}
