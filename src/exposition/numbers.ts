/**
 * Counts up to here are printed from a table that fills as they come up: about 100 KB when full.
 */
const TABLE_SIZE = 4096;
const table: string[] = Array.from<string>({ length: TABLE_SIZE }).fill('');

/**
 * A sample's value as every text format takes it (Go's ParseFloat): the shortest digits that give
 * the same double back, `NaN`, `+Inf`, `-Inf`. Whole numbers, which most samples are, cost a few
 * nanoseconds.
 */
export function formatValue(value: number): string {
  const integer = value | 0;
  if (integer === value) {
    if (integer >= 0 && integer < TABLE_SIZE) return (table[integer] ||= String(integer));
    return String(integer);
  }
  if (value === Infinity) return '+Inf';
  if (value === -Infinity) return '-Inf';
  return String(value);
}

/**
 * A number as Go's `strconv.FormatFloat(value, 'g', -1, 64)` writes it, which is how client
 * libraries write `le` and `quantile`: the shortest digits, with an exponent of at least two digits
 * from 1e+06 up and below 1e-04.
 */
export function formatBound(value: number): string {
  if (!Number.isFinite(value)) return formatValue(value);
  const [digits, power] = value.toExponential().split('e') as [string, string];
  const exponent = Number(power);
  // Between these exponents JavaScript writes plain decimals too.
  if (value === 0 || (exponent >= -4 && exponent < 6)) return String(value);
  return `${digits}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
}

/**
 * {@link formatBound} as OpenMetrics' canonical numbers have it: `.0` after whole ones (`1.0`,
 * `1e+06`).
 */
export function formatCanonicalBound(value: number): string {
  const text = formatBound(value);
  return Number.isFinite(value) && !/[.e]/.test(text) ? `${text}.0` : text;
}
