import { isLegalName, legalForm, shownName } from '../snapshot/names.ts';
import type { FamilyDefinition } from '../snapshot/snapshot.ts';

/**
 * How a scraper wants names that Prometheus did not allow before version 3: as they are, or in the
 * old alphabet.
 */
export type EscapingScheme = 'allow-utf-8' | 'underscores' | 'dots' | 'values';

/**
 * Whether every version of Prometheus takes the label's name as it is: as a metric's, but without
 * colons.
 */
export function isLegalLabelName(name: string): boolean {
  return isLegalName(name) && !name.includes(':');
}

/**
 * A metric's name under an escaping scheme, as `EscapeName` of prometheus/common has it (its
 * documentation differs in details; scrapers follow the code). Legal names change under `dots`
 * alone, and no two become the same.
 */
export function escapeName(name: string, scheme: EscapingScheme): string {
  return escape(name, scheme, /[a-zA-Z0-9:]/);
}

/**
 * The same for a label's name. A colon there is escaped as well: Go's library leaves it, and no
 * parser takes it.
 */
export function escapeLabelName(name: string, scheme: EscapingScheme): string {
  return escape(name, scheme, /[a-zA-Z0-9]/);
}

/**
 * A family's name under an escaping scheme, to which its samples' suffixes are added. The `_total`
 * of counters and the `_info` of infos are part of the name that is escaped, as they are in other
 * libraries, where they belong to the family's name.
 */
export function escapeFamilyName(definition: FamilyDefinition, scheme: EscapingScheme): string {
  const shown = shownName(definition);
  const suffixLength = shown.length - definition.name.length;
  const escaped = escapeName(shown, scheme);
  return escaped.slice(0, escaped.length - suffixLength);
}

function escape(name: string, scheme: EscapingScheme, legal: RegExp): string {
  switch (scheme) {
    case 'allow-utf-8':
      return name;
    case 'underscores':
      return legalForm(name, legal);
    case 'dots':
      return legalForm(name, legal, (rune) => (rune === '.' ? '_dot_' : '__'), '__');
    case 'values':
      if (legalForm(name, legal) === name) return name;
      return `U__${legalForm(name, legal, (rune) => `_${hexOf(rune)}_`, '__')}`;
  }
}

function hexOf(rune: string): string {
  return /\p{Surrogate}/u.test(rune) ? 'FFFD' : rune.codePointAt(0)!.toString(16);
}
