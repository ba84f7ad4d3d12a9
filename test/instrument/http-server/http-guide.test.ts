import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Registry } from '../../../src/core/registry.ts';
import { sampleNames } from '../../../src/snapshot/names.ts';
import { defineHttpFamilies } from '../../../src/instrument/http-server/families.ts';

const guide = readFileSync(new URL('../../../docs/guide/http-server.md', import.meta.url), 'utf8');

test('the guide has every family with its type and labels, and no other', () => {
  const families = Object.values(defineHttpFamilies({ registry: new Registry() })).map(({ definition }) => ({
    name:
      definition.type === 'counter' ? sampleNames(definition).find((name) => name.endsWith('_total')) : definition.name,
    type: definition.type,
    labels: definition.labelNames.join(', '),
  }));
  const rows = [...guide.matchAll(/^\| `(http_server_\w+)`\s*\| (\w+)\s*\|([^|]*)\|/gm)].map(
    ([, name, type, labels]) => ({
      name,
      type,
      labels: labels!.trim(),
    }),
  );
  expect(rows).toHaveLength(15);
  expect(rows.toSorted(byName)).toEqual(families.toSorted(byName));
});

function byName(a: { name: string | undefined }, b: { name: string | undefined }): number {
  return a.name! < b.name! ? -1 : 1;
}

test('a namespace comes before each name', () => {
  const families = defineHttpFamilies({ registry: new Registry(), namespace: 'shop' });
  for (const { name } of Object.values(families)) expect(name).toMatch(/^shop_http_server_/);
});
