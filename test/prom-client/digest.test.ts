import { assert, integer, property } from 'fast-check';
import { expect, test } from 'vitest';
import { Digest } from '../../src/prom-client/digest.ts';

function digestOf(values: readonly number[]): Digest {
  const digest = new Digest();
  for (const value of values) digest.add(value);
  return digest;
}

test('few different values are told exactly, with a straight line between neighbours', () => {
  expect(digestOf([100]).quantile(0.01)).toBe(100);
  const digest = digestOf([100, 50, 100, 50, 100]);
  expect([0.01, 0.5, 0.9].map((q) => digest.quantile(q))).toEqual([50, 80, 100]);
  expect(digestOf([]).quantile(0.5)).toBeNaN();
});

test('of many values the rank is right to a hundredth, and to a thousandth at the ends', () => {
  assert(
    property(integer({ min: 2000, max: 20_000 }), integer({ min: 1, max: 1e6 }), (count, seed) => {
      // A permutation of 0 … count - 1, so that a value is its rank.
      const step = [7919, 104_729, 1_299_709].find((prime) => count % prime !== 0)!;
      const digest = digestOf(Array.from({ length: count }, (_, i) => (i * step + seed) % count));
      for (const [q, error] of [
        [0.001, 0.001],
        [0.5, 0.01],
        [0.9, 0.01],
        [0.999, 0.001],
      ] as const) {
        expect(Math.abs(digest.quantile(q) / count - q)).toBeLessThan(error + 1 / count);
      }
    }),
    { numRuns: 20 },
  );
});

test('quantiles over several digests are those over all their values', () => {
  const [first, ...others] = [0, 1, 2].map((part) => digestOf(Array.from({ length: 1000 }, (_, i) => i * 3 + part)));
  expect(first!.quantile(0.5, others) / 3000).toBeCloseTo(0.5, 1);
  expect(first!.quantile(0.5) / 3000).toBeCloseTo(0.5, 1);
});
