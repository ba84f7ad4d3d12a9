import { MetricsError } from '../errors.ts';
import { closestName } from '../settings/closest-name.ts';
import type { MetricType } from '../snapshot/snapshot.ts';

/** Options that every kind of metric has. */
const COMMON: readonly string[] = [
  'name',
  'help',
  'labelNames',
  'unit',
  'utf8Names',
  'registry',
  'maxSeries',
  'idleSeconds',
  'collect',
];

/** Options that one kind has beside them. */
const OWN: Partial<Record<MetricType, readonly string[]>> = {
  counter: ['exactName', 'usesReserve'],
  gauge: ['aggregation', 'liveOnly', 'settlesInto'],
  histogram: ['buckets', 'native'],
  summary: ['quantiles'],
  stateset: ['states'],
};

/** Options of other libraries, and words that people use, with ours. */
const BORROWED: Readonly<Record<string, string>> = {
  labels: 'labelNames',
  label: 'labelNames',
  tags: 'labelNames',
  description: 'help',
  documentation: 'help',
  bounds: 'buckets',
  boundaries: 'buckets',
  percentiles: 'quantiles',
  aggregator: 'aggregation',
  register: 'registry',
  registers: 'registry',
  ttl: 'idleSeconds',
};

const NATIVE: readonly string[] = ['factor', 'schema', 'maxBuckets', 'zeroThreshold'];

/**
 * Refuses options that a kind of metric does not have, and says which may have been meant.
 *
 * @throws MetricsError ERR_METRICS_INVALID_OPTION
 */
export function checkOptions(type: MetricType, options: object): void {
  const given = options as Readonly<Record<string, unknown>>;
  const family = typeof given['name'] === 'string' ? given['name'].slice(0, 80) : `a ${type} without a name`;
  const known = [...COMMON, ...(OWN[type] ?? [])];
  refuseUnknown(family, '', given, known);
  const { native } = given;
  if (typeof native === 'object' && native !== null) {
    refuseUnknown(family, 'native.', native as Readonly<Record<string, unknown>>, NATIVE);
  }
}

function refuseUnknown(
  family: string,
  path: string,
  given: Readonly<Record<string, unknown>>,
  known: readonly string[],
): void {
  for (const option of Object.keys(given)) {
    // An option that is undefined asks for nothing.
    if (known.includes(option) || given[option] === undefined) continue;
    const borrowed = BORROWED[option.toLowerCase()];
    const meant = borrowed !== undefined && known.includes(borrowed) ? borrowed : closestName(option, known);
    throw new MetricsError(
      'ERR_METRICS_INVALID_OPTION',
      `${family}: there is no option ${path}${option}` +
        (meant === undefined ? `: remove it (there are ${known.join(', ')})` : ` (did you mean ${path}${meant}?)`),
    );
  }
}
