import { bucketBound, bucketIndex, MIN_SCHEMA } from '../../snapshot/exponential-buckets.ts';
import { strideOf } from '../../snapshot/snapshot.ts';
import type { FamilyDefinition, SparseBuckets } from '../../snapshot/snapshot.ts';
import type { CellRange } from '../store.ts';

/**
 * How a series' numbers lie in its cells. All types lie as in a snapshot, but for the two with a
 * sum beside their counts:
 *
 *     histogram   sum, sum, one count a bucket (the last: +Inf); where it is native too: see native-histogram.ts
 *     summary     sum, sum, count of zeros; buckets in blocks of 32
 *
 * An observation changes the sum and one count, and SIGKILL can come between the two. So the sum is
 * kept twice: with n the number of observations (all counts together), the sum that belongs to them
 * is the one at `n & 1`. An observation writes the other one and then adds to its count: that one
 * store commits both.
 */
export const SUMS = 2;

/** What every label of the overflow series says. */
export const OVERFLOW = '<overflow>';

/** Where a summary counts zeros (and what is too small for a bucket). */
export const ZERO: number = SUMS;

/** Summaries' resolution: 32 buckets an octave, so a quantile is off by 1.1 % at the most. */
export const SUMMARY_SCHEMA = 5;

/** Buckets to a block: a summary's octave. */
export const BLOCK_CELLS = 32;

/**
 * Summaries tell values apart from 2^-64 to 2^64; smaller ones count as zero, larger ones as the
 * largest. Bounds a series at 64 KiB.
 */
const SMALLEST = 2 ** -64;
const LARGEST = 2 ** 64;
const SUMMARY_ZERO_THRESHOLD: number = bucketBound(bucketIndex(SMALLEST, SUMMARY_SCHEMA) - 1, SUMMARY_SCHEMA);

/**
 * What a histogram with native buckets has behind its classic counts; native-histogram.ts says
 * what.
 */
export const NATIVE_CELLS = 5;

/** Returns how many cells a series has, without its blocks. */
export function cellsOf(definition: FamilyDefinition): number {
  switch (definition.type) {
    case 'histogram':
      return countsEnd(definition) + (definition.native ? NATIVE_CELLS : 0);
    case 'summary':
      return SUMS + 1;
    default:
      return strideOf(definition);
  }
}

/**
 * Where a histogram's classic counts end. Each observation is in one of them, whatever other
 * buckets there are.
 */
export function countsEnd(definition: FamilyDefinition): number {
  return SUMS + definition.bounds!.length + 1;
}

/** What `summaryIndex` says of a value that counts with the zeros. */
export const NO_BUCKET: number = -(2 ** 30);

/**
 * The index of the bucket in which a summary counts a finite value, whatever its sign; allocates
 * nothing.
 */
export function summaryIndex(value: number): number {
  const size = Math.min(Math.abs(value), LARGEST);
  return size < SMALLEST ? NO_BUCKET : bucketIndex(size, SUMMARY_SCHEMA);
}

/**
 * The key of the block that a bucket lies in; its cell there is `index & (BLOCK_CELLS - 1)`. Blocks
 * of several resolutions can exist side by side: a native histogram has them for a moment, while it
 * changes over.
 */
export function blockKey(index: number, negative: boolean, schema: number): number {
  return blockKeyOf((index >> 5) * 2 + (negative ? 1 : 0), schema);
}

/** The same from what all buckets of the block have in common: see `bucketCode`. */
export function blockKeyOf(block: number, schema: number): number {
  return (block << 4) | (schema - MIN_SCHEMA);
}

/** The resolution of a block's buckets. */
export function schemaOfKey(key: number): number {
  return (key & 15) + MIN_SCHEMA;
}

/** Returns how often a histogram or summary has observed, from its cells. */
export function observations(
  definition: FamilyDefinition,
  cells: Float64Array,
  at: number,
  blocks: Iterable<CellRange>,
): number {
  let count = 0;
  if (definition.type === 'histogram') {
    const end = at + countsEnd(definition);
    for (let i = at + SUMS; i < end; i++) count += cells[i]!;
    return count;
  }
  count = cells[at + ZERO]!;
  for (const block of blocks) for (let i = 0; i < BLOCK_CELLS; i++) count += block.cells[block.index + i]!;
  return count;
}

/** True for a number that a count can be. Anything else in a cell of counts is damage. */
export function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

/**
 * Copies a series from its cells to a snapshot. A histogram's damaged counts come out as NaN, and
 * count as none where the sum is chosen.
 */
export function readSeries(
  definition: FamilyDefinition,
  cells: Float64Array,
  at: number,
  out: Float64Array,
  to: number,
): void {
  if (definition.type === 'histogram') {
    let count = 0;
    const buckets = definition.bounds!.length + 1;
    for (let b = 0; b < buckets; b++) {
      const value = cells[at + SUMS + b]!;
      if (isCount(value)) count += out[to + 1 + b] = value;
      else out[to + 1 + b] = Number.NaN;
    }
    out[to] = cells[at + (count % 2)]!;
    return;
  }
  const stride = strideOf(definition);
  for (let i = 0; i < stride; i++) out[to + i] = cells[at + i]!;
}

/** Reads a summary's sum and buckets, from its cells and blocks (by key). */
export function readSummary(
  cells: Float64Array,
  at: number,
  blocks: ReadonlyMap<number, CellRange>,
): { sum: number; buckets: SparseBuckets; damaged: number } {
  const read = readBlocks(blocks, SUMMARY_SCHEMA);
  const zeros = cells[at + ZERO]!;
  const zeroCount = isCount(zeros) ? zeros : 0;
  const { count, positive, negative } = read;
  return {
    sum: cells[at + ((zeroCount + count) % 2)]!,
    buckets: { schema: SUMMARY_SCHEMA, zeroThreshold: SUMMARY_ZERO_THRESHOLD, zeroCount, positive, negative },
    damaged: read.lost.length + (isCount(zeros) ? 0 : 1),
  };
}

/** Populated buckets with their counts, ascending. */
export type BucketCounts = [index: number, count: number][];

/** The buckets of the blocks of one resolution. */
export interface BlockReading {
  /** All observations in them. */
  readonly count: number;
  readonly positive: BucketCounts;
  readonly negative: BucketCounts;
  /** Buckets whose cells are damaged, which are left out. */
  readonly lost: readonly (readonly [side: BucketCounts, index: number])[];
}

/** Reads the populated buckets of the blocks of one resolution. */
export function readBlocks(blocks: ReadonlyMap<number, CellRange>, schema: number): BlockReading {
  let count = 0;
  const lost: [BucketCounts, number][] = [];
  const sides: [BucketCounts, BucketCounts] = [[], []];
  const keys = [...blocks.keys()].filter((key) => schemaOfKey(key) === schema);
  for (const key of keys.sort((a, b) => a - b)) {
    const { cells, index } = blocks.get(key)!;
    const first = (key >> 5) * BLOCK_CELLS;
    const side = sides[((key >> 4) & 1) as 0 | 1];
    for (let i = 0; i < BLOCK_CELLS; i++) {
      const bucket = cells[index + i]!;
      if (bucket === 0) continue;
      if (!isCount(bucket)) {
        lost.push([side, first + i]);
        continue;
      }
      count += bucket;
      side.push([first + i, bucket]);
    }
  }
  return { count, positive: sides[0], negative: sides[1], lost };
}
