import { AssertionError } from 'node:assert';
import type { LabelValue } from '../core/labels.ts';
import { type ScrapedPage, type ScrapedSample, toSeriesText } from './page.ts';
import { toNumberText } from './sample-line.ts';

/** Labels to look for; numbers and booleans as they are. */
export type ExpectedLabels = Readonly<Record<string, LabelValue>>;

/** So many others are shown where a series is not there. */
const SHOWN = 20;

/**
 * The samples of this name (`requests_total`, `duration_seconds_bucket`) that have these labels,
 * whatever others they have, in the order of the page.
 */
export function findSeries(page: ScrapedPage, name: string, labels: ExpectedLabels = {}): readonly ScrapedSample[] {
  const found: ScrapedSample[] = [];
  for (const { samples } of page.families.values()) {
    for (const sample of samples) if (sample.name === name && includes(sample, labels)) found.push(sample);
  }
  return found;
}

/** The value of the series with exactly these labels; `undefined` where there is none. */
export function seriesValue(page: ScrapedPage, name: string, labels: ExpectedLabels = {}): number | undefined {
  const count = Object.keys(labels).length;
  return findSeries(page, name, labels).find((sample) => Object.keys(sample.labels).length === count)?.value;
}

/**
 * Asserts that the page has a series with exactly these labels and, where one is given, this value.
 * Returns its value.
 *
 *     expectSeries(page, 'requests_total', { method: 'GET', status: 200 }, 3);
 *
 * @throws AssertionError of node:assert, which all test frameworks show as a difference.
 */
export function expectSeries(page: ScrapedPage, name: string, labels: ExpectedLabels = {}, value?: number): number {
  const found = seriesValue(page, name, labels);
  const wanted = toSeriesText(name, labels);
  if (found === undefined) {
    const others = findSeries(page, name).map((sample) => toSeriesText(name, sample.labels));
    const there = others.length > 0 ? others : [...page.families.keys()];
    throw new AssertionError({
      message: `no series ${wanted}; the page has ${others.length > 0 ? 'these of that name' : 'these families'}:\n${shown(there)}`,
      actual: there,
      expected: [wanted],
      operator: 'expectSeries',
      stackStartFn: expectSeries,
    });
  }
  if (value !== undefined && found !== value && !(Number.isNaN(found) && Number.isNaN(value))) {
    throw new AssertionError({
      message: `${wanted} is ${found}, expected ${value}`,
      actual: `${wanted} ${found}`,
      expected: `${wanted} ${value}`,
      operator: 'expectSeries',
      stackStartFn: expectSeries,
    });
  }
  return found;
}

/**
 * Asserts that the page has no series of this name with these labels, whatever others it has.
 *
 * @throws AssertionError of node:assert.
 */
export function expectNoSeries(page: ScrapedPage, name: string, labels: ExpectedLabels = {}): void {
  const found = findSeries(page, name, labels).map((sample) => `${toSeriesText(name, sample.labels)} ${sample.value}`);
  if (found.length === 0) return;
  throw new AssertionError({
    message: `expected no series ${toSeriesText(name, labels)}; the page has:\n${shown(found)}`,
    actual: found,
    expected: [],
    operator: 'expectNoSeries',
    stackStartFn: expectNoSeries,
  });
}

function includes(sample: ScrapedSample, labels: ExpectedLabels): boolean {
  return Object.entries(labels).every(([name, value]) => {
    const text = String(value);
    const expected = name === 'le' || name === 'quantile' ? toNumberText(text) : text;
    return Object.hasOwn(sample.labels, name) && sample.labels[name] === expected;
  });
}

function shown(lines: readonly string[]): string {
  const more = lines.length > SHOWN ? [`... and ${lines.length - SHOWN} more`] : [];
  return [...lines.slice(0, SHOWN), ...more].map((line) => `  ${line}`).join('\n');
}
