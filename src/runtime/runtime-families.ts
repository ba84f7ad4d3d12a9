import type { AnyMetric } from '../core/any-metric.ts';
import { Counter } from '../core/counter.ts';
import { Gauge } from '../core/gauge.ts';
import { Histogram } from '../core/histogram.ts';
import { Info } from '../core/info.ts';
import type { LabelSet } from '../core/labels.ts';
import type { MetricOptions } from '../core/metric.ts';
import type { Registry } from '../core/registry.ts';

/**
 * Defines families. A collector that works between scrapes returns a function that starts the work,
 * which returns one that stops it.
 */
export type RuntimeCollector = (families: RuntimeFamilies) => (() => () => void) | void;

/** The options of a family, without those that all families share. */
export type RuntimeFamily = Pick<MetricOptions, 'name' | 'help' | 'unit' | 'labelNames' | 'collect'>;

/**
 * Defines the families of one registry, under one prefix and with the same labels on every series.
 */
export class RuntimeFamilies {
  /** The metrics defined so far. */
  readonly defined: AnyMetric[] = [];
  readonly #registry: Registry;
  readonly #prefix: string;
  readonly #labels: LabelSet<string>;

  constructor(registry: Registry, prefix: string, labels: LabelSet<string>) {
    this.#registry = registry;
    this.#prefix = prefix;
    this.#labels = labels;
  }

  /**
   * Defines a gauge of one process. The page shows each process' value: a sum would be meaningless.
   */
  gauge(family: RuntimeFamily): Gauge<string> {
    return this.#keep(new Gauge({ ...this.#complete(family), aggregation: 'all' }));
  }

  counter(family: RuntimeFamily): Counter<string> {
    return this.#keep(new Counter(this.#complete(family)));
  }

  histogram(family: RuntimeFamily, buckets: readonly number[]): Histogram<string> {
    return this.#keep(new Histogram({ ...this.#complete(family), buckets }));
  }

  info(family: RuntimeFamily): Info<string> {
    return this.#keep(new Info(this.#complete(family)));
  }

  /** Returns a family's own labels together with those of every series. */
  labels(own: LabelSet<string> = {}): LabelSet<string> {
    return { ...own, ...this.#labels };
  }

  #keep<M extends AnyMetric>(metric: M): M {
    this.defined.push(metric);
    return metric;
  }

  #complete(family: RuntimeFamily): MetricOptions {
    return {
      ...family,
      name: this.#prefix + family.name,
      labelNames: [...(family.labelNames ?? []), ...Object.keys(this.#labels)],
      registry: this.#registry,
    };
  }
}
