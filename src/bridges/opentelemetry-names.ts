/** OpenTelemetry's units (UCUM) as Prometheus writes them. */
const UNITS: Readonly<Record<string, string>> = {
  d: 'days',
  h: 'hours',
  min: 'minutes',
  s: 'seconds',
  ms: 'milliseconds',
  us: 'microseconds',
  ns: 'nanoseconds',
  By: 'bytes',
  KiBy: 'kibibytes',
  MiBy: 'mebibytes',
  GiBy: 'gibibytes',
  KBy: 'kilobytes',
  MBy: 'megabytes',
  GBy: 'gigabytes',
  m: 'meters',
  V: 'volts',
  A: 'amperes',
  J: 'joules',
  W: 'watts',
  g: 'grams',
  Cel: 'celsius',
  Hz: 'hertz',
  '%': 'percent',
};

/** A label's name: what Prometheus' old alphabet does not have becomes `_`. */
export function toLabelName(attribute: string): string {
  const name = attribute.replaceAll(/[^a-zA-Z0-9_]+/g, '_');
  return /^\d/.test(name) ? `_${name}` : name;
}

/**
 * A family's name and unit, after OpenTelemetry's "Prometheus and OpenMetrics Compatibility": the
 * unit becomes the name's suffix where it is not already, a share without unit a `ratio`; `_total`
 * is added by the page.
 */
export function toFamilyName(
  name: string,
  unit: string,
  isShare: boolean,
): { readonly name: string; readonly unit: string } {
  const base = toMetricName(name).replace(/_total$/, '');
  const word = isShare && unit === '1' ? 'ratio' : (UNITS[unit] ?? '');
  if (word === '') return { name: base, unit: '' };
  return { name: base.endsWith(`_${word}`) ? base : `${base}_${word}`, unit: word };
}

function toMetricName(name: string): string {
  const legal = name.replaceAll(/[^a-zA-Z0-9_:]+/g, '_');
  return /^\d/.test(legal) ? `_${legal}` : legal;
}
