import { Counter } from '../core/counter.ts';
import { Histogram } from '../core/histogram.ts';
import type { Registry } from '../core/registry.ts';

const labelNames = ['format', 'code'] as const;

/** The endpoint's own families: `metrics_scrapes_total` and `metrics_scrape_duration_seconds`. */
export class ScrapeFamilies {
  readonly #scrapes: Counter<'format' | 'code'>;
  readonly #duration: Histogram<'format' | 'code'>;

  private constructor(registry: Registry, namespace: string) {
    const prefix = namespace === '' ? '' : `${namespace}_`;
    this.#scrapes = new Counter({
      name: `${prefix}metrics_scrapes_total`,
      help: 'Requests for the metrics page, refused ones too; code 499 is a reader that left or was too slow.',
      labelNames,
      registry,
    });
    this.#duration = new Histogram({
      name: `${prefix}metrics_scrape_duration_seconds`,
      help: 'From the request for the metrics page to the last byte handed over.',
      unit: 'seconds',
      labelNames,
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registry,
    });
  }

  static readonly #byRegistry = new WeakMap<Registry, ScrapeFamilies>();

  /** Returns the families of a registry, defined by the first call and its namespace. */
  static of(registry: Registry, namespace: string): ScrapeFamilies {
    let families = ScrapeFamilies.#byRegistry.get(registry);
    if (families === undefined) {
      families = new ScrapeFamilies(registry, namespace);
      ScrapeFamilies.#byRegistry.set(registry, families);
    }
    return families;
  }

  record(format: string, code: number, seconds: number): void {
    const labels = { format, code };
    this.#scrapes.labels(labels).inc();
    this.#duration.labels(labels).observe(seconds);
  }
}
