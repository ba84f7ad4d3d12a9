import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { publint } from 'publint';
import { describe, expect, test } from 'vitest';
import { entrySources } from '../../scripts/entries.mjs';
import { ROOT } from '../support/modules.ts';
import { pack } from './tarball.ts';

/** What the package takes on disk today, with each file of code in both module systems, and a fifth. */
const LARGEST_BYTES = 2150 * 1024;

const tarball = pack('package');
const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  readonly exports: Readonly<Record<string, unknown>>;
};

describe('the packed package', () => {
  test('holds what is built from src, and the papers', () => {
    const names = Object.keys(entrySources());
    const built = names.flatMap((name) => ['d.cts', 'd.ts', 'js', 'cjs'].map((ending) => `dist/${name}.${ending}`));
    const papers = ['CHANGELOG.md', 'LICENSE', 'README.md', 'package.json'];
    const shared = /^dist\/(chunks\/[\w-]+\.c?js|types\/([\w-]+\/)*[\w-]+\.d\.ts|types\/package\.json|cli\/main\.js)$/;
    expect(tarball.files.filter((path) => !shared.test(path))).toEqual([...built, ...papers].sort());
    expect(names.length).toBeGreaterThan(40);
  });

  test("has the same chunks as ES modules and as CommonJS, but for the command's", () => {
    const chunks = (ending: string): string[] =>
      tarball.files.flatMap((path) =>
        path.startsWith('dist/chunks/') && path.endsWith(ending) ? [path.slice(0, -ending.length)] : [],
      );
    const keyed = (ending: string): string[] =>
      chunks(ending).filter((path) => /\boneCopy\("/.test(readFileSync(join(ROOT, `${path}${ending}`), 'utf8')));
    expect(keyed('.js')).toEqual(keyed('.cjs'));
    expect(keyed('.js').length).toBeGreaterThan(5);
  });

  test('stays small', () => {
    expect(tarball.unpackedSize).toBeGreaterThan(100 * 1024);
    expect(tarball.unpackedSize).toBeLessThan(LARGEST_BYTES);
  });

  test('has nothing for publint to say', async () => {
    const { messages, pkg } = await publint({ pkgDir: ROOT, strict: true });
    expect(messages).toEqual([]);
    expect(pkg['name']).toBe('promenade');
  });

  test('has right types for every way to import it', () => {
    const cli = join(ROOT, 'node_modules/@arethetypeswrong/cli/dist/index.js');
    const parameters = [cli, tarball.path, '--format', 'json'];
    const { status, stdout, stderr } = spawnSync(process.execPath, parameters, {
      encoding: 'utf8',
      maxBuffer: 1 << 26,
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const report = JSON.parse(stdout) as {
      readonly analysis: { readonly entrypoints: object };
      readonly problems: Readonly<Record<string, unknown>>;
    };
    expect(report.problems).toEqual({});
    expect(Object.keys(report.analysis.entrypoints).sort()).toEqual(Object.keys(manifest.exports).sort());
  }, 60_000);
});
