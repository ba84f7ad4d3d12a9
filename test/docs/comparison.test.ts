import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from '../support/modules.ts';

const page = readFileSync(join(ROOT, 'docs/guide/comparison.md'), 'utf8');
const rows: readonly (readonly string[])[] = [...page.matchAll(/^\| (.*) \|$/gm)]
  .slice(2)
  .map(([, row]) => row!.split(' | ').map((cell) => cell.trim()))
  .filter(([, promenade]) => promenade !== '');

test('each line says where it can be seen: a test here, a source there', () => {
  const missing: string[] = [];
  for (const [feature, , , , , shownBy = ''] of rows) {
    const tests = [...shownBy.matchAll(/\]\(\.\.\/\.\.\/(test\/[^)]+)\)/g)].map(([, path]) => path!);
    const sources = [...shownBy.matchAll(/`([^`]+)`/g)].map(([, path]) => `node_modules/${path!}`);
    if (tests.length + sources.length === 0) missing.push(`${feature}: nothing`);
    missing.push(...[...tests, ...sources].filter((path) => !existsSync(join(ROOT, path))));
  }
  expect(missing).toEqual([]);
  expect(rows.length).toBeGreaterThanOrEqual(25);
});

test('the versions compared are those that are installed', () => {
  const installed = ['prom-client', '@prometheus-io/client', '@opentelemetry/sdk-metrics'].map(
    (name) =>
      (JSON.parse(readFileSync(join(ROOT, 'node_modules', name, 'package.json'), 'utf8')) as { version: string })
        .version,
  );
  const header = /^\| *\| Promenade.*$/m.exec(page)![0];
  expect(
    installed.filter((version) => !header.includes(version.startsWith('2.') ? version.slice(0, 4) : version)),
  ).toEqual([]);
});
