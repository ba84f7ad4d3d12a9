import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Registry } from '../../../src/core/registry.ts';
import { defineCacheFamilies } from '../../../src/instrument/cache/families.ts';
import { redisCommand } from '../../../src/instrument/cache/redis-commands.ts';
import { sampleNames } from '../../../src/snapshot/names.ts';

const guide = readFileSync(new URL('../../../docs/guide/caches.md', import.meta.url), 'utf8');

test('the guide has every family with its type and labels, and no other', () => {
  const families = Object.values(defineCacheFamilies({ registry: new Registry() })).map(({ definition }) => ({
    name:
      definition.type === 'counter' ? sampleNames(definition).find((name) => name.endsWith('_total')) : definition.name,
    type: definition.type,
    labels: definition.labelNames.join(', '),
  }));
  const rows = [...guide.matchAll(/^\| `(cache_\w+)`\s*\| (\w+)\s*\|([^|]*)\|/gm)].map(([, name, type, labels]) => ({
    name,
    type,
    labels: labels!.trim(),
  }));
  expect(rows).toHaveLength(7);
  expect(rows).toEqual(families);
});

test('the guide has every command that counts', () => {
  const list = /made\s+of: ([A-Z, and\n]+)\./.exec(guide)?.[1] ?? '';
  const commands = list.split(/,\s|\sand\s/);
  expect(commands).toHaveLength(16);
  expect(commands.filter((name) => redisCommand(name) === undefined)).toEqual([]);
  expect(['hget', 'evalsha', 'bzpopmin', 'incr', 'expire'].filter((name) => redisCommand(name))).toEqual([]);
});

test('a namespace comes before each name', () => {
  const families = defineCacheFamilies({ registry: new Registry(), namespace: 'shop' });
  for (const { name } of Object.values(families)) expect(name).toMatch(/^shop_cache_/);
});
