import type { FamilyDefinition, SparseBuckets } from '../../snapshot/snapshot.ts';
import { MAX_SCHEMA, MIN_SCHEMA } from '../../snapshot/exponential-buckets.ts';
import { coarsen } from '../../snapshot/sparse-buckets.ts';
import { BLOCK_CELLS, type BucketCounts, countsEnd, isCount, readBlocks, readSeries, schemaOfKey } from './layout.ts';
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
 * The classic count is the last to be stored, and commits (see layout.ts). A reader that finds one
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

/**
 * Returns the resolution of a series at this moment, from the first of its native cells; `undefined`
 * where that is damaged.
 */
export function schemaAt(definition: FamilyDefinition, cells: Float64Array, native: number): number | undefined {
  const cell = cells[native + SCHEMA]!;
  if (cell === 0) return definition.native!.schema;
  const schema = cell - SCHEMA_OFFSET;
  return Number.isInteger(schema) && schema >= MIN_SCHEMA && schema <= MAX_SCHEMA ? schema : undefined;
}

/** Returns the threshold of the zero bucket; `undefined` where its cell is damaged. */
export function thresholdAt(definition: FamilyDefinition, cells: Float64Array, native: number): number | undefined {
  if (cells[native + SCHEMA] === 0) return definition.native!.zeroThreshold;
  const threshold = cells[native + THRESHOLD]!;
  return Number.isFinite(threshold) && threshold >= 0 ? threshold : undefined;
}

/** The resolution that a series most likely has: that of its blocks, else that of its family. */
export function likelySchema(definition: FamilyDefinition, keys: Iterable<number>): number {
  for (const key of keys) return schemaOfKey(key);
  return definition.native!.schema;
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
  /** How many cells are damaged, and were left out. */
  readonly damaged: number;
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
  const known = schemaAt(definition, cells, native);
  const threshold = thresholdAt(definition, cells, native);
  const schema = known ?? likelySchema(definition, blocks.keys());
  const { count, positive, negative, lost } = readBlocks(blocks, schema);
  const [zeros, others] = [cells[native + ZEROS]!, cells[native + OTHERS]!];
  const counts: NativeCounts = {
    zeros: isCount(zeros) ? zeros : 0,
    others: isCount(others) ? others : 0,
    positive,
    negative,
  };
  const sound = [isCount(zeros), isCount(others), known !== undefined, threshold !== undefined];
  let damaged = lost.length + sound.filter((one) => !one).length;
  const first = to + 1;
  const last = first + definition.bounds!.length;
  let classic = 0;
  for (let i = first; i <= last; i++) if (out[i]! >= 0) classic += out[i]!;
  let surplus = count + counts.zeros + counts.others - classic;
  // Both kinds of buckets hold the same observations: the sound ones tell what the damaged one held.
  const gap = out.subarray(first, last + 1).findIndex((value) => !(value >= 0));
  if (gap >= 0) {
    damaged += out.subarray(first, last + 1).filter((value) => !(value >= 0)).length;
    for (let i = first; i <= last; i++) if (!(out[i]! >= 0)) out[i] = 0;
    if (surplus > 0) out[first + gap] = surplus;
    if (surplus > 0) surplus = 0;
  } else if (surplus < 0 && lost.length > 0) {
    const [side, index] = lost[0]!;
    side.push([index, -surplus]);
    side.sort(([a], [b]) => a - b);
    surplus = 0;
  } else if (surplus < 0 && !isCount(zeros)) {
    counts.zeros = -surplus;
    surplus = 0;
  }
  if (surplus === 1 && takeOut(counts, cells[native + PENDING]!)) surplus = 0;
  level(out, first, last, surplus);
  const zeroThreshold = threshold ?? definition.native!.zeroThreshold;
  return {
    buckets: coarsen({ schema, zeroThreshold, zeroCount: counts.zeros, positive, negative }, schema),
    behind: surplus < 0 && damaged === 0,
    damaged,
  };
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
