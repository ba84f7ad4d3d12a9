import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import { isTemporary } from '../format/file-names.ts';
import { codeOf, createFile, isMissing, openFile, openIfThere } from './open-file.ts';
import { systemCalls } from './system-calls.ts';

const ABANDONED_MS = 10_000;

/** A file under a passing name, open and locked. */
export interface Temporary {
  readonly path: string;
  readonly fd: number;
}

/** Makes a file under a passing name, and locks it. Its maker renames or links it to its own name. */
export function makeTemporary(directory: string, prefix: string = ''): Temporary {
  const path = join(directory, `${prefix}${randomUUID()}.tmp`);
  const fd = createFile(path);
  try {
    systemCalls().lock(fd, 'exclusive');
    share(fd, directory);
    return { path, fd };
  } catch (error) {
    discard({ path, fd });
    throw error;
  }
}

/** Closes a temporary file and removes it. */
export function discard({ path, fd }: Temporary): void {
  fs.closeSync(fd);
  fs.rmSync(path, { force: true });
}

/**
 * Gives a temporary file its name in place of what has it. A directory can't give way: it is moved
 * aside.
 */
export function putInPlace(temporary: string, path: string): void {
  try {
    fs.renameSync(temporary, path);
  } catch (error) {
    if (codeOf(error) !== 'EISDIR') throw error;
    fs.renameSync(path, `${path}.damaged-${Date.now()}`);
    fs.renameSync(temporary, path);
  }
}

/** Removes temporary files whose makers are gone: old ones that nobody holds. */
export function sweepTemporaries(directory: string): void {
  for (const file of fs.readdirSync(directory)) {
    if (!isTemporary(file)) continue;
    try {
      sweep(join(directory, file));
    } catch {
      // Somebody else's, or gone meanwhile.
    }
  }
}

function sweep(path: string): void {
  const fd = openFile(path);
  try {
    const isOld = Date.now() - fs.fstatSync(fd).mtimeMs > ABANDONED_MS;
    if (isOld && systemCalls().lock(fd, 'exclusive')) fs.unlinkSync(path);
  } finally {
    fs.closeSync(fd);
  }
}

/**
 * Opens a lock file, and makes it where it is missing. A lock needs no right to write: processes of
 * other users lock each other's files.
 */
export function openLock(directory: string, file: string): number {
  const path = join(directory, file);
  for (;;) {
    // Opened without O_CREAT first: Linux refuses that for others' files in sticky directories.
    const there = openIfThere(path);
    if (there !== undefined) return there;
    try {
      const fd = createFile(path);
      share(fd, directory);
      return fd;
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
    }
  }
}

/**
 * Gives a file the group of its directory, and the rights that the directory gives to group and
 * others, as git does in a shared repository. Best effort: only the owner may, and only a member of
 * the group.
 */
function share(fd: number, directory: string): void {
  const { mode, gid } = fs.statSync(directory);
  const file = fs.fstatSync(fd);
  const wanted = (file.mode & 0o777) | ((mode & 0o020) !== 0 ? 0o060 : 0) | ((mode & 0o002) !== 0 ? 0o006 : 0);
  try {
    if (gid !== file.gid && (mode & 0o020) !== 0) fs.fchownSync(fd, -1, gid);
  } catch {
    // Not a member of that group.
  }
  try {
    if (wanted !== (file.mode & 0o777)) fs.fchmodSync(fd, wanted);
  } catch {
    // A file system without rights.
  }
}

/** Removes a file; anything else under its name, and a missing one, is left alone. */
export function removeFile(path: string): void {
  try {
    if (!fs.lstatSync(path).isDirectory()) fs.unlinkSync(path);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}
