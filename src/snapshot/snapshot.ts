import type { Exemplar } from './exemplar.ts';

/** What a family is, in the words of OpenMetrics 1.0. */
export type MetricType = 'counter' | 'gauge' | 'histogram' | 'summary' | 'info' | 'stateset' | 'unknown';

/**
 * How the values that several processes hold for one gauge series become the page's:
 * `sum`, `min`, `max`, the `mostRecent` one set, or `all` of them, told apart by a label `process`.
 */
export type Aggregation = 'sum' | 'min' | 'max' | 'mostRecent' | 'all';

/** What a family is, without its numbers. Never changed once made. */
export interface FamilyDefinition {
  /** The family's name in OpenMetrics: without `_total` (counters) or `_info` (infos). */
  readonly name: string;
  readonly type: MetricType;
  readonly help: string;
  /**
   * Counters: `name` is their samples' name as it stands, without a suffix; OpenMetrics, where that
   * can't be, has them as `unknown`.
   */
  readonly exactName?: boolean;
  /** Base unit, a suffix of the name; `''` for none. */
  readonly unit: string;
  readonly labelNames: readonly string[];
  /**
   * Histograms: finite upper bounds, ascending; the bucket up to `+Inf` comes after the last. None
   * where it is native alone.
   */
  readonly bounds?: readonly number[];
  /**
   * Histograms: text 0.0.4 too has `.0` after whole bounds, as OpenMetrics does and Python's
   * client.
   */
  readonly canonicalBounds?: boolean;
  /** Histograms with native (sparse exponential) buckets. */
  readonly native?: NativeBucketDefinition;
  /** Summaries: the quantiles shown, each in [0, 1], ascending. */
  readonly quantiles?: readonly number[];
  /** State sets: the names of the states. */
  readonly states?: readonly string[];
  /** Gauges, infos and state sets: how processes are merged. */
  readonly aggregation?: Aggregation;
  /** Gauges, infos and state sets: leave out the values of processes that have ended. */
  readonly liveOnly?: boolean;
  /**
   * Gauges: the name of a counter (as in `name`) with the same labels. The family holds amounts that
   * are open while their process lives, and is on no page; what a process left open when it ended
   * is added to that counter's series.
   */
  readonly settlesInto?: string;
  /** The family counts what found no space elsewhere: it may use what a store keeps for that. */
  readonly usesReserve?: boolean;
}

/** What the native buckets of a histogram are like. */
export interface NativeBucketDefinition {
  /** The resolution to begin with, -4 to 8: 2^schema buckets an octave. */
  readonly schema: number;
  /** With more populated buckets a series halves its resolution. */
  readonly maxBuckets: number;
  /** Values in [-zeroThreshold, zeroThreshold] count as zero. */
  readonly zeroThreshold: number;
}

/**
 * Label values in the order of the family's `labelNames`. Frozen; the same object for as long as
 * the series lives, so that it can key caches.
 */
export type LabelValues = readonly string[];

/**
 * Counts in sparse exponential buckets: bucket `i` of schema `n` holds (2^((i-1)·2^-n),
 * 2^(i·2^-n)].
 */
export interface SparseBuckets {
  readonly schema: number;
  /** Values in [-zeroThreshold, zeroThreshold]. */
  readonly zeroThreshold: number;
  readonly zeroCount: number;
  /** Ascending bucket indices with their counts, none of them zero. */
  readonly positive: ReadonlyArray<readonly [index: number, count: number]>;
  readonly negative: ReadonlyArray<readonly [index: number, count: number]>;
}

/**
 * The numbers of one family at one moment. `values` holds `strideOf(definition)` numbers a series,
 * in the order of `series`:
 *
 * - counter, gauge, info, unknown: the value; after it, where processes are merged by `min`, `max`
 * or `mostRecent`, the moment it was set (ms on a clock that the machine's processes share; 0:
 * never);
 * - histogram: the sum, then one count a bucket, **not** cumulative, the last for `+Inf`; native
 * buckets in `sparse`, which hold the same observations once more, but for NaN;
 * - summary: the sum, and its counts in `sparse`;
 * - state set: 1 or 0 a state.
 */
export interface FamilySnapshot {
  readonly definition: FamilyDefinition;
  readonly series: readonly LabelValues[];
  /**
   * When each series began to count, in seconds of the Unix epoch; NaN, or none at all, where that
   * is not known: then with the snapshot's `startTimestamp`.
   */
  readonly starts?: Float64Array;
  readonly values: Float64Array;
  /** Summaries, and histograms with native buckets: one entry a series. */
  readonly sparse?: readonly SparseBuckets[];
  /**
   * Counters and histograms of which any series has exemplars: one list a series, sorted by place.
   */
  readonly exemplars?: readonly (readonly Exemplar[])[];
}

/** What one process (or thread) has counted: the merge's input. */
export interface SlotSnapshot {
  /** `<role>-<n>`, shown as the label `process`; absent where there is one process only. */
  readonly name?: string;
  /** Whether its process is alive. */
  readonly live: boolean;
  readonly families: readonly SlotFamily[];
}

/** One family of one process; its series are in no order. */
export interface SlotFamily extends FamilySnapshot {
  /**
   * When the process defined it, in ms of the Unix epoch: of definitions that contradict each other
   * the latest counts.
   */
  readonly definedAt: number;
}

/** A whole page's worth of numbers: families sorted by name, series by label values. */
export interface Snapshot {
  readonly families: readonly FamilySnapshot[];
  /** Since when sums have been counted, in seconds of the Unix epoch. */
  readonly startTimestamp: number;
}

/** Since when a series has counted, in seconds of the Unix epoch; else `startTimestamp`. */
export function startOf({ starts }: FamilySnapshot, index: number, startTimestamp: number): number {
  const start = starts?.[index];
  return start === undefined || Number.isNaN(start) ? startTimestamp : start;
}

/** How many numbers a series of this family has in `FamilySnapshot.values`. */
export function strideOf(definition: FamilyDefinition): number {
  switch (definition.type) {
    case 'histogram':
      return definition.bounds!.length + 2;
    case 'stateset':
      return definition.states!.length;
    case 'gauge':
      return keepsSetTime(definition) ? 2 : 1;
    default:
      return 1;
  }
}

/** Whether a family's series have sparse buckets. */
export function keepsSparseBuckets(definition: FamilyDefinition): boolean {
  return definition.type === 'summary' || definition.native !== undefined;
}

/**
 * The moment that a gauge was set, where all that is known is that it was before the machine last
 * started.
 */
export const LONG_AGO: number = Number.MIN_VALUE;

/**
 * Whether a gauge's second number says when it was set, so that a process that never set it has no
 * say.
 */
export function keepsSetTime(definition: FamilyDefinition): boolean {
  const mode = definition.aggregation;
  return mode === 'min' || mode === 'max' || mode === 'mostRecent';
}
