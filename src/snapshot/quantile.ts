import { bucketBound } from './exponential-buckets.ts';
import type { SparseBuckets } from './snapshot.ts';

/** How many values the buckets hold. */
export function countOf(buckets: SparseBuckets): number {
  let count = buckets.zeroCount;
  for (const [, n] of buckets.negative) count += n;
  for (const [, n] of buckets.positive) count += n;
  return count;
}

/**
 * An estimate of the value that the fraction `quantile` (0 to 1) of all values is at or below, by
 * nearest rank; NaN when there are none. Its relative error is at most (base − 1) / (base + 1),
 * base = 2^(2^-schema): 2.2 % at schema 4, since it is the value with the same relative distance
 * from both bounds of its bucket (DDSketch, VLDB 2019). Values of the zero bucket are 0.
 */
export function quantileOf(buckets: SparseBuckets, quantile: number): number {
  const count = countOf(buckets);
  if (count === 0) return NaN;
  let left = Math.max(Math.ceil(quantile * count), 1);
  // Ascending values: the negative buckets from the outermost in, zero, the positive ones.
  for (let i = buckets.negative.length - 1; i >= 0; i--) {
    const [index, n] = buckets.negative[i]!;
    left -= n;
    if (left <= 0) return -middleOf(index, buckets.schema);
  }
  left -= buckets.zeroCount;
  if (left <= 0) return 0;
  for (const [index, n] of buckets.positive) {
    left -= n;
    if (left <= 0) return middleOf(index, buckets.schema);
  }
  return NaN;
}

/** The harmonic mean of a bucket's bounds, in an order of operations that cannot overflow. */
function middleOf(index: number, schema: number): number {
  const low = bucketBound(index - 1, schema);
  return low * (2 / (1 + low / bucketBound(index, schema)));
}
