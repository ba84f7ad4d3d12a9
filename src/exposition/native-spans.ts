import type { SparseBuckets } from '../snapshot/snapshot.ts';

/** One side of a native histogram as the formats have it. */
export interface BucketSpans {
  /**
   * Runs of buckets: how far from the end of the one before (the first: from bucket 0) it begins,
   * and how many buckets it has.
   */
  readonly spans: readonly (readonly [offset: number, length: number])[];
  /** The counts of all runs' buckets. */
  readonly counts: readonly number[];
}

/** So many empty buckets between two runs are written out, which is shorter than a new run. */
const MAX_GAP = 2;

/** Divides populated buckets into runs, as Go's client library does. */
export function toSpans(buckets: SparseBuckets['positive']): BucketSpans {
  const spans: [number, number][] = [];
  const counts: number[] = [];
  let next = 0;
  for (const [index, count] of buckets) {
    const gap = index - next;
    if (spans.length === 0 || gap > MAX_GAP) {
      spans.push([gap, 0]);
    } else {
      for (let i = 0; i < gap; i++) counts.push(0);
      spans.at(-1)![1] += gap;
    }
    counts.push(count);
    spans.at(-1)![1]++;
    next = index + 1;
  }
  return { spans, counts };
}
