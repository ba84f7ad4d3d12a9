import type { Exemplar } from '../snapshot/exemplar.ts';
import { isLegalName } from '../snapshot/names.ts';
import type { FamilyDefinition, LabelValues } from '../snapshot/snapshot.ts';
import { escapeQuoted } from './escape.ts';
import { escapeFamilyName, escapeLabelName, isLegalLabelName, type EscapingScheme } from './name-escaping.ts';
import { formatValue } from './numbers.ts';

/** A family's name with a suffix as text has it: escaped, or between quotation marks. */
export function printFamilyName(definition: FamilyDefinition, scheme: EscapingScheme, suffix: string): string {
  const name = escapeFamilyName(definition, scheme) + suffix;
  return isLegalName(name) ? name : `"${escapeQuoted(name)}"`;
}

/** A label's name as text has it: escaped, or between quotation marks. */
export function printLabelName(label: string, scheme: EscapingScheme): string {
  const name = escapeLabelName(label, scheme);
  return isLegalLabelName(name) ? name : `"${escapeQuoted(name)}"`;
}

/** Labels as they stand between braces; the names are printed ones. */
export function printLabels(names: readonly string[], values: LabelValues): string {
  return values.map((value, i) => `${names[i]}="${escapeQuoted(value)}"`).join(',');
}

/** An exemplar as it follows a value in OpenMetrics. */
export function exemplarText({ labels, value, timestamp }: Exemplar): string {
  const pairs = printLabels(Object.keys(labels), Object.values(labels));
  return ` # {${pairs}} ${formatValue(value)} ${formatTimestamp(timestamp)}`;
}

/** Seconds of the Unix epoch, to the millisecond and never with an exponent. */
export function formatTimestamp(seconds: number): string {
  return String(Number(seconds.toFixed(3)));
}
