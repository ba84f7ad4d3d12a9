import { cpSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { filesBelow, ROOT } from '../support/modules.ts';
import { compile } from '../support/typescript.ts';

const FIXTURES = 'test/types/fixtures';
const files: readonly string[] = [...filesBelow(FIXTURES, '.ts'), ...filesBelow(FIXTURES, '.cts')];

/** Compiles a copy of the fixtures, which are no part of the repository's own project. */
function compileFixtures(options: Readonly<Record<string, unknown>> = {}): string {
  const folder = join(ROOT, '.cache/types');
  rmSync(folder, { recursive: true, force: true });
  cpSync(join(ROOT, FIXTURES), folder, { recursive: true });
  return compile(folder, ['*'], options);
}

describe('users of the package', () => {
  test('are stopped by the compiler where they should be, and nowhere else', () => {
    expect(compileFixtures()).toBe('');
    const expectations = files.flatMap(
      (file) => readFileSync(join(ROOT, file), 'utf8').match(/@ts-expect-error \w/g) ?? [],
    );
    expect(expectations.length).toBeGreaterThanOrEqual(22);
    expect(files.length).toBeGreaterThanOrEqual(3);
  }, 60_000);

  test('are so too with the most lenient options', () => {
    const lenient = { exactOptionalPropertyTypes: false, noUncheckedIndexedAccess: false, skipLibCheck: true };
    // The one expectation that is about exactOptionalPropertyTypes is not met then.
    const output = compileFixtures(lenient).trim().split('\n');
    expect(output).toEqual([expect.stringMatching(/labels\.ts.*TS2578: Unused '@ts-expect-error' directive\./)]);
  }, 60_000);
});
