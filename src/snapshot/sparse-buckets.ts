import { bucketBound, bucketIndex, coarserIndex } from './exponential-buckets.ts';
import type { SparseBuckets } from './snapshot.ts';

type Side = SparseBuckets['positive'];

/**
 * Adds up what two processes, or two moments of a series, have counted: at the lower of their
 * resolutions, and with a zero bucket that is as wide as the wider one. Associative and
 * commutative, exact in all counts.
 */
export function mergeBuckets(a: SparseBuckets, b: SparseBuckets): SparseBuckets {
  const schema = Math.min(a.schema, b.schema);
  const zeroThreshold = Math.max(a.zeroThreshold, b.zeroThreshold);
  const x = coarsen(a, schema, zeroThreshold);
  const y = coarsen(b, schema, zeroThreshold);
  return {
    schema,
    zeroThreshold: x.zeroThreshold,
    zeroCount: x.zeroCount + y.zeroCount,
    positive: addSides(x.positive, y.positive),
    negative: addSides(x.negative, y.negative),
  };
}

/**
 * The same counts at a resolution that is not higher, with a zero bucket that is not narrower: it
 * ends at a bucket's bound, so that it cuts none in two (the specification asks for that of
 * populated buckets only; always is what makes merges associative). The same object where nothing
 * changes.
 */
export function coarsen(
  buckets: SparseBuckets,
  schema: number,
  zeroThreshold: number = buckets.zeroThreshold,
): SparseBuckets {
  const last = zeroThreshold === 0 ? -Infinity : bucketIndex(zeroThreshold, schema);
  const threshold = zeroThreshold === 0 ? 0 : bucketBound(last, schema);
  if (schema === buckets.schema && threshold === buckets.zeroThreshold) return buckets;
  const times = buckets.schema - schema;
  const positive = coarsenSide(buckets.positive, times, last);
  const negative = coarsenSide(buckets.negative, times, last);
  return {
    schema,
    zeroThreshold: threshold,
    zeroCount: buckets.zeroCount + positive.swallowed + negative.swallowed,
    positive: positive.side,
    negative: negative.side,
  };
}

/** `last`: the index of the last bucket that the zero bucket covers. */
function coarsenSide(buckets: Side, times: number, last: number): { side: Side; swallowed: number } {
  const side: [number, number][] = [];
  let swallowed = 0;
  for (const [fine, count] of buckets) {
    const index = coarserIndex(fine, times);
    const before = side.at(-1);
    if (index <= last) swallowed += count;
    else if (before?.[0] === index) before[1] += count;
    else side.push([index, count]);
  }
  return { side, swallowed };
}

function addSides(a: Side, b: Side): Side {
  if (a.length === 0) return b;
  if (b.length === 0) return a;
  const out: (readonly [number, number])[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    const x = a[i]!;
    const y = b[j]!;
    if (x[0] === y[0]) out.push([x[0], x[1] + y[1]]);
    else out.push(x[0] < y[0] ? x : y);
    if (x[0] <= y[0]) i++;
    if (y[0] <= x[0]) j++;
  }
  while (i < a.length) out.push(a[i++]!);
  while (j < b.length) out.push(b[j++]!);
  return out;
}
