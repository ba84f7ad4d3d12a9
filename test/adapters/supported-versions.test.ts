import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ROOT } from '../support/modules.ts';
import { supportedVersions } from '../support/supported-versions.ts';

describe.each(supportedVersions)('$library $from to $to', ({ adapter, library, from, to, testedWith }) => {
  const manifests = testedWith.map(
    (name) => JSON.parse(readFileSync(join(ROOT, 'node_modules', name, 'package.json'), 'utf8')) as Manifest,
  );

  test('is tested at its ends', () => {
    expect(manifests.map(({ name }) => name)).toEqual(testedWith.map(() => library));
    expect(manifests[0]!.version).toBe(from);
    expect(manifests.at(-1)!.version.split('.')[0]).toBe(to);
    const tests = ['4', '5', '']
      .map((major) => join(ROOT, 'test/adapters', `${adapter}${major}.test.ts`))
      .flatMap((path) => readIfThere(path));
    for (const name of testedWith) expect(tests.some((text) => text.includes(`'${name}'`))).toBe(true);
  });

  test('is what the page says', () => {
    const page = readFileSync(join(ROOT, 'docs/adapters', `${adapter}.md`), 'utf8');
    expect(page).toContain(`${from.replace(/\.0$/, '')} and later`);
  });
});

interface Manifest {
  readonly name: string;
  readonly version: string;
}

function readIfThere(path: string): string[] {
  try {
    return [readFileSync(path, 'utf8')];
  } catch {
    return [];
  }
}
