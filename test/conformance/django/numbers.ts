import { type ScrapedFamily, type ScrapedPage, toSeriesText } from '../../../src/testing/page.ts';

/** What a page says of Django's families, by series. */
export type Numbers = ReadonlyMap<string, number>;

/**
 * What can be compared of a page: counters and gauges; of histograms of times how many they are; of
 * histograms of sizes the counts by bucket, of that bucket alone, and the sum.
 */
export function numbersOf(page: ScrapedPage): Numbers {
  const numbers = new Map<string, number>();
  for (const family of djangoFamilies(page)) {
    const timed = family.name.includes('seconds');
    let below = 0;
    for (const { name, labels, value } of family.samples) {
      if (family.type !== 'histogram') numbers.set(toText(name, labels), value);
      else if (name.endsWith('_count')) numbers.set(toText(name, labels), value);
      else if (timed) continue;
      else if (name.endsWith('_sum')) numbers.set(toText(name, labels), value);
      else {
        numbers.set(toText(name, labels), value - below);
        below = value;
      }
    }
  }
  return numbers;
}

/**
 * By name, without those that Python's client adds to counters and histograms: `_created`, as
 * gauges.
 */
export function djangoFamilies(page: ScrapedPage): ScrapedFamily[] {
  return [...page.families.values()]
    .filter(({ name }) => name.startsWith('django_') && !name.endsWith('_created'))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** With labels in one order, whatever the page's. */
export function toText(name: string, labels: Readonly<Record<string, unknown>>): string {
  return toSeriesText(name, Object.fromEntries(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1))));
}

/** What `after` has more than `before`; gauges, which go up and down, as they are. */
export function increase(before: Numbers, after: Numbers): Numbers {
  return new Map(
    [...after].map(([series, value]) => [
      series,
      series.startsWith('django_migrations') ? value : value - (before.get(series) ?? 0),
    ]),
  );
}

/** `ours` less `theirs`, where they are not the same. */
export function differences(theirs: Numbers, ours: Numbers): Record<string, number> {
  const found: Record<string, number> = {};
  for (const series of [...new Set([...theirs.keys(), ...ours.keys()])].sort()) {
    const difference = (ours.get(series) ?? 0) - (theirs.get(series) ?? 0);
    if (difference !== 0) found[series] = difference;
  }
  return found;
}
