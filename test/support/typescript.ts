import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './modules.ts';

/**
 * How a strict user of the package compiles: `exactOptionalPropertyTypes`, and its declarations are
 * checked too.
 */
const STRICT = {
  target: 'ES2023',
  lib: ['ES2023'],
  module: 'NodeNext',
  types: ['node'],
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  noEmit: true,
};

/**
 * Compiles a folder of this repository as a project of its own, which imports the package by its
 * name.
 *
 * @returns what the compiler says; `''` where it has no complaint.
 */
export function compile(
  folder: string,
  include: readonly string[],
  options: Readonly<Record<string, unknown>> = {},
): string {
  const config = join(folder, 'tsconfig.json');
  writeFileSync(config, JSON.stringify({ compilerOptions: { ...STRICT, ...options }, include }, undefined, 2));
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', config],
    {
      cwd: ROOT,
      encoding: 'utf8',
    },
  );
  return stdout + stderr;
}
