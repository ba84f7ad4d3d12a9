import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatBound, formatCanonicalBound, formatValue } from '../../src/exposition/numbers.ts';

describe('values', () => {
  test.each([
    [0, '0'],
    [-0, '0'],
    [-1, '-1'],
    [4095, '4095'],
    [4096, '4096'],
    [2 ** 31 - 1, '2147483647'],
    [2 ** 31, '2147483648'],
    [-(2 ** 31) - 1, '-2147483649'],
    [0.1, '0.1'],
    [1e21, '1e+21'],
    [5e-324, '5e-324'],
    [NaN, 'NaN'],
    [Infinity, '+Inf'],
    [-Infinity, '-Inf'],
  ])('%s is printed %s', (value, text) => expect(formatValue(value)).toBe(text));

  test('are read back as they were', () => {
    fc.assert(
      fc.property(fc.double({ noDefaultInfinity: true, noNaN: true }), (value) => {
        expect(Number(formatValue(value))).toBe(value === 0 ? 0 : value);
      }),
    );
    fc.assert(
      fc.property(fc.maxSafeInteger(), (value) => {
        expect(formatValue(value)).toBe(BigInt(value).toString());
      }),
    );
  });
});

describe('bounds', () => {
  // What Go's strconv.FormatFloat(x, 'g', -1, 64) prints.
  test.each([
    [0, '0', '0.0'],
    [1, '1', '1.0'],
    [-1, '-1', '-1.0'],
    [0.005, '0.005', '0.005'],
    [0.0001, '0.0001', '0.0001'],
    [0.00012345, '0.00012345', '0.00012345'],
    [0.00001, '1e-05', '1e-05'],
    [1.5e-7, '1.5e-07', '1.5e-07'],
    [100_000, '100000', '100000.0'],
    [123_456.5, '123456.5', '123456.5'],
    [999_999, '999999', '999999.0'],
    [1_000_000, '1e+06', '1e+06'],
    [1_234_567, '1.234567e+06', '1.234567e+06'],
    [-1_048_576, '-1.048576e+06', '-1.048576e+06'],
    [1e21, '1e+21', '1e+21'],
    [1e100, '1e+100', '1e+100'],
    [5e-324, '5e-324', '5e-324'],
    [Infinity, '+Inf', '+Inf'],
    [-Infinity, '-Inf', '-Inf'],
    [NaN, 'NaN', 'NaN'],
  ])('%s is printed %s, in OpenMetrics %s', (bound, text, canonical) => {
    expect(formatBound(bound)).toBe(text);
    expect(formatCanonicalBound(bound)).toBe(canonical);
  });

  test('are read back as they were, and have an exponent only where Go writes one', () => {
    fc.assert(
      fc.property(fc.double({ noDefaultInfinity: true, noNaN: true }), (bound) => {
        const text = formatCanonicalBound(bound);
        expect(Number(text)).toBe(bound === 0 ? 0 : bound);
        const magnitude = Math.abs(bound);
        const plain = bound === 0 || (magnitude >= 1e-4 && magnitude < 1e6);
        expect(text).toMatch(plain ? /^-?\d+\.\d+$/ : /^-?\d(\.\d+)?e[+-]\d{2,3}$/);
      }),
    );
  });
});
