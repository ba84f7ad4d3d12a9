import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  bucketBound,
  bucketIndex,
  coarserIndex,
  MAX_SCHEMA,
  MIN_SCHEMA,
} from '../../src/snapshot/exponential-buckets.ts';

const SCHEMAS: readonly number[] = Array.from({ length: MAX_SCHEMA - MIN_SCHEMA + 1 }, (_, i) => MIN_SCHEMA + i);
const SMALLEST = 2 ** -1074;

/** The doubles next to a positive one. */
function neighbours(value: number): { below: number; above: number } {
  const bits = new BigInt64Array(1);
  const double = new Float64Array(bits.buffer);
  const near = (step: bigint): number => {
    double[0] = value;
    bits[0]! += step;
    return double[0];
  };
  return { below: near(-1n), above: near(1n) };
}

test('there are 13 schemas', () => expect(SCHEMAS).toHaveLength(13));

describe.each(SCHEMAS)('schema %d', (schema) => {
  const perOctave = 2 ** schema;

  test('a bound lies in its own bucket, the next double in the one after', () => {
    const from = Math.ceil(-1021 * perOctave);
    const to = 1024 * perOctave;
    const step = Math.max(1, Math.floor((to - from) / 4000));
    let looked = 0;
    for (let index = from; index < to; index += step, looked++) {
      const bound = bucketBound(index, schema);
      expect(bucketIndex(bound, schema)).toBe(index);
      expect(bucketIndex(neighbours(bound).above, schema)).toBe(index + 1);
      expect(bucketIndex(neighbours(bound).below, schema)).toBe(index);
    }
    expect(looked).toBeGreaterThan(100);
  });

  test('the ends of the range', () => {
    const last = 1024 * perOctave;
    expect(bucketIndex(Number.MAX_VALUE, schema)).toBe(last);
    expect(bucketBound(last, schema)).toBe(Number.MAX_VALUE);
    expect(bucketIndex(Infinity, schema)).toBe(last + 1);
    expect(bucketBound(last + 1, schema)).toBe(Infinity);
    expect(bucketIndex(SMALLEST, schema)).toBe(Math.ceil(-1074 * perOctave));
    expect(bucketIndex(3 * SMALLEST, schema)).toBe(Math.ceil((Math.log2(3) - 1074) * perOctave));
    expect(bucketIndex(2 ** -1022, schema)).toBe(Math.ceil(-1022 * perOctave));
  });

  test('half the resolution: every value, infinity too, lies in the bucket that holds its bucket', () => {
    if (schema === MIN_SCHEMA) return expect(bucketIndex(Infinity, schema)).toBe(65);
    const values = fc.oneof(
      fc.double({ min: SMALLEST, noNaN: true }),
      fc.constantFrom(Infinity, Number.MAX_VALUE, SMALLEST),
    );
    fc.assert(
      fc.property(values, (value) => {
        const index = bucketIndex(value, schema);
        expect(bucketIndex(value, schema - 1)).toBe((index + 1) >> 1);
        expect(coarserIndex(index, 1)).toBe((index + 1) >> 1);
      }),
    );
  });
});

test('for the largest double and what is above it the specification names 262144 and 262145', () => {
  expect(bucketIndex(Number.MAX_VALUE, 8)).toBe(262_144);
  expect(bucketIndex(Infinity, 8)).toBe(262_145);
});

// From the tables of Go's client library, whose last digit depends on how they were computed.
test.each([
  [1, [0.7071067811865475]],
  [2, [0.5946035575013605, 0.7071067811865475, 0.8408964152537144]],
  [3, [0.5452538663326288, 0.5946035575013605, 0.6484197773255048, 0.7071067811865475]],
])("schema %d has Go's bounds", (schema, halves) => {
  for (const [i, half] of halves.entries()) expect(bucketBound(i + 1, schema) / (2 * half)).toBeCloseTo(1, 14);
});

test('halving several times at once is halving one time after the other', () => {
  fc.assert(
    fc.property(fc.integer({ min: -262_200, max: 262_145 }), fc.integer({ min: 0, max: 12 }), (index, times) => {
      let expected = index;
      for (let i = 0; i < times; i++) expected = (expected + 1) >> 1;
      expect(coarserIndex(index, times)).toBe(expected);
    }),
  );
});
