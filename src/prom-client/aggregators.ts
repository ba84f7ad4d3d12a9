import type { Aggregator, Family, Sample } from './types.ts';

type Merge = (families: readonly Family[]) => Family | undefined;

/**
 * Makes an aggregator from what it makes of the values that several processes have for one series.
 */
function createAggregator(merge: (values: readonly number[]) => number): Merge {
  return (families) => {
    const [first] = families;
    if (!first) return undefined;
    const groups = new Map<string, Sample[]>();
    for (const { values = [] } of families) {
      for (const sample of values) {
        const key = keyOf(sample);
        const group = groups.get(key);
        if (group) group.push(sample);
        else groups.set(key, [sample]);
      }
    }
    const values = Array.from(groups.values(), (samples): Sample => {
      const { labels, metricName } = samples[0]!;
      const value = merge(samples.map((sample) => sample.value));
      return { value, ...(labels && { labels }), ...(metricName !== undefined && { metricName }) };
    });
    const { help, name, type, aggregator } = first;
    return { help, name, type, values, aggregator };
  };
}

/**
 * One string for a name and label set that no other has: values of different labels never run
 * together.
 */
function keyOf({ metricName = '', labels = {} }: Sample): string {
  const pairs = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([metricName, ...pairs.map(([name, value]) => [name, String(value)])]);
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** What merges the numbers of several processes, as `getMetricsAsJSON` gives them. */
export const aggregators: Readonly<Record<Aggregator, Merge>> = {
  sum: createAggregator(sum),
  first: createAggregator((values) => values[0]!),
  omit: () => undefined,
  average: createAggregator((values) => sum(values) / values.length),
  min: createAggregator((values) => values.reduce((least, value) => Math.min(least, value), Infinity)),
  max: createAggregator((values) => values.reduce((most, value) => Math.max(most, value), -Infinity)),
};

/**
 * The families of several processes as one each.
 * @throws Error for an aggregator that there isn't.
 */
export function aggregateFamilies(processes: readonly (readonly Family[])[]): Family[] {
  const byName = new Map<string, Family[]>();
  for (const family of processes.flat()) {
    const group = byName.get(family.name);
    if (group) group.push(family);
    else byName.set(family.name, [family]);
  }
  return Array.from(byName.values()).flatMap((group) => {
    const families = newestOfShared(group);
    const name = families[0]!.aggregator ?? 'sum';
    if (!Object.hasOwn(aggregators, name)) throw new Error(`'${name}' is not a defined aggregator.`);
    return aggregators[name as Aggregator](families) ?? [];
  });
}

/**
 * Of families that tell the numbers of one directory the newest alone, which has all that was
 * counted before; and those of processes that count by themselves.
 */
function newestOfShared(families: readonly Family[]): Family[] {
  const newest = new Map<string, Family>();
  for (const family of families) {
    if (!family.shared) continue;
    const { directory, readAt } = family.shared;
    const held = newest.get(directory);
    if (!held || readAt > held.shared!.readAt) newest.set(directory, family);
  }
  return [...families.filter(({ shared }) => !shared), ...Array.from(newest.values(), withoutProcess)];
}

/**
 * A gauge whose processes the core shows one by one, since only this API knows their mean, as this
 * API has it: without the label that tells them apart.
 */
function withoutProcess(family: Family): Family {
  if (family.aggregator !== 'average' && family.aggregator !== 'first') return family;
  const values = (family.values ?? []).map((sample) => {
    const { process: _, ...labels } = sample.labels ?? {};
    return { ...sample, labels };
  });
  return { ...family, values };
}
