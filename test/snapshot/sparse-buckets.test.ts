import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bucketBound, MIN_SCHEMA } from '../../src/snapshot/exponential-buckets.ts';
import { countOf } from '../../src/snapshot/quantile.ts';
import { coarsen, mergeBuckets } from '../../src/snapshot/sparse-buckets.ts';
import { countBuckets } from '../support/count-buckets.ts';

const value = fc.oneof(
  fc.double({ noNaN: true, min: -100, max: 100 }),
  fc.double({ noNaN: true }),
  fc.constantFrom(0, Infinity, -Infinity, Number.MAX_VALUE, 1, 2, 0.5, -1),
);
const values = fc.array(value, { maxLength: 30 });
const schema = fc.integer({ min: MIN_SCHEMA, max: 8 });
const threshold = fc.constantFrom(0, 2 ** -128, 2 ** -1022, 0.001, 0.3, 0.5, 1, 3);
const counted = fc.tuple(values, schema, threshold).map((parts) => countBuckets(...parts));

describe('merging', () => {
  test('does not depend on the order', () => {
    fc.assert(
      fc.property(counted, counted, (a, b) => {
        expect(mergeBuckets(a, b)).toEqual(mergeBuckets(b, a));
      }),
    );
  });

  test('does not depend on who is merged first', () => {
    fc.assert(
      fc.property(counted, counted, counted, (a, b, c) => {
        expect(mergeBuckets(mergeBuckets(a, b), c)).toEqual(mergeBuckets(a, mergeBuckets(b, c)));
      }),
      { numRuns: 1000 },
    );
  });

  test('loses nothing', () => {
    fc.assert(
      fc.property(counted, counted, (a, b) => {
        expect(countOf(mergeBuckets(a, b))).toBe(countOf(a) + countOf(b));
      }),
    );
  });

  test('gives what one process would have counted, at the lower of the resolutions', () => {
    fc.assert(
      fc.property(values, values, schema, schema, (x, y, s, t) => {
        const merged = mergeBuckets(countBuckets(x, s, 2 ** -128), countBuckets(y, t, 2 ** -128));
        expect(merged).toEqual(countBuckets([...x, ...y], Math.min(s, t), 2 ** -128));
      }),
    );
  });

  test('cuts no bucket in two: the zero bucket ends at a bound, and all others lie outside', () => {
    fc.assert(
      fc.property(counted, counted, (a, b) => {
        const { schema: merged, zeroThreshold, positive, negative } = mergeBuckets(a, b);
        expect(zeroThreshold).toBeGreaterThanOrEqual(Math.max(a.zeroThreshold, b.zeroThreshold));
        for (const [index] of [...positive, ...negative]) {
          expect(bucketBound(index - 1, merged)).toBeGreaterThanOrEqual(zeroThreshold);
        }
      }),
    );
  });
});

describe('zero buckets of different widths', () => {
  const narrow = countBuckets([0, 0.2, 0.3, 0.45, 0.6, 3, -0.3, -4], 0, 2 ** -128);

  test('the wider one counts what lies in it', () => {
    expect(mergeBuckets(narrow, countBuckets([0, 5], 0, 0.25))).toEqual({
      schema: 0,
      zeroThreshold: 0.25,
      zeroCount: 3,
      positive: [
        [-1, 2],
        [0, 1],
        [2, 1],
        [3, 1],
      ],
      negative: [
        [-1, 1],
        [2, 1],
      ],
    });
  });

  test('it grows to the bound of a bucket that it would cut', () => {
    expect(mergeBuckets(narrow, countBuckets([0, 5], 0, 0.3))).toEqual({
      schema: 0,
      zeroThreshold: 0.5,
      zeroCount: 6,
      positive: [
        [0, 1],
        [2, 1],
        [3, 1],
      ],
      negative: [[2, 1]],
    });
  });

  test('at a lower resolution it grows further', () => {
    const { zeroThreshold, zeroCount } = mergeBuckets(narrow, countBuckets([], -2, 0.3));
    expect({ zeroThreshold, zeroCount }).toEqual({ zeroThreshold: 1, zeroCount: 6 });
  });

  test('a width of 0 takes the other one', () => {
    expect(mergeBuckets(countBuckets([0, 1], 3, 0), countBuckets([0, 1], 3, 2 ** -128))).toEqual({
      schema: 3,
      zeroThreshold: 2 ** -128,
      zeroCount: 2,
      positive: [[0, 2]],
      negative: [],
    });
  });
});

test('what stays as it is is not copied', () => {
  const buckets = countBuckets([1, 2, 3], 3, 2 ** -128);
  expect(coarsen(buckets, 3)).toBe(buckets);
});
