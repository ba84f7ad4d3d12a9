import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT } from './modules.ts';
import type { TestedPackage } from '../../src/adapters/catalogue.ts';

/**
 * A package in the oldest version that is supported, from the workspace that holds those of its
 * category: `await oldest('database', 'pg')`.
 */
export async function oldest<M>(workspace: string, specifier: string): Promise<M> {
  return (await import(oldestUrl(workspace, specifier))) as M;
}

/** Where it is imported from, for children that do so. */
export function oldestUrl(workspace: string, specifier: string): string {
  const require = createRequire(join(workspaceFolder(workspace), 'package.json'));
  try {
    return pathToFileURL(require.resolve(specifier)).href;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_PACKAGE_PATH_NOT_EXPORTED') throw error;
    // It is for `import` alone.
    const folder = packageFolder({ package: specifier, workspace });
    const { exports } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
      readonly exports: { readonly '.': { readonly import: string | { readonly default: string } } };
    };
    const main = exports['.'].import;
    return pathToFileURL(join(folder, typeof main === 'string' ? main : main.default)).href;
  }
}

/** Where a package lies: npm puts it into the workspace where the root has another version. */
export function packageFolder(tested: TestedPackage): string {
  if (typeof tested === 'string') return join(ROOT, 'node_modules', tested);
  const own = join(workspaceFolder(tested.workspace), 'node_modules', tested.package);
  return existsSync(own) ? own : join(ROOT, 'node_modules', tested.package);
}

function workspaceFolder(workspace: string): string {
  return join(ROOT, 'test/versions', workspace);
}
