import type { FamilyDefinition, FamilySnapshot, Snapshot, SparseBuckets } from '../../src/snapshot/snapshot.ts';

/**
 * A series for {@link familyOf}: its label values and its numbers, as a FamilySnapshot has them.
 */
export interface SeriesInput {
  readonly labels?: readonly string[];
  readonly values: readonly number[];
  readonly sparse?: SparseBuckets;
}

/** A family's snapshot from as little as a test needs to say. */
export function familyOf(
  definition: Partial<FamilyDefinition> & Pick<FamilyDefinition, 'name' | 'type'>,
  series: readonly SeriesInput[],
): FamilySnapshot {
  return {
    definition: { help: 'Help.', unit: '', labelNames: [], ...definition },
    series: series.map(({ labels = [] }) => labels),
    values: Float64Array.from(series.flatMap(({ values }) => [...values])),
    ...((definition.type === 'summary' || definition.native) && { sparse: series.map(({ sparse }) => sparse!) }),
  };
}

/** A page's snapshot. */
export function snapshotOf(...families: FamilySnapshot[]): Snapshot {
  return { families, startTimestamp: 1_700_000_000 };
}
