import type { Aggregation } from '../snapshot/snapshot.ts';
import { type BoundGauge, Gauge as CoreGauge } from '../core/gauge.ts';
import { strideOf, type FamilySnapshot } from '../snapshot/snapshot.ts';
import { BaseMetric, type MetricConfiguration, type SeriesView } from './metric.ts';
import type { Aggregator, CollectFunction, LabelValues, Sample } from './types.ts';
import { isLabels, notANumber, toLabels } from './validation.ts';

/** What gauges are made with. */
export interface GaugeConfiguration<T extends string> extends MetricConfiguration<T> {
  collect?: CollectFunction<Gauge<T>>;
}

/** A gauge by its labels. */
export interface GaugeChild<T extends string = string> {
  set(value: number): void;
  inc(value?: number): void;
  dec(value?: number): void;
  setToCurrentTime(): void;
  startTimer(): (labels?: LabelValues<T>) => number;
}

/**
 * How the core merges what processes hold. A mean over processes is PromQL's to make, from the
 * value of each.
 */
const AGGREGATIONS: Readonly<Record<Aggregator, Aggregation>> = {
  sum: 'sum',
  min: 'min',
  max: 'max',
  first: 'mostRecent',
  average: 'all',
  omit: 'all',
};

/** prom-client's gauge. */
export class Gauge<T extends string = string> extends BaseMetric<T, BoundGauge> {
  readonly type = 'gauge';

  /** @throws Error for a configuration that can't be, or a name that is taken. */
  constructor(configuration: GaugeConfiguration<T>) {
    super(configuration, (options) => {
      const { aggregator = 'sum' } = configuration;
      return new CoreGauge({ ...options, aggregation: AGGREGATIONS[aggregator] ?? 'sum' });
    });
  }

  /** @param value Any number. @throws TypeError for anything else, Error for unknown labels. */
  set(value: number): void;
  set(labels: LabelValues<T>, value: number): void;
  set(first: unknown, value?: unknown): void {
    const amount = numberOf('Value', isLabels(first) ? value : first);
    this.series(isLabels(first) ? first : {}).set(amount);
  }

  /**
   * @param value Any number.
   * @default 1
   * @throws TypeError for anything else, Error for unknown labels.
   */
  inc(value?: number): void;
  inc(labels: LabelValues<T>, value?: number): void;
  inc(first?: unknown, value?: unknown): void {
    const amount = numberOf('Delta', (isLabels(first) ? value : first) ?? 1);
    add(this.series(isLabels(first) ? first : {}), amount);
  }

  /**
   * @param value Any number.
   * @default 1
   * @throws TypeError for anything else, Error for unknown labels.
   */
  dec(value?: number): void;
  dec(labels: LabelValues<T>, value?: number): void;
  dec(first?: unknown, value?: unknown): void {
    const amount = numberOf('Delta', (isLabels(first) ? value : first) ?? 1);
    add(this.series(isLabels(first) ? first : {}), -amount);
  }

  /** Sets the gauge to the time of day, in seconds of the Unix epoch. */
  setToCurrentTime(labels: LabelValues<T> = {}): void {
    this.series(labels).set(Date.now() / 1000);
  }

  /**
   * Starts a stopwatch; the function that it returns sets the gauge to the seconds that have
   * passed, and returns them.
   */
  startTimer(labels?: LabelValues<T>): (labels?: LabelValues<T>) => number {
    const start = performance.now();
    return (endLabels) => {
      const seconds = (performance.now() - start) / 1000;
      this.set({ ...labels, ...endLabels } as LabelValues<T>, seconds);
      return seconds;
    };
  }

  /**
   * The series of these labels.
   * @throws Error for unknown labels, or too many or too few values.
   */
  labels(labels: LabelValues<T>): GaugeChild<T>;
  labels(...values: (string | number)[]): GaugeChild<T>;
  labels(...args: unknown[]): GaugeChild<T> {
    const labels = toLabels(this.labelNames, args) as LabelValues<T>;
    let handle: BoundGauge | undefined;
    const series = (): BoundGauge => (handle ??= this.series(labels));
    return {
      set: (value) => series().set(numberOf('Value', value)),
      inc: (value) => add(series(), numberOf('Delta', value ?? 1)),
      dec: (value) => add(series(), -numberOf('Delta', value ?? 1)),
      setToCurrentTime: () => series().set(Date.now() / 1000),
      startTimer: () => this.startTimer(labels),
    };
  }

  protected override toSamples(family: FamilySnapshot, { labels, index }: SeriesView): Sample[] {
    return [{ value: family.values[index * strideOf(family.definition)]!, labels }];
  }

  protected override isZero(family: FamilySnapshot, index: number): boolean {
    return family.values[index * strideOf(family.definition)] === 0;
  }
}

function numberOf(what: 'Value' | 'Delta', value: unknown): number {
  if (typeof value !== 'number') throw notANumber(what, value);
  return value;
}

/** prom-client lets infinities and NaN be added, the core does not. */
function add(handle: BoundGauge, value: number): void {
  if (Number.isFinite(value)) handle.inc(value);
  else handle.set(handle.value + value);
}
