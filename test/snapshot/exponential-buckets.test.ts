import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bucketBound, bucketIndex } from '../../src/snapshot/exponential-buckets.ts';

const SCHEMAS = [-4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7, 8];
/** A double's value in units of 2^-1074, which every finite double is a whole number of. */
const UNIT = 1074n;

function exact(value: number): bigint {
  const bits = new BigUint64Array(Float64Array.of(value).buffer)[0]!;
  const exponent = (bits >> 52n) & 0x7ffn;
  const fraction = bits & 0xfffffffffffffn;
  return exponent === 0n ? fraction : (fraction | (1n << 52n)) << (exponent - 1n);
}

/**
 * Compares a value with the bound base^index = 2^(index·2^-schema) in whole numbers alone:
 * value^(2^schema) with 2^index. Sign of value − bound.
 */
function compareWithBound(value: number, index: number, schema: number): number {
  let left = exact(value);
  let shift = UNIT;
  let power = BigInt(index);
  if (schema > 0) {
    left **= 1n << BigInt(schema);
    shift <<= BigInt(schema);
  } else {
    power <<= BigInt(-schema);
  }
  // left · 2^-shift against 2^power
  const exponent = power + shift;
  if (exponent < 0n) return 1;
  const right = 1n << exponent;
  return left < right ? -1 : left > right ? 1 : 0;
}

/** Whether a value lies in (base^(index-1), base^index]. */
function liesIn(value: number, index: number, schema: number): boolean {
  return compareWithBound(value, index - 1, schema) > 0 && compareWithBound(value, index, schema) <= 0;
}

const positive = fc.double({ min: Number.MIN_VALUE, noNaN: true, noDefaultInfinity: true });

describe.each(SCHEMAS)('schema %i', (schema) => {
  // The exact power of 2^8 of a double has 250,000 bits or more.
  const numRuns = schema > 5 ? 60 : 500;

  test('any value, subnormal ones too, lies in its bucket', () => {
    let checked = 0;
    fc.assert(
      fc.property(positive, (value) => {
        checked++;
        return liesIn(value, bucketIndex(value, schema), schema);
      }),
      { numRuns, examples: [[Number.MIN_VALUE], [Number.MAX_VALUE], [2 ** -1022], [2 ** -1022 - 2 ** -1074], [1]] },
    );
    expect(checked).toBeGreaterThanOrEqual(numRuns);
  });

  test('powers of two are the upper bounds of their buckets, and what is next to them lies beside', () => {
    let checked = 0;
    for (let exponent = -1074; exponent < 1024; exponent += schema > 5 ? 97 : 7) {
      const value = 2 ** exponent;
      const index = Math.ceil(exponent * 2 ** schema) + 0; // no -0
      expect(bucketIndex(value, schema)).toBe(index);
      if (schema >= 0) {
        expect(bucketBound(index, schema)).toBe(value);
        const above = value + Math.max(value * Number.EPSILON, Number.MIN_VALUE);
        expect(bucketIndex(above, schema)).toBeGreaterThan(index);
      }
      checked++;
    }
    expect(checked).toBeGreaterThan(20);
  });

  test('bounds ascend, are within two units in the last place, and the largest double has its bucket', () => {
    const last = bucketIndex(Number.MAX_VALUE, schema);
    expect(last).toBe(Math.ceil(1024 * 2 ** schema));
    expect(bucketBound(last, schema)).toBe(Number.MAX_VALUE);
    let before = -1;
    let checked = 0;
    const first = bucketIndex(2 ** -1022, schema);
    const step = Math.max(1, Math.floor((last - first) / 50));
    for (let index = first; index < last; index += step) {
      const bound = bucketBound(index, schema);
      expect(bound).toBeGreaterThan(before);
      before = bound;
      const slack = bound * Number.EPSILON * 2;
      expect(compareWithBound(bound - slack, index, schema)).toBeLessThanOrEqual(0);
      expect(compareWithBound(bound + slack, index, schema)).toBeGreaterThanOrEqual(0);
      checked++;
    }
    expect(checked).toBeGreaterThan(20 * Math.min(1, 2 ** (schema + 2)));
  });
});
