import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../support/modules.ts';

/** The package as npm would publish it. */
export interface Tarball {
  /** Where it lies. */
  readonly path: string;
  readonly unpackedSize: number;
  readonly files: readonly string[];
}

interface PackReport {
  readonly filename: string;
  readonly unpackedSize: number;
  readonly files: readonly { readonly path: string }[];
}

/**
 * Packs what is built (or another package of the repository, by its folder), below `.cache/<name>`.
 */
export function pack(name: string, of: string = ROOT): Tarball {
  const folder = join(ROOT, '.cache', name);
  mkdirSync(folder, { recursive: true });
  const output = npm(['pack', '--json', '--ignore-scripts', '--pack-destination', folder], of);
  // An array in npm 11 and before, an object by package name after it.
  const [report] = Object.values(JSON.parse(output) as Record<string, PackReport>);
  return {
    path: join(folder, report!.filename),
    unpackedSize: report!.unpackedSize,
    files: report!.files.map(({ path }) => path).sort(),
  };
}

/** Runs npm, and returns what it prints. */
export function npm(parameters: readonly string[], cwd: string): string {
  return execFileSync('npm', parameters, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}
