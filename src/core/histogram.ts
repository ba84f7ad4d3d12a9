import { MetricsError } from '../errors.ts';
import { BoundClassicHistogram, type BoundHistogram, BoundNativeHistogram } from './bound-histogram.ts';
import { toDefinition } from './definition.ts';
import type { ExemplarInput } from './exemplars.ts';
import { Metric, type MetricOptions } from './metric.ts';
import type { Bind } from './series-set.ts';
import { type NativeOptions, toNativeDefinition } from './native-options.ts';

/** What histograms are made with. */
export interface HistogramOptions<L extends string = string> extends MetricOptions<L> {
  /**
   * Upper bounds, ascending; `+Inf` is understood. `false`: none, where there are native buckets.
   *
   * @default .005 .01 .025 .05 .1 .25 .5 1 2.5 5 10; with `native`, false
   */
  readonly buckets?: readonly number[] | false;
  /**
   * Native (sparse exponential) buckets, which need no bounds: alone, or beside classic ones.
   * @default none
   */
  readonly native?: NativeOptions;
}

/** Prometheus' customary bounds, made for latencies in seconds. */
export const DEFAULT_BUCKETS: readonly number[] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

const NO_BOUNDS: readonly number[] = Object.freeze([]);
const MAX_BUCKETS = 1000;

/**
 * How values are distributed: counts by bucket, and their sum. Summed over processes.
 *
 *     const duration = new Histogram({ name: 'duration_seconds', help: 'How long it took.', native: {} });
 *
 * With native buckets any number can be observed, as the specification has it: an infinity is in a
 * bucket of its own, NaN in none, and both stay in the sum for ever.
 */
export class Histogram<L extends string = never> extends Metric<L, BoundHistogram> {
  /** @throws MetricsError for a name, label or option that can't be, or a name that is taken. */
  constructor(options: HistogramOptions<L>) {
    const definition = toDefinition('histogram', options);
    const native = options.native && toNativeDefinition(options.name, options.native);
    const { buckets = native ? false : DEFAULT_BUCKETS } = options;
    const bounds = native && buckets === false ? NO_BOUNDS : checkBounds(options.name, buckets);
    super({ ...definition, bounds, ...(native && { native }) }, options, bindHistogram);
  }

  /** For a family without labels: see BoundHistogram. */
  observe(value: number, exemplar?: ExemplarInput): void {
    this.sole.observe(value, exemplar);
  }

  /** For a family without labels: see BoundHistogram. */
  startTimer(): (exemplar?: ExemplarInput) => number {
    return this.sole.startTimer();
  }
}

const bindHistogram: Bind<BoundHistogram> = (owner, labelValues) =>
  owner.definition.native
    ? new BoundNativeHistogram(owner, labelValues)
    : new BoundClassicHistogram(owner, labelValues);

function checkBounds(family: string, buckets: readonly number[] | false): readonly number[] {
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
