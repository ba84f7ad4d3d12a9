import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Registry } from '../../../src/core/registry.ts';
import { defineJobFamilies } from '../../../src/instrument/job/families.ts';
import { JOB_OUTCOMES } from '../../../src/instrument/job/outcome.ts';

const guide = readFileSync(new URL('../../../docs/guide/jobs.md', import.meta.url), 'utf8');

test('the guide has every family with its type and labels, and no other', () => {
  const families = Object.values(defineJobFamilies({ registry: new Registry() })).map(({ name, definition }) => [
    definition.type === 'counter' ? `${name}_total` : name,
    definition.type,
    definition.labelNames.join(', '),
  ]);
  const rows = [...guide.matchAll(/^\| `(job_\w+)`\s*\| (\w+)\s*\|([^|]*)\|/gm)].map(([, name, type, labels]) => [
    name,
    type,
    labels!.trim(),
  ]);
  expect(rows).toHaveLength(9);
  expect(rows).toEqual(families);
});

test('the guide has every outcome', () => {
  const rows = [...guide.matchAll(/^\| `([a-z]+)`\s*\|[^|]*\|$/gm)].map(([, outcome]) => outcome);
  expect(rows).toHaveLength(5);
  expect(rows).toEqual([...JOB_OUTCOMES]);
});

test('a namespace comes before each name', () => {
  const families = Object.values(defineJobFamilies({ registry: new Registry(), namespace: 'shop' }));
  expect(families).toHaveLength(9);
  for (const { name } of families) expect(name).toMatch(/^shop_job_/);
});
