import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Registry } from '../../../src/core/registry.ts';
import {
  DATABASE_BUCKETS,
  type DatabaseFamilies,
  defineDatabaseFamilies,
} from '../../../src/instrument/database/families.ts';
import { sampleNames } from '../../../src/snapshot/names.ts';

const guide = readFileSync(new URL('../../../docs/guide/databases.md', import.meta.url), 'utf8');

test('the guide has every family with its type and labels, and no other', () => {
  const families = metricsOf(defineDatabaseFamilies({ registry: new Registry() })).map(({ definition }) => ({
    name:
      definition.type === 'counter'
        ? sampleNames(definition).find((name) => name.endsWith('_total'))!
        : definition.name,
    type: definition.type,
    labels: definition.labelNames.join(', '),
  }));
  const rows = [...guide.matchAll(/^\| `(db_client_\w+)`\s*\| (\w+)\s*\|([^|]*)\|/gm)].map(
    ([, name, type, labels]) => ({ name: name!, type: type!, labels: labels!.trim() }),
  );
  expect(rows).toHaveLength(12);
  expect(rows.toSorted(byName)).toEqual(families.toSorted(byName));
});

test('under METRICS_COMPAT=django the bounds of both are there, and with a namespace every name has it', () => {
  const families = defineDatabaseFamilies({ registry: new Registry(), namespace: 'shop', compat: 'django' });
  const bounds = families.duration.definition.bounds!;
  for (const bound of [...DATABASE_BUCKETS, 0.075, 0.75, 7.5, 25, 50, 75]) expect(bounds).toContain(bound);
  for (const { name } of metricsOf(families)) expect(name).toMatch(/^shop_db_client_/);
});

/** One of them is there under METRICS_COMPAT=django only. */
function metricsOf(families: DatabaseFamilies): NonNullable<DatabaseFamilies[keyof DatabaseFamilies]>[] {
  return Object.values(families).filter((family) => family !== undefined);
}

function byName(a: { name: string }, b: { name: string }): number {
  return a.name < b.name ? -1 : 1;
}
