import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { defineAppFamilies } from '../../src/apps/app-families.ts';
import { Registry } from '../../src/index.ts';
import { shownName } from '../../src/snapshot/names.ts';
import { ROOT } from '../support/modules.ts';

const guide = readFileSync(join(ROOT, 'docs/guide/apps.md'), 'utf8');
const rows: readonly (readonly string[])[] = guide
  .split('\n')
  .filter((line) => line.startsWith('| `'))
  .map((line) => line.split('|').map((cell) => cell.trim().replaceAll('`', '')));

test('the guide lists every family as it is, and no other', () => {
  const registry = new Registry();
  defineAppFamilies(registry, '');
  const defined = [...registry.metrics()].map(({ definition }) => ({
    name: shownName(definition),
    type: definition.type,
    labels: definition.labelNames.join(', '),
  }));
  const documented = rows
    .filter(([, name]) => name!.startsWith('app_'))
    .map(([, name, type, labels]) => ({ name, type, labels }));
  expect(documented).toEqual(defined);
  expect(documented).toHaveLength(4);
});

test('the guide lists the options of a collector with their defaults', () => {
  const source = readFileSync(join(ROOT, 'src/apps/collector.ts'), 'utf8');
  const options = [
    ...source.matchAll(/@default (\S+)(?:(?!@default)[^])*?\*\/\n {2}readonly (\w+(?:Seconds|Ms|Series))\?/g),
  ];
  const documented = new Map(rows.map(([, name, value]) => [name, value]));
  expect(options.length).toBe(4);
  for (const [, value, option] of options) {
    expect([option, documented.get(option)]).toEqual([option, value === 'ten' ? 'see the text' : value]);
  }
});
