import { type BoundSummary, Summary as CoreSummary } from '../core/summary.ts';
import { countOf, quantileOf } from '../snapshot/quantile.ts';
import type { FamilySnapshot } from '../snapshot/snapshot.ts';
import { toObject } from './core-family.ts';
import { BaseMetric, type MetricConfiguration, type SeriesView } from './metric.ts';
import { startStopwatch } from './stopwatch.ts';
import type { CollectFunction, Family, LabelValues, Sample } from './types.ts';
import { assertFinite, isLabels, toLabels } from './validation.ts';
import { WindowQuantiles } from './window-quantiles.ts';

/** What summaries are made with. */
export interface SummaryConfiguration<T extends string> extends MetricConfiguration<T> {
  /** @default .01 .05 .5 .9 .95 .99 .999 */
  percentiles?: readonly number[];
  /** How long a value takes part in the quantiles, together with `ageBuckets`. @default for ever */
  maxAgeSeconds?: number;
  /** In how many steps values leave the window. */
  ageBuckets?: number;
  /** Whether a series without values in the window is removed. @default false */
  pruneAgedBuckets?: boolean;
  /** Taken and not needed. */
  compressCount?: number;
  collect?: CollectFunction<Summary<T>>;
}

/** A summary by its labels. */
export interface SummaryChild<T extends string = string> {
  observe(value: number): void;
  startTimer(): (labels?: LabelValues<T>) => number;
}

const DEFAULT_PERCENTILES: readonly number[] = [0.01, 0.05, 0.5, 0.9, 0.95, 0.99, 0.999];

/**
 * prom-client's summary. In one process it has the quantiles of the window; where several count,
 * and on the page, they come from the core's sketch over everything observed, since quantiles of
 * windows can't be merged.
 */
export class Summary<T extends string = string> extends BaseMetric<T, BoundSummary> {
  readonly type = 'summary';
  readonly percentiles: readonly number[];
  readonly #maxAgeSeconds: number | undefined;
  readonly #ageBuckets: number | undefined;
  readonly #prunes: boolean;

  /** @throws Error for a configuration that can't be, or a name that is taken. */
  constructor(configuration: SummaryConfiguration<T>) {
    super(configuration, (options) => {
      if (options.labelNames?.includes('quantile')) throw new Error('quantile is a reserved label keyword');
      const quantiles = new Set((configuration.percentiles ?? DEFAULT_PERCENTILES).filter((q) => q >= 0 && q <= 1));
      return new CoreSummary({ ...options, quantiles: [...quantiles].sort((a, b) => a - b) });
    });
    const { percentiles, maxAgeSeconds, ageBuckets, pruneAgedBuckets = false } = configuration;
    this.percentiles = percentiles ?? DEFAULT_PERCENTILES;
    this.#maxAgeSeconds = maxAgeSeconds;
    this.#ageBuckets = ageBuckets;
    this.#prunes = pruneAgedBuckets;
  }

  /** @param value Finite. @throws TypeError for anything else, Error for unknown labels. */
  observe(value: number): void;
  observe(labels: LabelValues<T>, value: number): void;
  observe(first: unknown, value?: unknown): void {
    const handle = this.series(isLabels(first) ? first : {});
    const amount = isLabels(first) ? value : first;
    assertFinite(amount);
    handle.observe(amount);
    this.#windowOf(handle).observe(amount);
  }

  /**
   * Starts a stopwatch; the function that it returns observes the seconds that have passed, and
   * returns them.
   */
  startTimer(labels?: LabelValues<T>): (labels?: LabelValues<T>) => number {
    const elapsed = startStopwatch();
    return (endLabels) => {
      const value = elapsed();
      this.observe({ ...labels, ...endLabels } as LabelValues<T>, value);
      return value;
    };
  }

  /** Sets all series to zero. In this process: others keep what they counted. */
  override reset(): void {
    const kept = [...this.notes];
    super.reset();
    for (const [{ labelValues }, { labels }] of kept) {
      const handle = this.series(labels ?? toObject(this.core.definition.labelNames, labelValues));
      this.note(handle).window = this.#newWindow();
    }
  }

  /**
   * The series of these labels.
   * @throws Error for unknown labels, or too many or too few values.
   */
  labels(labels: LabelValues<T>): SummaryChild<T>;
  labels(...values: (string | number)[]): SummaryChild<T>;
  labels(...args: unknown[]): SummaryChild<T> {
    const labels = toLabels(this.labelNames, args) as LabelValues<T>;
    return {
      observe: (value) => this.observe(labels, value),
      startTimer: () => this.startTimer(labels),
    };
  }

  protected override toFamily(family: FamilySnapshot | undefined): Family & { readonly values: readonly Sample[] } {
    const result = super.toFamily(family);
    if (this.#prunes) for (const [handle, { window }] of [...this.notes]) if (window?.isEmpty) this.#prune(handle);
    return result;
  }

  protected override toSamples(family: FamilySnapshot, { labels, notes, index }: SeriesView): Sample[] {
    if (this.#prunes && notes?.window?.isEmpty) return [];
    const sparse = family.sparse![index]!;
    const window = this.core.series.home.store.shared ? undefined : notes?.window;
    const samples: Sample[] = this.percentiles.map((quantile) => ({
      labels: { quantile, ...labels },
      value: (window ? window.quantile(quantile) : quantileOf(sparse, quantile)) || 0,
    }));
    samples.push({ metricName: `${this.name}_sum`, labels, value: family.values[index]! });
    samples.push({ metricName: `${this.name}_count`, labels, value: countOf(sparse) });
    return samples;
  }

  protected override isZero({ sparse }: FamilySnapshot, index: number): boolean {
    return countOf(sparse![index]!) === 0;
  }

  #windowOf(handle: BoundSummary): WindowQuantiles {
    return (this.note(handle).window ??= this.#newWindow());
  }

  #newWindow(): WindowQuantiles {
    return new WindowQuantiles(this.#maxAgeSeconds, this.#ageBuckets);
  }

  #prune(handle: BoundSummary): void {
    this.remove(toObject(this.core.definition.labelNames, handle.labelValues) as LabelValues<T>);
  }
}
