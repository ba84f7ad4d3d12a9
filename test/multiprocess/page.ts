import { countOf } from '../../src/snapshot/quantile.ts';
import { type FamilySnapshot, type Snapshot, strideOf } from '../../src/snapshot/snapshot.ts';
import { MappedStore } from '../../src/store/mapped-store.ts';
import { Registry } from '../../src/core/registry.ts';
import { onTestFinished } from 'vitest';

/** A registry that reads a directory, in the test's own process. */
export function readerOf(directory: string, role: string = 'reader'): Registry {
  const registry = new Registry({ openStore: () => new MappedStore({ directory, role }) });
  onTestFinished(() => registry.close());
  return registry;
}

/** A family of a page; fails where there is none. */
export function familyOn(page: Snapshot, name: string): FamilySnapshot {
  const family = page.families.find(({ definition }) => definition.name === name);
  if (!family)
    throw new Error(`no family ${name} on a page of ${page.families.map((f) => f.definition.name).join(', ')}`);
  return family;
}

/**
 * The numbers of a series, as a snapshot has them; `undefined` where the series or its family is
 * not on the page.
 */
export function seriesOn(
  page: Snapshot,
  name: string,
  labelValues: readonly string[] = [],
): readonly number[] | undefined {
  const family = page.families.find(({ definition }) => definition.name === name);
  const place = family?.series.findIndex((labels) => labels.every((value, i) => value === labelValues[i])) ?? -1;
  if (!family || place < 0) return undefined;
  const stride = strideOf(family.definition);
  return [...family.values.subarray(place * stride, (place + 1) * stride)];
}

/** The first number of a series: a counter's or gauge's value, a histogram's or summary's sum. */
export function valueOn(page: Snapshot, name: string, labelValues: readonly string[] = []): number | undefined {
  return seriesOn(page, name, labelValues)?.[0];
}

/** All values of a family together. */
export function totalOn(page: Snapshot, name: string): number {
  const family = page.families.find(({ definition }) => definition.name === name);
  return family?.values.reduce((sum, value) => sum + value, 0) ?? 0;
}

/** How often a histogram's or summary's series has observed. */
export function countOn(page: Snapshot, name: string, labelValues: readonly string[] = []): number {
  const family = familyOn(page, name);
  const place = family.series.findIndex((labels) => labels.every((value, i) => value === labelValues[i]));
  if (family.sparse) return countOf(family.sparse[place]!);
  return seriesOn(page, name, labelValues)!
    .slice(1)
    .reduce((sum, count) => sum + count, 0);
}

/**
 * Every number of a page that may never fall: counters, histograms' and summaries' sums (of what is
 * never negative), counts and buckets.
 */
export function sumsOn(page: Snapshot): Map<string, number> {
  const sums = new Map<string, number>();
  for (const { definition, series, values, sparse } of page.families) {
    const { name, type } = definition;
    if (type !== 'counter' && type !== 'histogram' && type !== 'summary') continue;
    const stride = strideOf(definition);
    for (const [i, labels] of series.entries()) {
      const key = `${name} ${JSON.stringify(labels)}`;
      sums.set(key, values[i * stride]!);
      let cumulative = 0;
      for (let k = 1; k < stride; k++) sums.set(`${key} bucket ${k}`, (cumulative += values[i * stride + k]!));
      if (!sparse) continue;
      sums.set(`${key} count`, countOf(sparse[i]!));
      // Native histograms change their buckets when they change their resolution.
      if (type !== 'summary') continue;
      for (const [bucket, count] of sparse[i]!.positive) sums.set(`${key} bucket ${bucket}`, count);
    }
  }
  return sums;
}

/** The sums that are less than they were, or gone. */
export function fallen(before: ReadonlyMap<string, number>, now: ReadonlyMap<string, number>): string[] {
  return [...before]
    .filter(([key, value]) => !(now.get(key)! >= value))
    .map(([key, value]) => `${key}: ${value} -> ${now.get(key)}`);
}
