import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished, test, type TestAPI } from 'vitest';

function mount(size: string): string | undefined {
  const path = mkdtempSync(join(tmpdir(), 'promenade-disk-'));
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', path]).status === 0) return path;
  rmSync(path, { recursive: true });
  return undefined;
}

function unmount(path: string): void {
  spawnSync('umount', ['--lazy', path]);
  rmSync(path, { recursive: true });
}

const probe = mount('64k');
if (probe) unmount(probe);
const isRoot = process.getuid?.() === 0;

/**
 * Declares a test that mounts a file system: reported as skipped where that is not allowed, failing
 * where root in `CI=true` can't.
 */
export const diskTest: TestAPI | TestAPI['skip'] = probe || (isRoot && process.env['CI'] === 'true') ? test : test.skip;

/** A file system in memory of that size, gone when the test is. */
export function smallDisk(size: string): string {
  const path = mount(size);
  if (!path) throw new Error(`a tmpfs of ${size} can not be mounted`);
  onTestFinished(() => unmount(path));
  return path;
}
