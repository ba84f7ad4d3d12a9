import type { FamilyDefinition, FamilySnapshot, LabelValues } from '../snapshot/snapshot.ts';
import type { Family, Sample } from './types.ts';

/** The samples of one series. */
interface Series {
  readonly labels: LabelValues;
  readonly samples: Sample[];
}

/**
 * A family as prom-client and @prometheus-io/client give it in `getMetricsAsJSON`, for the page.
 * Counters keep their exact names. A summary, whose quantiles can't be turned into anything that
 * the core counts with, becomes three families without a type: quantiles, sum and count.
 *
 * @throws Error for a histogram whose buckets do not fit together.
 */
export function fromFamily(family: Family): readonly FamilySnapshot[] {
  const { name, type, values = [] } = family;
  switch (type) {
    case 'counter':
      return [single(family, { type, exactName: true }, values)];
    case 'gauge':
      return [single(family, { type, aggregation: 'sum', liveOnly: true }, values)];
    case 'histogram':
      return [histogram(family, values)];
    case 'summary':
      return [undefined, '_sum', '_count'].map((suffix = '') => {
        const samples = values.filter(({ metricName = name }) => metricName === name + suffix);
        return single({ ...family, name: name + suffix }, { type: 'unknown' }, samples);
      });
    default:
      return [single(family, { type: 'unknown' }, values)];
  }
}

type Kind = Partial<FamilyDefinition> & Pick<FamilyDefinition, 'type'>;

function single(family: Family, kind: Kind, samples: readonly Sample[]): FamilySnapshot {
  const labelNames = namesOf(samples);
  const series = group(samples, labelNames);
  const values = series.map((one) => one.samples[0]!.value);
  return snapshot(family, kind, labelNames, series, values);
}

function histogram(family: Family, samples: readonly Sample[]): FamilySnapshot {
  const labelNames = namesOf(samples).filter((label) => label !== 'le');
  const series = group(samples, labelNames);
  let bounds: readonly number[] | undefined;
  const values = series.flatMap((one) => {
    const buckets = one.samples
      .filter(({ metricName }) => metricName === `${family.name}_bucket`)
      .map(({ labels, value }) => ({ bound: boundOf(labels?.['le']), value }))
      .sort((a, b) => a.bound - b.bound);
    const own = buckets.map(({ bound }) => bound).filter(Number.isFinite);
    bounds ??= own;
    if (
      buckets.at(-1)?.bound !== Infinity ||
      own.length !== bounds.length ||
      own.some((bound, i) => bound !== bounds![i])
    ) {
      throw new Error(`${family.name}: the buckets of its series do not fit together`);
    }
    const sum = one.samples.find(({ metricName }) => metricName === `${family.name}_sum`)?.value ?? 0;
    return [sum, ...buckets.map(({ value }, i) => value - (buckets[i - 1]?.value ?? 0))];
  });
  return snapshot(family, { type: 'histogram', bounds: bounds ?? [] }, labelNames, series, values);
}

function snapshot(
  { name, help }: Family,
  kind: Kind,
  labelNames: readonly string[],
  series: readonly Series[],
  values: readonly number[],
): FamilySnapshot {
  return {
    definition: { name, help, unit: '', labelNames, ...kind },
    series: series.map(({ labels }) => labels),
    values: Float64Array.from(values),
  };
}

function boundOf(le: unknown): number {
  return le === '+Inf' ? Infinity : Number(le);
}

function namesOf(samples: readonly Sample[]): string[] {
  return [...new Set(samples.flatMap(({ labels = {} }) => Object.keys(labels)))];
}

/** By label values: what differs in nothing but an empty label is one series to Prometheus. */
function group(samples: readonly Sample[], labelNames: readonly string[]): Series[] {
  const groups = new Map<string, Series>();
  for (const sample of samples) {
    const labels = labelNames.map((name) => {
      const value = sample.labels?.[name];
      return value === undefined || value === null ? '' : `${value as string | number}`;
    });
    const key = JSON.stringify(labels);
    const known = groups.get(key);
    if (known) known.samples.push(sample);
    else groups.set(key, { labels: Object.freeze(labels), samples: [sample] });
  }
  return [...groups.values()];
}
