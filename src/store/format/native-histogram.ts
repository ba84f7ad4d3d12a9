import type { FamilyDefinition, SparseBuckets } from '../../snapshot/snapshot.ts';
import { coarsen } from '../../snapshot/sparse-buckets.ts';
import { BLOCK_CELLS, type BucketCounts, countsEnd, observations, readBlocks, readSeries } from './layout.ts';
import type { CellRange } from '../store.ts';

/**
 * A histogram with native buckets has, behind its classic counts (at the least that of +Inf), five
 * cells, and its populated buckets in blocks:
 *
 *     schema      the resolution plus 16; 0 before the first observation. Only blocks of this resolution count
 *     threshold   values in [-threshold, threshold] are in the zero bucket
 *     zeros       how many of these there were
 *     others      how many were NaN, which are in no bucket
 *     pending     which bucket was counted in last
 *
 * An observation counts in a classic and in a native bucket, and SIGKILL can come between the two.
 * The classic count is the last to be stored, and commits (see layout.ts). Whoever finds one
 * observation more in the native buckets than in the classic ones takes it out again, from the
 * bucket that `pending` names: it was stored before the native count was.
 *
 * A change of resolution fills new blocks first; the one store of `schema` makes them count, and
 * the old ones are given back.
 */
export const SCHEMA = 0;
export const THRESHOLD = 1;
export const ZEROS = 2;
export const OTHERS = 3;
export const PENDING = 4;

/** Added to the schema in its cell, so that 0 means none. */
export const SCHEMA_OFFSET = 16;

/** What `pending` says of the two counts that are no blocks' buckets. */
export const PENDING_ZERO: number = 2 ** 40;
export const PENDING_OTHER: number = 2 ** 40 + 1;

/**
 * A bucket as one number, which is also what `pending` says of it: the place in its block, and the
 * block in the bits above (`code >> 5` is what its key says, but for the resolution).
 */
export function bucketCode(index: number, negative: boolean): number {
  return ((index & ~(BLOCK_CELLS - 1)) << 1) | (negative ? BLOCK_CELLS : 0) | (index & (BLOCK_CELLS - 1));
}

/** The bucket's index again. */
export function indexOfCode(code: number): number {
  return ((code >> 1) & ~(BLOCK_CELLS - 1)) | (code & (BLOCK_CELLS - 1));
}

/** Where the native cells of a series begin, from its first cell. */
export function nativeAt(definition: FamilyDefinition): number {
  return countsEnd(definition);
}

/** The resolution of a series at this moment, from the first of its native cells. */
export function schemaAt(definition: FamilyDefinition, cells: Float64Array, native: number): number {
  const cell = cells[native + SCHEMA]!;
  return cell === 0 ? definition.native!.schema : cell - SCHEMA_OFFSET;
}

/** What a series has counted in its native buckets. */
interface NativeCounts {
  zeros: number;
  others: number;
  readonly positive: BucketCounts;
  readonly negative: BucketCounts;
}

/** What was read of a series' native buckets. */
export interface NativeReading {
  readonly buckets: SparseBuckets;
  /**
   * Whether there are fewer observations in them than in the classic ones: some of its blocks, or
   * all of them after a change of resolution, are not known here, since its writer has written them
   * down after the names were read.
   */
  readonly behind: boolean;
}

/**
 * Copies a series' classic numbers to a snapshot, and returns its native buckets: both of them hold
 * the same observations.
 */
export function readNativeHistogram(
  definition: FamilyDefinition,
  cells: Float64Array,
  at: number,
  blocks: ReadonlyMap<number, CellRange>,
  out: Float64Array,
  to: number,
): NativeReading {
  readSeries(definition, cells, at, out, to);
  const native = at + nativeAt(definition);
  const schema = schemaAt(definition, cells, native);
  const { count, positive, negative } = readBlocks(blocks, schema);
  const counts: NativeCounts = { zeros: cells[native + ZEROS]!, others: cells[native + OTHERS]!, positive, negative };
  let surplus = count + counts.zeros + counts.others - observations(definition, cells, at, []);
  if (surplus === 1 && takeOut(counts, cells[native + PENDING]!)) surplus = 0;
  level(out, to + 1, to + 1 + definition.bounds!.length, surplus);
  const zeroThreshold = cells[native + SCHEMA] === 0 ? definition.native!.zeroThreshold : cells[native + THRESHOLD]!;
  const buckets = coarsen({ schema, zeroThreshold, zeroCount: counts.zeros, positive, negative }, schema);
  return { buckets, behind: surplus < 0 };
}

/**
 * Makes classic counts as many as the native ones, from the last one on. Only where a writer never
 * stood still is there anything to do.
 */
function level(counts: Float64Array, first: number, last: number, surplus: number): void {
  if (surplus > 0) counts[last]! += surplus;
  for (let i = last; surplus < 0 && i >= first; i--) {
    const taken = Math.min(counts[i]!, -surplus);
    counts[i]! -= taken;
    surplus += taken;
  }
}

/** Takes an observation out that was never committed. `false`: its bucket is empty. */
function takeOut(counts: NativeCounts, pending: number): boolean {
  if (pending === PENDING_ZERO) return counts.zeros-- > 0;
  if (pending === PENDING_OTHER) return counts.others-- > 0;
  const side = (pending & BLOCK_CELLS) === 0 ? counts.positive : counts.negative;
  const bucket = indexOfCode(pending);
  const place = side.findIndex(([index]) => index === bucket);
  if (place < 0) return false;
  if (--side[place]![1] === 0) side.splice(place, 1);
  return true;
}
