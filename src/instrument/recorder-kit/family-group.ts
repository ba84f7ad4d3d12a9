import { Counter, type CounterOptions } from '../../core/counter.ts';
import { Gauge, type GaugeOptions } from '../../core/gauge.ts';
import { Histogram, type HistogramOptions } from '../../core/histogram.ts';
import type { Registry } from '../../core/registry.ts';

/** Where a recorder defines its families. An `Instrumentation` is one. */
export interface FamilyPlace {
  readonly registry: Registry;
  /** Prefix of every family, without the underscore that follows it. @default '' */
  readonly namespace?: string | undefined;
}

type Common = 'name' | 'help' | 'labelNames' | 'registry';

/** Prefixes a family's name with the namespace, if there is one: `shop_cache_gets`. */
export function prefixed({ namespace = '' }: Pick<FamilyPlace, 'namespace'>, name: string): string {
  return namespace === '' ? name : `${namespace}_${name}`;
}

/**
 * Defines families whose names share a prefix: the namespace and the group, `shop_db_client_`.
 *
 *     const group = new FamilyGroup(instrumentation, 'cache');
 *     const gets = group.counter('gets', 'Keys that were asked for.', ['cache', 'result']);
 *
 * Each method throws the MetricsError of the metric's constructor: ERR_METRICS_DUPLICATE_NAME if
 * the registry has another family of the name.
 */
export class FamilyGroup {
  readonly #registry: Registry;
  readonly #prefix: string;
  readonly #maxSeries: number | undefined;

  /**
   * @param group The common start of the names, without the underscore that follows it.
   * @param maxSeries How many series each family may have. @default the registry's limit
   */
  constructor(place: FamilyPlace, group: string, maxSeries?: number) {
    this.#registry = place.registry;
    this.#prefix = `${prefixed(place, group)}_`;
    this.#maxSeries = maxSeries;
  }

  counter<L extends string = never>(
    name: string,
    help: string,
    labelNames: readonly L[] = [],
    more: Omit<CounterOptions<L>, Common> = {},
  ): Counter<L> {
    return new Counter<L>({ ...this.#common(name, help, labelNames), ...more });
  }

  gauge<L extends string = never>(
    name: string,
    help: string,
    labelNames: readonly L[] = [],
    more: Omit<GaugeOptions<L>, Common> = {},
  ): Gauge<L> {
    return new Gauge<L>({ ...this.#common(name, help, labelNames), ...more });
  }

  histogram<L extends string = never>(
    name: string,
    help: string,
    labelNames: readonly L[] = [],
    more: Omit<HistogramOptions<L>, Common> = {},
  ): Histogram<L> {
    return new Histogram<L>({ ...this.#common(name, help, labelNames), ...more });
  }

  #common<L extends string>(name: string, help: string, labelNames: readonly L[]) {
    return {
      name: this.#prefix + name,
      help,
      labelNames,
      registry: this.#registry,
      ...(this.#maxSeries !== undefined && { maxSeries: this.#maxSeries }),
    };
  }
}
