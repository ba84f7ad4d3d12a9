import { MetricsError } from '../errors.ts';
import type { LabelValues } from '../snapshot/snapshot.ts';
import { observations, SUMS } from '../store/layout.ts';
import type { CellRange } from '../store/store.ts';
import { Bound } from './bound.ts';
import { BucketFinder } from './bucket-finder.ts';
import { toDefinition } from './definition.ts';
import { Metric, type MetricOptions } from './metric.ts';

/** A handle on one histogram series. */
export class BoundHistogram extends Bound {
  readonly #histogram: Histogram<string>;
  readonly #buckets: BucketFinder;
  /** The number of observations modulo 2: which of the two sums counts (see layout.ts). */
  #parity = 0;

  /** @internal */
  constructor(owner: Histogram<string>, labelValues: LabelValues) {
    super(owner, labelValues);
    this.#histogram = owner;
    this.#buckets = BucketFinder.of(owner.definition.bounds!);
  }

  /**
   * Counts a value in its bucket and adds it to the sum; some 20 ns.
   *
   * @param value Finite. @throws MetricsError ERR_METRICS_INVALID_VALUE
   */
  observe(value: number): void {
    if (!Number.isFinite(value)) throw this.invalid('observe', value, 'a finite number');
    const at = this.index;
    if (at < 0) return this.wake().observe(value);
    const bucket = this.#buckets.find(value);
    const { cells } = this;
    const parity = this.#parity;
    cells[at + 1 - parity] = cells[at + parity]! + value;
    cells[at + SUMS + bucket]! += 1;
    this.#parity = 1 - parity;
  }

  /** Starts a stopwatch; the function that it returns observes the seconds that have passed, and returns them. */
  startTimer(): () => number {
    const { clock } = this.#histogram.registry;
    const start = clock.sharedMs();
    return () => {
      const seconds = (clock.sharedMs() - start) / 1000;
      this.observe(seconds);
      return seconds;
    };
  }

  override attach(home: CellRange): void {
    super.attach(home);
    this.#parity = observations(this.#histogram.definition, home.cells, home.index, []) % 2;
  }
}

/** What histograms are made with. */
export interface HistogramOptions<L extends string = string> extends MetricOptions<L> {
  /** Upper bounds, ascending; `+Inf` is understood. @default .005 .01 .025 .05 .1 .25 .5 1 2.5 5 10 */
  readonly buckets?: readonly number[];
}

/** Prometheus' customary bounds, made for latencies in seconds. */
export const DEFAULT_BUCKETS: readonly number[] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

const MAX_BUCKETS = 1000;

/** How values are distributed: counts by bucket, and their sum. Summed over processes. */
export class Histogram<L extends string = never> extends Metric<L, BoundHistogram> {
  /** @throws MetricsError for a name, label or option that can't be, or a name that is taken. */
  constructor(options: HistogramOptions<L>) {
    const definition = toDefinition('histogram', options);
    super({ ...definition, bounds: checkBounds(definition.name, options.buckets ?? DEFAULT_BUCKETS) }, options);
  }

  /** For a family without labels: see BoundHistogram. */
  observe(value: number): void {
    this.sole.observe(value);
  }

  /** For a family without labels: see BoundHistogram. */
  startTimer(): () => number {
    return this.sole.startTimer();
  }

  protected override bind(labelValues: LabelValues): BoundHistogram {
    return new BoundHistogram(this, labelValues);
  }
}

function checkBounds(family: string, buckets: readonly number[]): readonly number[] {
  const bounds = Array.isArray(buckets) ? buckets.filter((bound) => bound !== Infinity) : [];
  const ascending = bounds.every((bound, i) => Number.isFinite(bound) && (i === 0 || bound > bounds[i - 1]!));
  if (bounds.length === 0 || bounds.length > MAX_BUCKETS || !ascending) {
    throw new MetricsError(
      'ERR_METRICS_INVALID_OPTION',
      `${family}: buckets must be 1 to ${MAX_BUCKETS} finite numbers, each larger than the one before`,
    );
  }
  return Object.freeze(bounds.map((bound) => (bound === 0 ? 0 : bound)));
}

/** `count` bounds, `width` apart. */
export function linearBuckets(start: number, width: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => start + i * width);
}

/** `count` bounds, each `factor` times the one before. */
export function exponentialBuckets(start: number, factor: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => start * factor ** i);
}
