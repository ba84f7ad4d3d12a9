import type { Bound } from '../core/bound.ts';
import type { MetricOptions } from '../core/metric.ts';
import type { AnyMetric } from '../core/any-metric.ts';
import type { FamilySnapshot } from '../snapshot/snapshot.ts';
import type { Exemplar } from './exemplar.ts';
import { createAside, forgetWhenCollected } from './aside.ts';
import { toObject } from './core-family.ts';
import { readMetric } from './page.ts';
import { register, Registry } from './registry.ts';
import { flatten } from './text.ts';
import type {
  Aggregator,
  CollectFunction,
  Family,
  MetricObjectWithValues,
  MetricType,
  MetricValueWithName,
  Sample,
} from './types.ts';
import { invalidLabelNames, toLabels, unknownLabel, validateMetricName } from './validation.ts';
import type { WindowQuantiles } from './window-quantiles.ts';

/** Options of every kind of metric. */
export interface MetricConfiguration<T extends string> {
  /** Exposed exactly as it stands. */
  name: string;
  help: string;
  labelNames?: T[] | readonly T[];
  /** @default the global registry */
  registers?: readonly Registry[] | undefined;
  /** @default 'sum' */
  aggregator?: Aggregator;
  /**
   * Called before the metric is read, with it as `this`; as prom-client has it, what that is
   * differs from metric to metric.
   */
  // oxlint-disable-next-line typescript/no-explicit-any
  collect?: CollectFunction<any>;
  /** Only for registries that write OpenMetrics. @default false */
  enableExemplars?: boolean;
  /**
   * How many series the metric may have; what comes later counts in one series with the labels
   * `<overflow>`. Not in prom-client.
   * @default Infinity
   */
  maxSeries?: number;
}

/** What this API knows of a series and the core does not. */
export interface SeriesNotes {
  /** The labels as they were given, where they were not all strings. */
  labels?: Readonly<Record<string, unknown>>;
  /** By bucket; a counter's is the first. */
  exemplars?: Exemplar[];
  /** A summary's latest values. */
  window?: WindowQuantiles;
}

/** One series, with the labels to show. */
export interface SeriesView {
  readonly labels: Readonly<Record<string, unknown>>;
  readonly notes: SeriesNotes | undefined;
  /** Where it begins in the family's values. */
  readonly index: number;
}

/**
 * What prom-client's four kinds of metric have in common: their arguments, their errors and the
 * shapes in which they are read. The numbers are a core metric's, which counts aside until the
 * metric is registered somewhere that is on the page.
 */
export abstract class BaseMetric<T extends string, B extends Bound> {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly T[];
  readonly aggregator: Aggregator;
  readonly enableExemplars: boolean;
  abstract readonly type: MetricType;
  collect?: (() => void | Promise<void>) | undefined;
  /** @internal */
  readonly core: AnyMetric;
  protected readonly notes: Map<B, SeriesNotes> = new Map();
  readonly #names: ReadonlySet<string>;
  #sole: B | undefined;
  /**
   * Whether the series of a metric without labels is to show only once it has counted something.
   */
  #blank = false;
  #collectError: unknown;

  /** `define` makes the core metric. */
  protected constructor(config: MetricConfiguration<T>, define: (options: MetricOptions) => AnyMetric) {
    if (typeof config !== 'object' || config === null) throw new TypeError('constructor expected a config object');
    const { name, help, collect, labelNames = [], enableExemplars = false } = config;
    if (!help) throw new Error('Missing mandatory help parameter');
    if (!name) throw new Error('Missing mandatory name parameter');
    if (!validateMetricName(name)) throw new Error(`Invalid metric name: ${name}`);
    const invalid = invalidLabelNames(labelNames);
    if (invalid.length > 0) throw new Error(`At least one label name is invalid: ${invalid.join(',')}`);
    if (collect && typeof collect !== 'function') throw new Error('Optional "collect" parameter must be a function');
    this.name = name;
    this.help = help;
    this.labelNames = labelNames;
    this.aggregator = config.aggregator ?? 'sum';
    this.enableExemplars = enableExemplars;
    if (collect) this.collect = collect;
    this.#names = new Set(labelNames);
    const registers = config.registers ?? [register];
    if (enableExemplars && registers.some(({ contentType }) => contentType === Registry.PROMETHEUS_CONTENT_TYPE)) {
      throw new TypeError('Exemplars are supported only on OpenMetrics registries');
    }
    this.core = define({
      name,
      help,
      labelNames: [...this.#names],
      maxSeries: config.maxSeries ?? Infinity,
      registry: createAside(),
      ...(collect && { collect: () => this.#collectForPage() }),
    });
    forgetWhenCollected(this.core);
    for (const registry of registers) registry.registerMetric(this);
  }

  /**
   * The metric with its samples, of all processes where several count. Runs `collect` first, and
   * throws what it throws.
   */
  async get(): Promise<MetricObjectWithValues<MetricValueWithName<T>>> {
    return flatten(await this.getForPromString()) as MetricObjectWithValues<MetricValueWithName<T>>;
  }

  /**
   * @internal {@link BaseMetric.get} for text: the labels that a series' samples share stand apart.
   */
  async getForPromString(): Promise<Family & { readonly values: readonly Sample[] }> {
    const collecting = this.collect?.();
    if (collecting instanceof Promise) await collecting;
    return this.toFamily(await readMetric(this.core));
  }

  /**
   * @internal What a snapshot has of this metric; throws what `collect` threw when it was taken.
   */
  fromSnapshot(family: FamilySnapshot | undefined): Family {
    const error = this.#collectError;
    this.#collectError = undefined;
    if (error !== undefined) throw error;
    return this.toFamily(family);
  }

  /**
   * Removes a series.
   * @throws Error for labels that the metric does not have, or too many or too few values.
   */
  remove(labels: Partial<Record<T, string | number>>): void;
  remove(...values: (string | number)[]): void;
  remove(...args: unknown[]): void {
    const labels = toLabels(this.labelNames, args);
    const handle = this.series(labels);
    this.notes.delete(handle);
    if (this.#names.size === 0) this.blank();
    else this.core.remove(this.#fill(labels));
  }

  /**
   * Removes all series; that of a metric without labels is set to zero. In this process: others
   * keep what they counted.
   */
  reset(): void {
    this.core.clear();
    this.notes.clear();
  }

  /**
   * Sets the series of a metric without labels to zero, and shows it again only once it has
   * counted.
   */
  protected blank(): void {
    this.core.clear();
    this.notes.clear();
    this.#blank = true;
  }

  /** The values of a series in the form of this kind of metric. */
  protected abstract toSamples(family: FamilySnapshot, series: SeriesView): Sample[];

  /** Whether a series has counted nothing. */
  protected abstract isZero(family: FamilySnapshot, index: number): boolean;

  /**
   * The series of these labels; those left out are as good as empty.
   * @throws Error for labels that the metric does not have.
   */
  protected series(labels: Readonly<Record<string, unknown>>): B {
    let given = 0;
    let plain = true;
    for (const name in labels) {
      if (!this.#names.has(name)) throw unknownLabel(name, this.labelNames);
      given++;
      if (typeof labels[name] !== 'string') plain = false;
    }
    if (this.#names.size === 0) {
      this.#blank = false;
      return (this.#sole ??= this.#bind({}));
    }
    if (plain && given === this.#names.size) return this.#bind(labels as Readonly<Record<string, string>>);
    const handle = this.#bind(this.#fill(labels));
    if (!plain && !this.notes.get(handle)?.labels) this.note(handle).labels = { ...labels };
    return handle;
  }

  /** What is known of a series beside its numbers. */
  protected note(handle: B): SeriesNotes {
    let notes = this.notes.get(handle);
    if (!notes) this.notes.set(handle, (notes = {}));
    return notes;
  }

  protected toFamily(family: FamilySnapshot | undefined): Family & { readonly values: readonly Sample[] } {
    const { name, help, type, aggregator } = this;
    const values = family ? this.views(family).flatMap((series) => this.toSamples(family, series)) : [];
    return { name, help, type, values, aggregator };
  }

  /** The series to show. */
  protected views(family: FamilySnapshot): SeriesView[] {
    const notes = new Map<string, SeriesNotes>();
    for (const [handle, note] of this.notes) notes.set(JSON.stringify(handle.labelValues), note);
    const views: SeriesView[] = [];
    for (const [index, labelValues] of family.series.entries()) {
      if (this.#blank && this.isZero(family, index)) continue;
      const note = notes.size > 0 ? notes.get(JSON.stringify(labelValues)) : undefined;
      const labels = note?.labels ?? toObject(family.definition.labelNames, labelValues);
      views.push({ labels, notes: note, index });
    }
    return views;
  }

  /** `collect` as the page calls it, where it may throw without anybody to catch it. */
  #collectForPage(): void | Promise<void> {
    const keep = (error: unknown): never => {
      this.#collectError = error;
      throw error;
    };
    this.#collectError = undefined;
    try {
      const collecting = this.collect?.();
      if (collecting instanceof Promise) return collecting.catch(keep);
    } catch (error) {
      keep(error);
    }
  }

  /** The core's handle. */
  #bind(labels: Readonly<Record<string, string>>): B {
    return this.core.labels(labels) as B;
  }

  /** A value for each label; what was given as the text that prom-client writes for it. */
  #fill(labels: Readonly<Record<string, unknown>>): Record<string, string> {
    const full: Record<string, string> = {};
    for (const name of this.#names) full[name] = name in labels ? String(labels[name]) : '';
    return full;
  }
}
