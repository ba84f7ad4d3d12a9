import fs from 'node:fs';
import { codeOf, openIfThere } from './open-file.ts';
import { systemCalls } from './system-calls.ts';

/**
 * True if a live process owns the slot whose names file is open. Probes with a shared lock only: an
 * owner's lock is never taken.
 */
export function isOwned(fd: number): boolean {
  const calls = systemCalls();
  if (!calls.lock(fd, 'shared')) return true;
  calls.unlock(fd);
  return false;
}

/** True if a live process owns the slot with that names file. A file that can't be opened may be. */
export function isSlotOwned(path: string): boolean {
  let fd: number | undefined;
  try {
    fd = openIfThere(path);
  } catch (error) {
    // What is no regular file is nobody's slot.
    return !['ELOOP', 'EISDIR', 'ENXIO', 'ENODEV', 'ENOTFILE'].includes(codeOf(error) ?? '');
  }
  if (fd === undefined) return false;
  try {
    return isOwned(fd);
  } finally {
    fs.closeSync(fd);
  }
}

/**
 * Takes a slot's lock, unless a process owns it. A reader's probe lasts microseconds, and is waited
 * for.
 */
export function lockForGood(fd: number): boolean {
  for (let tries = 0; tries < 50; tries++) {
    if (systemCalls().lock(fd, 'exclusive')) return true;
    if (isOwned(fd)) return false;
    pause(1);
  }
  return false;
}

/** Blocks the thread: only where a process starts. */
export function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
