import { bucketIndex } from '../../src/snapshot/exponential-buckets.ts';
import type { SparseBuckets } from '../../src/snapshot/snapshot.ts';

/**
 * What native buckets of one resolution hold of some values: the specification in the plainest
 * words.
 */
export function countBuckets(values: readonly number[], schema: number, zeroThreshold: number): SparseBuckets {
  const sides = [new Map<number, number>(), new Map<number, number>()] as const;
  let zeroCount = 0;
  for (const value of values) {
    if (Number.isNaN(value)) continue;
    if (Math.abs(value) <= zeroThreshold) {
      zeroCount++;
      continue;
    }
    const index = bucketIndex(Math.abs(value), schema);
    const side = sides[value < 0 ? 1 : 0];
    side.set(index, (side.get(index) ?? 0) + 1);
  }
  const [positive, negative] = sides.map((side) => [...side].sort(([a], [b]) => a - b));
  return { schema, zeroThreshold, zeroCount, positive: positive!, negative: negative! };
}
