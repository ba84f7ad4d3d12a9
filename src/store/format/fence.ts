import { type FamilyDefinition, keepsSetTime } from '../../snapshot/snapshot.ts';
import { BLOCK_CELLS, blockKey, countsEnd, isCount, SUMS, ZERO } from './layout.ts';
import type { CellRange } from '../store.ts';
import {
  likelySchema,
  nativeAt,
  OTHERS,
  PENDING,
  readNativeHistogram,
  SCHEMA,
  SCHEMA_OFFSET,
  schemaAt,
  THRESHOLD,
  thresholdAt,
  ZEROS,
} from './native-histogram.ts';

/** True for an amount that a counter can have. Counters may count fractions, and past 2^53. */
function isAmount(value: number): boolean {
  return Number.isFinite(value) && value >= 0;
}

/**
 * Puts a number in the place of each damaged one of a series that was read: the one of the last
 * reading, else 0. Returns how many it were. What a bit flip turns into another possible number
 * can't be told; see FORMAT.md.
 *
 * @param last the values of the last reading, where the series were the same
 */
export function fence(
  definition: FamilyDefinition,
  values: Float64Array,
  at: number,
  last: Float64Array | undefined,
): number {
  switch (definition.type) {
    case 'counter':
      return isAmount(values[at]!) ? 0 : replace(values, at, last);
    case 'histogram': {
      let damaged = 0;
      const end = at + 2 + definition.bounds!.length;
      for (let i = at + 1; i < end; i++) if (!isCount(values[i]!)) damaged += replace(values, i, last);
      return damaged;
    }
    case 'gauge':
      return !keepsSetTime(definition) || isAmount(values[at + 1]!) ? 0 : replace(values, at + 1, last);
    default:
      return 0;
  }
}

function replace(values: Float64Array, at: number, last: Float64Array | undefined): 1 {
  values[at] = last?.[at] ?? 0;
  return 1;
}

/**
 * Repairs the damaged cells of a series for a process that counts on in them: a damaged count is 0
 * from now on. Returns how many it were.
 *
 * @param blocks the blocks of the series, by key
 */
export function repair(
  definition: FamilyDefinition,
  { cells, index: at }: CellRange,
  blocks: ReadonlyMap<number, CellRange>,
): number {
  let damaged = 0;
  const inferred = definition.native && infer(definition, { cells, index: at }, blocks);
  const zero = (array: Float64Array, i: number, isSound: (value: number) => boolean): void => {
    if (isSound(array[i]!)) return;
    array[i] = 0;
    damaged++;
  };
  if (definition.type === 'counter') zero(cells, at, isAmount);
  if (keepsSetTime(definition)) zero(cells, at + 1, isAmount);
  if (definition.type !== 'histogram' && definition.type !== 'summary') return damaged;

  if (definition.type === 'summary') zero(cells, at + ZERO, isCount);
  else for (let i = at + SUMS; i < at + countsEnd(definition); i++) zero(cells, i, isCount);
  for (const block of blocks.values()) {
    for (let i = 0; i < BLOCK_CELLS; i++) zero(block.cells, block.index + i, isCount);
  }
  // Which of the two sums counts depends on the damaged count: the choice is off by one observation
  // at the most.
  if (damaged > 0) cells[at] = cells[at + 1] = Number.isFinite(cells[at]) ? cells[at]! : cells[at + 1]!;
  if (definition.native) damaged += repairNative(definition, cells, at + nativeAt(definition), blocks.keys());
  if (damaged > 0) inferred?.();
  return damaged;
}

/**
 * Classic and native buckets hold the same observations, so that a damaged count follows from the
 * sound ones. Returns what stores those that a reader infers.
 */
function infer(definition: FamilyDefinition, home: CellRange, blocks: ReadonlyMap<number, CellRange>): () => void {
  const values = new Float64Array(definition.bounds!.length + 2);
  const { buckets } = readNativeHistogram(definition, home.cells, home.index, blocks, values, 0);
  return () => {
    const { cells, index } = home;
    const native = index + nativeAt(definition);
    cells.set(values.subarray(1), index + SUMS);
    cells[native + ZEROS] = buckets.zeroCount;
    for (const [negative, side] of [buckets.positive, buckets.negative].entries()) {
      for (const [bucket, count] of side) {
        const block = blocks.get(blockKey(bucket, negative === 1, buckets.schema));
        if (block) block.cells[block.index + (bucket & (BLOCK_CELLS - 1))] = count;
      }
    }
  };
}

function repairNative(
  definition: FamilyDefinition,
  cells: Float64Array,
  native: number,
  keys: Iterable<number>,
): number {
  let damaged = 0;
  const mend = (place: number, value: number): void => {
    cells[native + place] = value;
    damaged++;
  };
  if (schemaAt(definition, cells, native) === undefined) mend(SCHEMA, likelySchema(definition, keys) + SCHEMA_OFFSET);
  if (thresholdAt(definition, cells, native) === undefined) mend(THRESHOLD, definition.native!.zeroThreshold);
  for (const place of [ZEROS, OTHERS]) if (!isCount(cells[native + place]!)) mend(place, 0);
  if (!Number.isSafeInteger(cells[native + PENDING])) mend(PENDING, 0);
  return damaged;
}
