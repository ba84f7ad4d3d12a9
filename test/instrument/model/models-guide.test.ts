import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Registry } from '../../../src/core/registry.ts';
import { defineModelFamilies } from '../../../src/instrument/model/families.ts';

const guide = readFileSync(new URL('../../../docs/guide/models.md', import.meta.url), 'utf8');

test('the guide has every family with its type and labels, and no other', () => {
  const { open, ...shown } = defineModelFamilies({ registry: new Registry() });
  expect(open.definition).toMatchObject({ settlesInto: shown.rolledBack.name });
  const families = Object.values(shown).map(({ name, definition }) => [
    `${name}_total`,
    definition.type,
    definition.labelNames.join(', '),
  ]);
  const rows = [...guide.matchAll(/^\| `(\w+)`\s*\| (\w+)\s*\|([^|]*)\|/gm)].map(([, name, type, labels]) => [
    name,
    type,
    labels!.trim(),
  ]);
  expect(rows).toHaveLength(4);
  expect(rows).toEqual(families);
});

test('a namespace comes before each name', () => {
  const names = Object.values(defineModelFamilies({ registry: new Registry(), namespace: 'shop' })).map(
    ({ name }) => name,
  );
  expect(names).toEqual(names.filter((name) => name.startsWith('shop_model_')));
});
