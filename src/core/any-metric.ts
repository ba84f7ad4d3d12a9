import type { FamilyDefinition } from '../snapshot/snapshot.ts';
import type { Bound } from './bound.ts';
import type { LabelSet } from './labels.ts';
import type { SeriesSet } from './series-set.ts';

/** Any metric, whatever its kind and labels: what a registry gives out. */
export interface AnyMetric {
  /** The family's name, without `_total` or `_info`. */
  readonly name: string;
  readonly definition: FamilyDefinition;
  /** How many series the family may have in this process. */
  readonly maxSeries: number;
  /** See Metric. */
  labels(values: LabelSet<string>): Bound;
  /** See Metric. */
  remove(values: LabelSet<string>): void;
  /** See Metric. */
  clear(): void;
  /** @internal The family's state, which all metrics of one definition share. */
  readonly series: SeriesSet<Bound>;
}
