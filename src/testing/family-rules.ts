import { malformed } from './line-reader.ts';
import { seriesKey, toSeriesText, type ScrapedFamily, type ScrapedPage, type ScrapedSample } from './page.ts';

type Format = ScrapedPage['format'];

/** The suffixes of a family's samples, by type. */
export const SUFFIXES: Readonly<Record<Format, Readonly<Record<string, readonly string[]>>>> = {
  text: {
    counter: [''],
    gauge: [''],
    histogram: ['_bucket', '_sum', '_count'],
    summary: ['', '_sum', '_count'],
    untyped: [''],
  },
  openmetrics: {
    counter: ['_total', '_created'],
    gauge: [''],
    histogram: ['_bucket', '_sum', '_count', '_created'],
    gaugehistogram: ['_bucket', '_gsum', '_gcount'],
    summary: ['', '_sum', '_count', '_created'],
    info: ['_info'],
    stateset: [''],
    unknown: [''],
  },
};

/** The label that a type gives its own meaning, on the samples with this suffix. */
const OWN_LABELS: Readonly<Record<string, readonly [suffix: string, label: string]>> = {
  histogram: ['_bucket', 'le'],
  gaugehistogram: ['_bucket', 'le'],
  summary: ['', 'quantile'],
};

/** Samples that differ in the type's own label and the suffix alone. */
interface Group {
  readonly series: string;
  readonly samples: ScrapedSample[];
}

/** @throws MetricsError ERR_METRICS_MALFORMED_PAGE where a whole family breaks its type's rules. */
export function checkFamily(family: ScrapedFamily, format: Format): void {
  if (family.unit && !family.name.endsWith(`_${family.unit}`)) {
    throw malformed(`${family.name} has the unit ${family.unit}, so its name must end in _${family.unit}`);
  }
  const odd = family.samples.find(({ name, exemplar }) => exemplar && !mayHaveExemplar(family, name));
  if (odd) throw malformed(`${toSeriesText(odd.name, odd.labels)}: only counters and buckets have exemplars`);
  for (const group of groupSamples(family)) {
    const fault = faultOf(family, group, format);
    if (fault) throw malformed(`${group.series} (${family.type}): ${fault}`);
  }
}

function mayHaveExemplar({ type, name }: ScrapedFamily, sample: string): boolean {
  return (
    (type === 'counter' && sample === `${name}_total`) || (type.endsWith('histogram') && sample === `${name}_bucket`)
  );
}

function groupSamples(family: ScrapedFamily): Iterable<Group> {
  const groups = new Map<string, Group>();
  let last: Group | undefined;
  for (const sample of family.samples) {
    const own = family.type === 'stateset' ? family.name : OWN_LABELS[family.type]?.[1];
    const labels = Object.fromEntries(Object.entries(sample.labels).filter(([name]) => name !== own));
    const key = seriesKey(family.name, labels);
    const group = groups.get(key) ?? { series: toSeriesText(family.name, labels), samples: [] };
    if (group !== last && groups.has(key)) throw malformed(`${group.series}: its lines do not stand together`);
    groups.set(key, group);
    group.samples.push(sample);
    last = group;
  }
  return groups.values();
}

function faultOf(family: ScrapedFamily, { samples }: Group, format: Format): string | undefined {
  switch (family.type) {
    case 'counter':
      return samples.every(({ value }) => value >= 0) ? undefined : 'a counter is never negative and never NaN';
    case 'histogram':
      return bucketFault(family, samples) ?? totalsFault(family, samples, format);
    case 'gaugehistogram':
      return bucketFault(family, samples);
    case 'summary':
      return quantileFault(family, samples);
    case 'info':
      return samples.every(({ value }) => value === 1) ? undefined : 'an info is always 1';
    case 'stateset':
      return samples.every(({ value, labels }) => (value === 0 || value === 1) && Object.hasOwn(labels, family.name))
        ? undefined
        : `a state is 1 or 0 and has its name in the label ${family.name}`;
    default:
      return undefined;
  }
}

function bucketFault(family: ScrapedFamily, samples: readonly ScrapedSample[]): string | undefined {
  const buckets = samples.filter(({ name }) => name === `${family.name}_bucket`);
  let bound = -Infinity;
  let count = 0;
  for (const { labels, value } of buckets) {
    const next = labels.le === '+Inf' ? Infinity : Number(labels.le);
    if (!(next > bound)) return 'the buckets must have le, a number, and ascend by it';
    if (!(value >= count && Number.isInteger(value))) return 'the buckets must hold whole numbers that never fall';
    bound = next;
    count = value;
  }
  return bound === Infinity ? undefined : 'there must be a bucket for +Inf';
}

function totalsFault(family: ScrapedFamily, samples: readonly ScrapedSample[], format: Format): string | undefined {
  const valueOf = (suffix: string): number | undefined =>
    samples.find(({ name }) => name === family.name + suffix)?.value;
  const total = samples.findLast(({ labels }) => labels.le === '+Inf')!.value;
  const [sum, count] = [valueOf('_sum'), valueOf('_count')];
  if ((sum === undefined) !== (count === undefined)) return 'there must be both sum and count, or neither';
  if (format === 'text' && count === undefined) return 'there must be sum and count';
  return count === undefined || count === total ? undefined : `the count, ${count}, must be that of +Inf, ${total}`;
}

function quantileFault(family: ScrapedFamily, samples: readonly ScrapedSample[]): string | undefined {
  for (const { name, labels, value } of samples) {
    if (name !== family.name) {
      if (name === `${family.name}_count` && !(value >= 0 && Number.isInteger(value))) return 'the count must be whole';
    } else if (!(Number(labels.quantile) >= 0 && Number(labels.quantile) <= 1)) {
      return 'each value must have a quantile from 0 to 1';
    }
  }
  return undefined;
}
