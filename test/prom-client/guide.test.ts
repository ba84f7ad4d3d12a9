import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import promClient from 'prom-client';
import { describe, expect, test } from 'vitest';
import ours from '../../src/prom-client.ts';
import { ROOT } from '../support/modules.ts';
import { type Client, differences } from './differences.ts';

const guide = readFileSync(join(ROOT, 'docs/guide/prom-client.md'), 'utf8');

describe.each(differences.map((difference) => [difference.what, difference] as const))('%s', (_what, difference) => {
  test('prom-client', async () => expect(await difference.probe(promClient)).toEqual(difference.theirResult));
  test('here', async () => expect(await difference.probe(ours as unknown as Client)).toEqual(difference.ourResult));
});

test("the guide's table has each difference, and no other", () => {
  const table = guide.slice(guide.indexOf('## What differs on purpose'), guide.indexOf('## What several processes'));
  const rows = [...table.matchAll(/^\| (.*) \|$/gm)]
    .slice(2)
    .map(([, row]) => row!.split(/ +\| +/).map((cell) => cell.trim()));
  expect(rows).toEqual(differences.map(({ what, theirs, ours: here, because }) => [what, theirs, here, because]));
  expect(rows.length).toBeGreaterThanOrEqual(8);
});

test('the API that the guide promises is there', () => {
  const missing = Object.keys(promClient).filter((name) => !(name in ours));
  expect(missing).toEqual([]);
  expect(Object.keys(promClient).length).toBeGreaterThanOrEqual(16);
});
