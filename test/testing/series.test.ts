import { AssertionError } from 'node:assert';
import { describe, expect, test } from 'vitest';
import { expectNoSeries, expectSeries, findSeries, parsePage, seriesValue } from '../../src/testing.ts';

const page = parsePage(`\
# TYPE requests_total counter
requests_total{method="GET",status="200"} 3
requests_total{method="POST",status="200"} 1
# TYPE temperature gauge
temperature NaN
# TYPE wait_seconds histogram
wait_seconds_bucket{le="1"} 1
wait_seconds_bucket{le="+Inf"} 2
wait_seconds_sum 5
wait_seconds_count 2
`);

function failureOf(assertion: () => unknown): AssertionError {
  try {
    assertion();
  } catch (error) {
    expect(error).toBeInstanceOf(AssertionError);
    return error as AssertionError;
  }
  throw new Error('the assertion held');
}

test('findSeries finds by some of the labels', () => {
  expect(findSeries(page, 'requests_total', { status: 200 }).map(({ value }) => value)).toEqual([3, 1]);
  expect(findSeries(page, 'requests_total', { method: 'GET' }).map(({ value }) => value)).toEqual([3]);
  expect(findSeries(page, 'requests_total', { toString: 'x' })).toEqual([]);
  expect(findSeries(page, 'requests')).toEqual([]);
});

test('seriesValue wants all labels, in any order', () => {
  expect(seriesValue(page, 'requests_total', { status: '200', method: 'GET' })).toBe(3);
  expect(seriesValue(page, 'requests_total', { method: 'GET' })).toBeUndefined();
  expect(seriesValue(page, 'temperature')).toBeNaN();
  expect(seriesValue(page, 'wait_seconds_bucket', { le: 1 })).toBe(1);
  expect(seriesValue(page, 'wait_seconds_bucket', { le: '1.0' })).toBe(1);
  expect(seriesValue(page, 'wait_seconds_bucket', { le: Infinity })).toBe(2);
  expect(seriesValue(page, 'wait_seconds_count')).toBe(2);
});

describe('expectSeries', () => {
  test('returns the value where all is well', () => {
    expect(expectSeries(page, 'requests_total', { method: 'GET', status: 200 }, 3)).toBe(3);
    expect(expectSeries(page, 'temperature', {}, NaN)).toBeNaN();
    expect(expectSeries(page, 'wait_seconds_sum')).toBe(5);
  });

  test('shows the value that is there', () => {
    expect(failureOf(() => expectSeries(page, 'wait_seconds_sum', {}, 4))).toMatchObject({
      message: 'wait_seconds_sum is 5, expected 4',
      actual: 'wait_seconds_sum 5',
      expected: 'wait_seconds_sum 4',
    });
  });

  test('shows the series that are there', () => {
    const error = failureOf(() => expectSeries(page, 'requests_total', { method: 'PUT', status: 200 }));
    expect(error.message).toBe(`\
no series requests_total{method="PUT", status="200"}; the page has these of that name:
  requests_total{method="GET", status="200"}
  requests_total{method="POST", status="200"}`);
    expect(error.expected).toEqual(['requests_total{method="PUT", status="200"}']);
    expect(error.stack).not.toContain('at expectSeries');
  });

  test('shows the families where there is none of that name, and not too many', () => {
    expect(failureOf(() => expectSeries(page, 'request_total')).message).toContain('these families:\n  requests_total');
    const large = parsePage(Array.from({ length: 50 }, (_, i) => `a${i} 1\n`).join(''));
    expect(failureOf(() => expectSeries(large, 'b')).message).toMatch(/ {2}a19\n {2}\.\.\. and 30 more$/);
  });
});

test('expectNoSeries shows what is there', () => {
  expectNoSeries(page, 'requests_total', { method: 'PUT' });
  expectNoSeries(page, 'other');
  expect(failureOf(() => expectNoSeries(page, 'requests_total', { method: 'GET' })).message).toBe(
    'expected no series requests_total{method="GET"}; the page has:\n  requests_total{method="GET", status="200"} 3',
  );
});
