import type { FamilyDefinition } from '../snapshot/snapshot.ts';
import type { SeriesLimits } from './series-set.ts';

/** The options as users know them, by the part of a definition that they end up in. */
const OPTIONS: Readonly<Record<keyof FamilyDefinition, string>> = {
  name: 'name',
  type: 'type',
  help: 'help',
  exactName: 'exactName',
  unit: 'unit',
  labelNames: 'labelNames',
  bounds: 'buckets',
  canonicalBounds: 'canonicalBounds',
  native: 'native',
  quantiles: 'quantiles',
  states: 'states',
  aggregation: 'aggregation',
  liveOnly: 'liveOnly',
  settlesInto: 'settlesInto',
  usesReserve: 'usesReserve',
};

/** A definition with its limits. */
interface Defined {
  readonly definition: FamilyDefinition;
  readonly limits: SeriesLimits;
}

/**
 * Returns what differs between two definitions of one family, in the words of the options:
 * `labelNames was ["a"] and is ["a","b"]`. Empty: they are one.
 */
export function definitionDifferences(before: Defined, after: Defined): string[] {
  const differences: string[] = [];
  const compare = (option: string, was: unknown, is: unknown): void => {
    const [a, b] = [textOf(was), textOf(is)];
    if (a !== b) differences.push(`${option} was ${a} and is ${b}`);
  };
  if (before.definition.type !== after.definition.type) {
    // What else differs follows from it.
    return [`type was ${before.definition.type} and is ${after.definition.type}`];
  }
  for (const [part, option] of Object.entries(OPTIONS) as [keyof FamilyDefinition, string][]) {
    compare(option, before.definition[part], after.definition[part]);
  }
  compare('maxSeries', before.limits.maxSeries, after.limits.maxSeries);
  compare('idleSeconds', before.limits.idleSeconds, after.limits.idleSeconds);
  return differences;
}

/** JSON has no infinities. */
function textOf(value: unknown): string {
  return typeof value === 'number' || value === undefined ? String(value) : JSON.stringify(value);
}
