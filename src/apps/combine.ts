import { compareLabels, sameShape } from '../snapshot/merge.ts';
import { sampleNames, shownName } from '../snapshot/names.ts';
import type { FamilySnapshot } from '../snapshot/snapshot.ts';
import type { CollectedRecord } from './record.ts';

/** A family that is left out, and why. */
export interface Refusal {
  readonly record: CollectedRecord;
  readonly family: string;
  readonly reason: string;
}

/** The families of all collectors together. */
export interface Combined {
  readonly families: readonly FamilySnapshot[];
  readonly refused: readonly Refusal[];
}

/**
 * Combines the families of collectors. Families of one name merge if their definitions are equal
 * and no series is in both. Otherwise the first record wins, and the other family is refused.
 */
export function combine(records: readonly CollectedRecord[]): Combined {
  const groups = new Map<string, { parts: FamilySnapshot[]; seen: Set<string> | undefined }>();
  const owners = new Map<string, string>();
  const refused: Refusal[] = [];
  for (const record of records) {
    for (const family of record.families) {
      const name = shownName(family.definition);
      const refuse = (reason: string): void => void refused.push({ record, family: name, reason });
      const names = sampleNames(family.definition);
      const owner = names.map((each) => owners.get(each)).find((each) => each !== undefined && each !== name);
      const group = groups.get(name);
      if (owner !== undefined) {
        refuse(`its samples would have names of ${owner}, which another collector gives`);
      } else if (!group) {
        for (const each of names) owners.set(each, name);
        groups.set(name, { parts: [family], seen: undefined });
      } else if (!sameShape(group.parts[0]!.definition, family.definition)) {
        refuse('another collector defines it differently');
      } else {
        // Most families have one collector only, so series are compared from the second one on.
        group.seen ??= new Set(keysOf(group.parts[0]!));
        const keys = keysOf(family);
        if (keys.some((key) => group.seen!.has(key))) {
          refuse('another collector gives some of its series');
        } else {
          for (const key of keys) group.seen.add(key);
          group.parts.push(family);
        }
      }
    }
  }
  return { families: Array.from(groups.values(), ({ parts }) => join(parts)), refused };
}

function keysOf({ series }: FamilySnapshot): string[] {
  return series.map((labels) => JSON.stringify(labels));
}

function join(parts: readonly FamilySnapshot[]): FamilySnapshot {
  const [first] = parts;
  if (parts.length === 1) return first!;
  const rows = parts
    .flatMap(({ series, values }) => series.map((labels, i) => ({ labels, value: values[i]! })))
    .sort((a, b) => compareLabels(a.labels, b.labels));
  return {
    definition: first!.definition,
    series: rows.map(({ labels }) => labels),
    values: Float64Array.from(rows, ({ value }) => value),
  };
}
