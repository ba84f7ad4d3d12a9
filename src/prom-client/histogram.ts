import { DEFAULT_BUCKETS, Histogram as CoreHistogram } from '../core/histogram.ts';
import { strideOf, type FamilySnapshot } from '../snapshot/snapshot.ts';
import { createExemplar, toInput } from './exemplar.ts';
import { BaseMetric, type MetricConfiguration, type SeriesView } from './metric.ts';
import { startStopwatch } from './stopwatch.ts';
import type { CollectFunction, LabelValues, ObserveDataWithExemplar, Sample } from './types.ts';
import { assertFinite, isLabels, toLabels } from './validation.ts';

type BoundHistogram = ReturnType<CoreHistogram<string>['labels']>;

/** What histograms are made with. */
export interface HistogramConfiguration<T extends string> extends MetricConfiguration<T> {
  /** Upper bounds. @default .005 .01 .025 .05 .1 .25 .5 1 2.5 5 10 */
  buckets?: readonly number[];
  collect?: CollectFunction<Histogram<T>>;
}

/** A histogram by its labels. */
export interface HistogramChild<T extends string = string> {
  observe(value: number): void;
  startTimer(): (labels?: LabelValues<T>) => number;
}

/** prom-client's histogram. */
export class Histogram<T extends string = string> extends BaseMetric<T, BoundHistogram> {
  readonly type = 'histogram';
  /** The labels of the buckets, which all series have in common. */
  readonly #bounds: readonly { readonly le: number | '+Inf' }[];

  /** @throws Error for a configuration that can't be, or a name that is taken. */
  constructor(configuration: HistogramConfiguration<T>) {
    super(configuration, (options) => {
      if (options.labelNames?.includes('le')) throw new Error('le is a reserved label keyword');
      const buckets = [...new Set(configuration.buckets ?? DEFAULT_BUCKETS)].sort((a, b) => a - b);
      return new CoreHistogram({ ...options, buckets });
    });
    this.#bounds = [...this.core.definition.bounds!, '+Inf' as const].map((le) => Object.freeze({ le }));
  }

  /** @param value Finite. @throws TypeError for anything else, Error for unknown labels. */
  observe(value: number): void;
  observe(labels: LabelValues<T>, value: number): void;
  observe(data: ObserveDataWithExemplar<T>): void;
  observe(first: unknown, value?: unknown): void {
    if (this.enableExemplars) return this.#observeWithExemplar((first ?? {}) as ObserveDataWithExemplar<T>);
    const amount = isLabels(first) ? value : first;
    assertFinite(amount);
    this.series(isLabels(first) ? first : {}).observe(amount);
  }

  /**
   * Starts a stopwatch; the function that it returns observes the seconds that have passed, and
   * returns them.
   */
  startTimer(
    labels?: LabelValues<T>,
    exemplarLabels?: LabelValues<string>,
  ): (labels?: LabelValues<T>, exemplarLabels?: LabelValues<string>) => number {
    const elapsed = startStopwatch();
    return (endLabels, endExemplarLabels) => {
      const value = elapsed();
      const all = { ...labels, ...endLabels } as LabelValues<T>;
      if (this.enableExemplars)
        this.observe({ labels: all, value, exemplarLabels: { ...exemplarLabels, ...endExemplarLabels } });
      else this.observe(all, value);
      return value;
    };
  }

  /** Makes the series of these labels, which then shows as zero. */
  zero(labels: LabelValues<T>): void {
    this.series(labels);
  }

  /**
   * Removes all series; that of a metric without labels too, until it observes again. In this
   * process: others keep what they counted.
   */
  override reset(): void {
    this.blank();
  }

  /**
   * The series of these labels.
   * @throws Error for unknown labels, or too many or too few values.
   */
  labels(labels: LabelValues<T>): HistogramChild<T>;
  labels(...values: (string | number)[]): HistogramChild<T>;
  labels(...args: unknown[]): HistogramChild<T> {
    const labels = toLabels(this.labelNames, args) as LabelValues<T>;
    let handle: BoundHistogram | undefined;
    return {
      observe: (value) => {
        assertFinite(value);
        (handle ??= this.series(labels)).observe(value);
      },
      startTimer: () => this.startTimer(labels),
    };
  }

  protected override toSamples({ definition, values }: FamilySnapshot, { labels, notes, index }: SeriesView): Sample[] {
    const start = index * strideOf(definition);
    const metricName = `${this.name}_bucket`;
    let count = 0;
    const samples: Sample[] = this.#bounds.map((bound, i) => ({
      labels: bound,
      sharedLabels: labels,
      value: (count += values[start + 1 + i]!),
      metricName,
      exemplar: notes?.exemplars?.[i] ?? null,
    }));
    samples.push({ sharedLabels: labels, value: values[start]!, metricName: `${this.name}_sum` });
    samples.push({ sharedLabels: labels, value: count, metricName: `${this.name}_count` });
    return samples;
  }

  protected override isZero({ definition, values }: FamilySnapshot, index: number): boolean {
    const stride = strideOf(definition);
    return values.subarray(index * stride + 1, (index + 1) * stride).every((count) => count === 0);
  }

  #observeWithExemplar({ labels = {}, value, exemplarLabels = {} }: ObserveDataWithExemplar<T>): void {
    assertFinite(value);
    const handle = this.series(labels);
    if (Object.keys(exemplarLabels).length === 0) return handle.observe(value);
    const exemplar = createExemplar(exemplarLabels, value);
    handle.observe(value, toInput(exemplar));
    const bounds = this.core.definition.bounds!;
    const above = bounds.findIndex((bound) => value <= bound);
    (this.note(handle).exemplars ??= [])[above < 0 ? bounds.length : above] = exemplar;
  }
}
