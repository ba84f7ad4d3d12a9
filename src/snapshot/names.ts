import type { FamilyDefinition } from './snapshot.ts';

/** The suffixes of a family's sample names in OpenMetrics 1.0, by type (`_created` included, whether written or not). */
const SUFFIXES: Readonly<Record<FamilyDefinition['type'], readonly string[]>> = {
  counter: ['_total', '_created'],
  gauge: [''],
  histogram: ['_bucket', '_count', '_sum', '_created'],
  summary: ['', '_count', '_sum', '_created'],
  info: ['_info'],
  stateset: [''],
  unknown: [''],
};

/** Every name that the family's lines can have, in any format: two families may share none of them. */
export function sampleNames(definition: FamilyDefinition): string[] {
  if (definition.exactName) return [definition.name];
  return [definition.name, ...SUFFIXES[definition.type].filter(Boolean).map((suffix) => definition.name + suffix)];
}

/** The name that people know the family by: the one of its samples, where they all have one. */
export function shownName({ name, type, exactName = false }: FamilyDefinition): string {
  if (exactName) return name;
  return name + (type === 'counter' ? '_total' : type === 'info' ? '_info' : '');
}
