import { Buffer } from 'node:buffer';
import { MetricsError } from '../errors.ts';

/** What a label may be given: numbers and booleans are written as strings. */
export type LabelValue = string | number | boolean;

/** A value for every label name, no more and no less. */
export type LabelSet<L extends string> = Readonly<Record<L, LabelValue>>;

/** Longest label value, in bytes of UTF-8. */
export const MAX_LABEL_BYTES = 1024;

/**
 * A label value as it is kept: well-formed (lone surrogates become U+FFFD, as they would when
 * written) and at most 1 KiB, cut between code points.
 *
 * @throws MetricsError ERR_METRICS_INVALID_LABEL for anything but a string, number or boolean.
 */
export function toLabelValue(value: unknown, name: string): string {
  if (typeof value !== 'string') {
    if (typeof value === 'number' || typeof value === 'boolean') return String(value);
    throw new MetricsError(
      'ERR_METRICS_INVALID_LABEL',
      value === undefined
        ? `label ${name} is missing: every label name needs a value`
        : `label ${name} has a value of type ${value === null ? 'null' : typeof value}: give a string, a number or a boolean`,
    );
  }
  const wellFormed = value.toWellFormed();
  // A UTF-16 unit takes at most three bytes.
  if (wellFormed.length * 3 <= MAX_LABEL_BYTES || Buffer.byteLength(wellFormed) <= MAX_LABEL_BYTES) return wellFormed;
  const bytes = Buffer.from(wellFormed.slice(0, MAX_LABEL_BYTES));
  let end = MAX_LABEL_BYTES;
  while (end > 0 && (bytes[end]! & 0xc0) === 0x80) end--;
  return bytes.toString('utf8', 0, end);
}

/** The error for a label set whose names are not the family's. */
export function wrongLabels(family: string, names: readonly string[], given: object): MetricsError {
  const missing = names.filter((name) => !Object.hasOwn(given, name));
  const unknown = Object.keys(given).filter((name) => !names.includes(name));
  const faults = [
    missing.length > 0 ? `missing ${missing.join(', ')}` : '',
    unknown.length > 0 ? `unknown ${unknown.join(', ')}` : '',
  ].filter(Boolean);
  const expected = names.length > 0 ? `give exactly ${names.join(', ')}` : 'this family has no labels';
  return new MetricsError('ERR_METRICS_INVALID_LABEL', `labels of ${family}: ${faults.join('; ')}; ${expected}`);
}
