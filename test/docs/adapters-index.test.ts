import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { entrySources } from '../../scripts/entries.mjs';
import { ROOT } from '../support/modules.ts';
import { supportedVersions } from '../support/supported-versions.ts';

const folder = join(ROOT, 'docs/adapters');
const rows = [
  ...readFileSync(join(folder, 'README.md'), 'utf8').matchAll(
    /^\| \[`promenade\/([\w-]+)`\]\([a-z]+\/([\w-]+)\.md\) +\| ([^|]+?) +\| ([^|]+?) +\|$/gm,
  ),
].map(([, adapter, page, library, from]) => ({ adapter: adapter!, page: page!, library: library!, from: from! }));

describe('the index of adapters', () => {
  test('has each adapter that the package exports once, by its name', () => {
    const adapters = Object.entries(entrySources()).filter(([, source]) => source.startsWith('src/adapters/'));
    expect(rows.map(({ adapter }) => adapter).sort()).toEqual(adapters.map(([name]) => name).sort());
    expect(rows.filter(({ adapter, page }) => adapter !== page)).toEqual([]);
    const pages = readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.md') && file !== 'README.md')
      .map((file) => basename(file));
    expect(pages.sort()).toEqual(rows.map(({ page }) => `${page}.md`).sort());
    expect(rows.length).toBeGreaterThanOrEqual(35);
  });

  test('says from which version each library works, as it is tested', () => {
    const first = new Map<string, string[]>();
    for (const { adapter, library, from } of supportedVersions) {
      const main = supportedVersions.find((row) => row.adapter === adapter)!;
      if (main.library !== library) continue;
      first.set(adapter, [...(first.get(adapter) ?? []), from.replace(/\.0$/, '')]);
    }
    for (const [adapter, versions] of first) {
      expect({ adapter, from: rows.find((row) => row.adapter === adapter)?.from }).toEqual({
        adapter,
        from: versions.join(', '),
      });
    }
    expect(first.size).toBeGreaterThanOrEqual(25);
  });
});
