import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { filesBelow, ROOT } from '../support/modules.ts';
import { packageFolder } from '../support/oldest.ts';
import { supportedVersions } from '../support/supported-versions.ts';

describe.each(supportedVersions)('$library $from to $to', ({ adapter, library, from, to, testedWith }) => {
  const manifests = testedWith.map(
    (tested) => JSON.parse(readFileSync(join(packageFolder(tested), 'package.json'), 'utf8')) as Manifest,
  );

  test('is tested at its ends', () => {
    expect(manifests.map(({ name }) => name)).toEqual(testedWith.map(() => library));
    expect(manifests[0]!.version).toBe(from);
    expect(manifests.at(-1)!.version.split('.')[0]).toBe(to);
    const tests = filesBelow('test/adapters', '.test.ts')
      .filter((file) => new RegExp(`/${adapter}([\\d-].*)?\\.test\\.ts$`).test(file))
      .map((file) => readFileSync(join(ROOT, file), 'utf8'));
    for (const tested of testedWith) {
      const mention = typeof tested === 'string' ? `'${tested}'` : `'${tested.workspace}', '${tested.package}'`;
      expect({ tested, mentioned: tests.some((text) => text.includes(mention)) }).toEqual({ tested, mentioned: true });
    }
  });

  test('is what the page says', () => {
    const page = readFileSync(
      join(
        ROOT,
        filesBelow('docs/adapters', '.md').find((path) => path.endsWith(`/${adapter}.md`))!,
      ),
      'utf8',
    );
    expect(page).toContain(`${from.replace(/\.0$/, '')} and later`);
  });
});

interface Manifest {
  readonly name: string;
  readonly version: string;
}
