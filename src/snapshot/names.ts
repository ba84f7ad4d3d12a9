import type { FamilyDefinition } from './snapshot.ts';

const LEGAL = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;

/** Whether every version of Prometheus takes a metric's name as it is. */
export function isLegalName(name: string): boolean {
  return LEGAL.test(name);
}

/**
 * A name in the alphabet that every version of Prometheus takes. Code points that are not `legal`
 * (digits in front never are), and underscores, are replaced as given.
 */
export function legalForm(
  name: string,
  legal: RegExp = /[a-zA-Z0-9:]/,
  replace: (rune: string) => string = () => '_',
  underscore: string = '_',
): string {
  let form = '';
  for (const rune of name) {
    if (rune === '_') form += underscore;
    else if (legal.test(rune) && !(form === '' && /\d/.test(rune))) form += rune;
    else form += replace(rune);
  }
  return form;
}

/**
 * The suffixes of a family's sample names in OpenMetrics 1.0, by type (`_created` included, whether
 * written or not).
 */
const SUFFIXES: Readonly<Record<FamilyDefinition['type'], readonly string[]>> = {
  counter: ['_total', '_created'],
  gauge: [''],
  histogram: ['_bucket', '_count', '_sum', '_created'],
  summary: ['', '_count', '_sum', '_created'],
  info: ['_info'],
  stateset: [''],
  unknown: [''],
};

/**
 * Every name that the family's lines can have, in any format: two families may share none of them.
 * Of names outside the old alphabet also what scrapers see that know no others.
 */
export function sampleNames(definition: FamilyDefinition): string[] {
  const suffixes = definition.exactName ? [] : SUFFIXES[definition.type].filter(Boolean);
  const names = [definition.name, ...suffixes.map((suffix) => definition.name + suffix)];
  return isLegalName(definition.name) ? names : [...names, ...names.map((name) => legalForm(name))];
}

/** The name that people know the family by: the one of its samples, where they all have one. */
export function shownName({ name, type, exactName = false }: FamilyDefinition): string {
  if (exactName) return name;
  return name + (type === 'counter' ? '_total' : type === 'info' ? '_info' : '');
}

/** By exact definition: the same without `_total` in its name. */
const suffixed: WeakMap<FamilyDefinition, FamilyDefinition> = new WeakMap();

/**
 * A counter whose exact name ends in `_total` as one that a format adds `_total` to, so that
 * OpenMetrics has it as a counter too. Not where another family of the page (by `names`) has the
 * name that is left. The same object each time.
 */
export function withSuffix(definition: FamilyDefinition, names: ReadonlySet<string>): FamilyDefinition {
  const name = definition.name.slice(0, -'_total'.length);
  if (!definition.exactName || `${name}_total` !== definition.name || name === '' || names.has(name)) return definition;
  let other = suffixed.get(definition);
  if (!other) {
    const { exactName: _, ...rest } = definition;
    suffixed.set(definition, (other = { ...rest, name }));
  }
  return other;
}
