import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from '../support/modules.ts';

interface LockedPackage {
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly link?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
  readonly packages: Readonly<Record<string, LockedPackage>>;
};
const installed = Object.entries(packages).filter(([path, { link }]) => path.includes('node_modules/') && !link);

test('the lock file names no registry, and the hash of every package', () => {
  expect(installed.filter(([, { resolved }]) => resolved !== undefined).map(([path]) => path)).toEqual([]);
  expect(installed.filter(([, { integrity }]) => !integrity?.startsWith('sha512-')).map(([path]) => path)).toEqual([]);
  expect(installed.length).toBeGreaterThan(300);
});

test("the lock file has every platform's packages, without which npm ci refuses it", () => {
  const optional = installed.flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).map((name) => ({ path, name })),
  );
  expect(optional.filter(({ path, name }) => !isLocked(path, name))).toEqual([]);
  expect(optional.length).toBeGreaterThan(60);
});

/** Whether a package finds another one, in its own folder or in one above. */
function isLocked(path: string, name: string): boolean {
  for (let folder = `${path}/`; folder !== ''; folder = parentOf(folder)) {
    if (`${folder}node_modules/${name}` in packages) return true;
  }
  return `node_modules/${name}` in packages;
}

/** What a package lies in: a package, a workspace, or the root. */
function parentOf(folder: string): string {
  const parent = folder.replace(/node_modules\/(@[^/]+\/)?[^/]+\/$/, '');
  return parent === folder ? '' : parent;
}
