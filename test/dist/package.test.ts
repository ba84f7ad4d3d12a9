import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { publint } from 'publint';
import { describe, expect, test } from 'vitest';
import { ROOT, sourceModules } from '../support/modules.ts';
import { pack } from './tarball.ts';

/** What the package takes on disk today, and a fifth. */
const LARGEST_BYTES = 1700 * 1024;

const tarball = pack('package');
const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  readonly exports: Readonly<Record<string, string>>;
};

describe('the packed package', () => {
  test('holds what is built from src, and the papers', () => {
    const built = sourceModules().flatMap(({ path }) => {
      const stem = `dist/${path.slice(0, -'.ts'.length)}`;
      return [`${stem}.d.ts`, `${stem}.js`];
    });
    // A file too many is one whose source is gone: `rm -r dist`.
    expect(tarball.files).toEqual([...built, 'CHANGELOG.md', 'LICENSE', 'README.md', 'package.json'].sort());
    expect(built.length).toBeGreaterThan(150);
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
    const parameters = [cli, tarball.path, '--profile', 'esm-only', '--format', 'json'];
    const { status, stdout, stderr } = spawnSync(process.execPath, parameters, {
      encoding: 'utf8',
      maxBuffer: 1 << 26,
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const report = JSON.parse(stdout) as {
      readonly analysis: { readonly entrypoints: object };
      readonly problems: Readonly<Record<string, readonly { readonly resolutionKind: string }[]>>;
    };
    // What the profile leaves out: resolution before Node 12, and that CommonJS gets ES modules.
    const esmOnly = ({ resolutionKind }: { resolutionKind: string }): boolean =>
      !/node10|node16-cjs/.test(resolutionKind);
    expect(Object.values(report.problems).flat().filter(esmOnly)).toEqual([]);
    expect(Object.keys(report.analysis.entrypoints).sort()).toEqual(Object.keys(manifest.exports).sort());
  }, 60_000);
});
