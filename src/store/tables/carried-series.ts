import { keepsSetTime, type FamilyDefinition, type LabelValues, type SparseBuckets } from '../../snapshot/snapshot.ts';
import { BLOCK_CELLS, cellsOf, countsEnd, observations, SUMS } from '../format/layout.ts';
import { nativeAt, OTHERS, PENDING, readNativeHistogram } from '../format/native-histogram.ts';
import type { CellRange, StoredFamily } from '../store.ts';
import { NativeBuckets } from './native-buckets.ts';

/** Where a series lies in one of two stores. */
interface StoredSeries {
  readonly family: StoredFamily;
  readonly home: CellRange;
}

/**
 * Carries what a series has counted over to another store's cells, when a registry moves: what
 * counts is added to what is there, what is set replaces it.
 */
export function carrySeries(labelValues: LabelValues, source: StoredFamily, to: StoredSeries): void {
  const home = source.allocate(labelValues);
  if (!home) return; // It has no such series, and no space for one.
  const from = { family: source, home };
  const { definition } = to.family;
  if (definition.native) carryNativeHistogram(definition, labelValues, from, to);
  else if (definition.type === 'histogram' || definition.type === 'summary')
    carryCounts(definition, labelValues, from, to);
  else carryValues(definition, home, to.home);
}

function carryValues(definition: FamilyDefinition, from: CellRange, to: CellRange): void {
  if (definition.type === 'counter') {
    to.cells[to.index]! += from.cells[from.index]!;
  } else if (!keepsSetTime(definition) || from.cells[from.index + 1] !== 0) {
    const width = cellsOf(definition);
    for (let i = 0; i < width; i++) to.cells[to.index + i] = from.cells[from.index + i]!;
  }
}

/**
 * Blocks are carried one by one, as pairs, together with the series' own cells, since the sums
 * depend on all counts.
 */
function carryCounts(
  definition: FamilyDefinition,
  labelValues: LabelValues,
  source: StoredSeries,
  target: StoredSeries,
): void {
  const blocks = source.family.blocks(labelValues).flatMap((key) => {
    const to = target.family.block(labelValues, key);
    return to ? [{ from: source.family.block(labelValues, key)!, to }] : [];
  });
  const total = (side: 'from' | 'to', { cells, index }: CellRange): { n: number; sum: number } => {
    const ranges = blocks.map((pair) => pair[side]);
    const n = observations(definition, cells, index, ranges);
    return { n, sum: cells[index + (n % 2)]! };
  };
  const [from, to] = [source.home, target.home];
  const a = total('from', from);
  const b = total('to', to);
  to.cells[to.index + ((a.n + b.n) % 2)] = a.sum + b.sum;
  const width = cellsOf(definition);
  for (let i = SUMS; i < width; i++) to.cells[to.index + i]! += from.cells[from.index + i]!;
  for (const pair of blocks) {
    for (let i = 0; i < BLOCK_CELLS; i++) pair.to.cells[pair.to.index + i]! += pair.from.cells[pair.from.index + i]!;
  }
}

function carryNativeHistogram(
  definition: FamilyDefinition,
  labelValues: LabelValues,
  from: StoredSeries,
  to: StoredSeries,
): void {
  const numbers = (side: StoredSeries): { values: Float64Array; buckets: SparseBuckets } => {
    const { family, home } = side;
    const blocks = new Map(family.blocks(labelValues).map((key) => [key, family.block(labelValues, key)!]));
    const values = new Float64Array(definition.bounds!.length + 2);
    return { values, buckets: readNativeHistogram(definition, home.cells, home.index, blocks, values, 0).buckets };
  };
  const target = new NativeBuckets(to.family, labelValues, to.home);
  const a = numbers(from);
  const b = numbers(to);
  const { cells, index } = to.home;
  target.carry(a.buckets, from.home.cells[from.home.index + nativeAt(definition) + OTHERS]!, b.buckets);
  let count = 0;
  for (let i = 1; i < a.values.length; i++) count += cells[index + SUMS - 1 + i] = a.values[i]! + b.values[i]!;
  cells[index + (count % 2)] = a.values[0]! + b.values[0]!;
  cells.fill(0, index + countsEnd(definition) + PENDING, index + countsEnd(definition) + PENDING + 1);
}
