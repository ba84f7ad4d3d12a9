/** How a scraper wants names that Prometheus did not allow before version 3: as they are, or in the old alphabet. */
export type EscapingScheme = 'allow-utf-8' | 'underscores' | 'dots' | 'values';

const LEGAL = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;

/** Whether every version of Prometheus takes the name as it is. */
export function isLegalName(name: string): boolean {
  return LEGAL.test(name);
}

/**
 * A metric's or label's name under an escaping scheme, as `EscapeName` of prometheus/common has it (its documentation
 * differs in details; scrapers follow the code). Legal names change under `dots` alone, and no two become the same.
 */
export function escapeName(name: string, scheme: EscapingScheme): string {
  switch (scheme) {
    case 'allow-utf-8':
      return name;
    case 'underscores':
      return mapRunes(name, () => '_');
    case 'dots':
      return mapRunes(name, (rune) => (rune === '.' ? '_dot_' : '__'), '__');
    case 'values':
      if (isLegalName(name)) return name;
      return `U__${mapRunes(name, (rune) => `_${hexOf(rune)}_`, '__')}`;
  }
}

function mapRunes(name: string, illegal: (rune: string) => string, underscore: string = '_'): string {
  let mapped = '';
  for (const rune of name) {
    if (rune === '_') mapped += underscore;
    else if (mapped === '' ? /[a-zA-Z:]/.test(rune) : /[a-zA-Z0-9:]/.test(rune)) mapped += rune;
    else mapped += illegal(rune);
  }
  return mapped;
}

function hexOf(rune: string): string {
  return /\p{Surrogate}/u.test(rune) ? 'FFFD' : rune.codePointAt(0)!.toString(16);
}
