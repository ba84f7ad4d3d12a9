import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../support/modules.ts';
import { npm } from './tarball.ts';

/**
 * Every Node that the package supports, by its newest release; of the oldest also the first that is
 * supported.
 */
export const NODE_VERSIONS: readonly string[] = ['20.19.0', '20', '22', '24', '26'];

/** Matches what `process.version` says of a version, or of any release of a line. */
export function versionPattern(version: string): RegExp {
  return new RegExp(`^v${version.replaceAll('.', '\\.')}(\\.|$)`);
}

/**
 * The program of a Node version: this one where it fits, else npm's package for this platform, kept
 * below `.cache` once fetched (some 180 MB each).
 *
 * @throws Error where the registry has none.
 */
export function nodeProgram(version: string): string {
  if (versionPattern(version).test(process.version)) return process.execPath;
  const name = `node-${process.platform}-${process.arch}`;
  const folder = join(ROOT, '.cache/node', version);
  const program = join(folder, 'node_modules', name, 'bin/node');
  if (!existsSync(program)) {
    mkdirSync(folder, { recursive: true });
    npm(
      ['install', '--prefix', folder, '--no-save', '--no-package-lock', '--ignore-scripts', `${name}@${version}`],
      folder,
    );
  }
  return program;
}
