import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bucketIndex } from '../../src/snapshot/exponential-buckets.ts';
import { countOf, quantileOf } from '../../src/snapshot/quantile.ts';
import type { SparseBuckets } from '../../src/snapshot/snapshot.ts';

const ZERO_THRESHOLD = 2 ** -128;

function bucketsOf(values: readonly number[], schema: number): SparseBuckets {
  const count = (indices: number[]): [number, number][] =>
    [...new Set(indices)].sort((a, b) => a - b).map((i) => [i, indices.filter((index) => index === i).length]);
  const indices = (sign: number): number[] =>
    values.filter((value) => value * sign > ZERO_THRESHOLD).map((value) => bucketIndex(value * sign, schema));
  return {
    schema,
    zeroThreshold: ZERO_THRESHOLD,
    zeroCount: values.filter((value) => Math.abs(value) <= ZERO_THRESHOLD).length,
    positive: count(indices(1)),
    negative: count(indices(-1)),
  };
}

/** The value of nearest rank, from all values. */
function exactQuantile(values: readonly number[], quantile: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(Math.ceil(quantile * sorted.length), 1) - 1]!;
}

test('no values: NaN, and a count of 0', () => {
  const none = bucketsOf([], 4);
  expect(quantileOf(none, 0.5)).toBeNaN();
  expect(countOf(none)).toBe(0);
});

describe('quantiles', () => {
  const buckets = bucketsOf([-8, -1, 0, 0, 1, 8, 64, 512], 0);

  test.each([
    // Powers of two are the upper bounds of their buckets: (4, 8] is shown as 2·4·8/12.
    [0, -16 / 3],
    [0.125, -16 / 3],
    [0.25, -2 / 3],
    [0.26, 0],
    [0.5, 0],
    [0.625, 2 / 3],
    [0.75, 16 / 3],
    [1, 1024 / 3],
  ])('%s is %s', (quantile, value) => expect(quantileOf(buckets, quantile)).toBeCloseTo(value, 12));

  test('of the largest numbers are numbers', () => {
    for (const schema of [-4, 0, 8]) {
      expect(quantileOf(bucketsOf([Number.MAX_VALUE], schema), 1)).toSatisfy(Number.isFinite);
    }
  });
});

test('the relative error is at most (base - 1) / (base + 1)', () => {
  const magnitude = fc.double({ min: -120, max: 1000, noNaN: true }).map((exponent) => 2 ** exponent);
  const value = fc.oneof(
    fc.constant(0),
    magnitude,
    magnitude.map((x) => -x),
  );
  fc.assert(
    fc.property(
      fc.array(value, { minLength: 1, maxLength: 40 }),
      fc.integer({ min: -4, max: 8 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (values, schema, quantile) => {
        const base = 2 ** (2 ** -schema);
        const exact = exactQuantile(values, quantile);
        const estimate = quantileOf(bucketsOf(values, schema), quantile);
        const allowed = (base - 1) / (base + 1) + 1e-9;
        expect(Math.abs(estimate - exact)).toBeLessThanOrEqual(Math.abs(exact) * allowed);
      },
    ),
  );
});
