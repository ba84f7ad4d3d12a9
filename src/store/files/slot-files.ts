import { Buffer } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import { CHUNK_BYTES } from '../tables/cell-allocator.ts';
import type { Directory } from './directory.ts';
import { loadNative } from './system-calls.ts';

/** Cells at the start of a cells file that name its slot's lineage. */
export const HEADER_CELLS = 8;

/** Names files have sizes that are multiples of this: space is given to them in such steps. */
export const NAMES_STEP_BYTES = 65_536;

const MAGIC = 'PRMNDCEL';
const ZEROS: Buffer = Buffer.alloc(CHUNK_BYTES);
const KEPT_DAMAGED = 16;

/** Where a slot's exemplars lie. */
export function exemplarsPath(directory: Pick<Directory, 'join'>, slot: string): string {
  return directory.join(`${slot}.exemplars`);
}

/**
 * What stands in a cells file's first 64 bytes: a magic word, the format's version, and the lineage
 * of the names that it belongs to.
 */
export function cellsHeader(lineage: string): Buffer {
  const bytes = Buffer.alloc(HEADER_CELLS * 8);
  bytes.write(MAGIC, 0, 'latin1');
  bytes.writeUInt32LE(1, 8);
  Buffer.from(lineage.replaceAll('-', ''), 'hex').copy(bytes, 16);
  return bytes;
}

/** Writes all of it, however often the system has to be asked. */
export function writeAll(fd: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length;) done += fs.writeSync(fd, bytes, done, bytes.length - done, position + done);
}

/**
 * Fills a stretch with real zeros, so that the space is there: a hole in a file on a full disk is a
 * SIGBUS when a map of it is written.
 *
 * @throws Error ENOSPC, after cutting the file where it was.
 */
export function fillWithZeros(fd: number, from: number, to: number): void {
  const { size } = fs.fstatSync(fd);
  try {
    for (let at = from; at < to; at += CHUNK_BYTES) writeAll(fd, ZEROS.subarray(0, Math.min(CHUNK_BYTES, to - at)), at);
  } catch (error) {
    fs.ftruncateSync(fd, size);
    throw error;
  }
}

/** All of a file, from a position on. */
export function readFrom(fd: number, position: number): Buffer {
  const { size } = fs.fstatSync(fd);
  const bytes = Buffer.allocUnsafeSlow(Math.max(0, size - position));
  let done = 0;
  while (done < bytes.length) {
    const count = fs.readSync(fd, bytes, done, bytes.length - done, position + done);
    if (count === 0) break;
    done += count;
  }
  return bytes.subarray(0, done);
}

/** Whether a path still leads to an open file. */
export function leadsTo(path: string, fd: number): boolean {
  const there = fs.statSync(path, { throwIfNoEntry: false });
  const open = fs.fstatSync(fd);
  return there !== undefined && there.ino === open.ino && there.dev === open.dev;
}

/** Makes a file under a passing name, locked; `publish` gives it its own. */
export function makeTemporary(directory: Directory): { path: string; fd: number } {
  const path = directory.join(`${randomUUID()}.tmp`);
  const fd = fs.openSync(path, 'wx+');
  loadNative().lock(fd, 'exclusive');
  return { path, fd };
}

/**
 * Whether some process holds the slot whose names these are. A look: at most a reader's, never the
 * owner's lock is taken.
 */
export function isOwned(fd: number): boolean {
  const native = loadNative();
  if (!native.lock(fd, 'shared')) return true;
  native.unlock(fd);
  return false;
}

/**
 * Puts a slot's damaged files aside, for people to look at; the oldest such files make room.
 * Whether this process did it.
 */
export function quarantine(directory: Pick<Directory, 'path' | 'join'>, slot: string, namesFd: number): boolean {
  const names = directory.join(`${slot}.names`);
  try {
    if (!leadsTo(names, namesFd)) return false;
    const suffix = `.damaged-${Date.now()}`;
    fs.renameSync(names, names + suffix);
    const cells = directory.join(`${slot}.cells`);
    if (fs.existsSync(cells)) fs.renameSync(cells, cells + suffix);
    fs.rmSync(exemplarsPath(directory, slot), { recursive: true, force: true });
    dropOldest(directory.path);
  } catch {
    return false; // a reader that may not write, or another that was faster
  }
  process.emitWarning(
    `The files of ${slot} in the metrics directory ${directory.path} can not be read; they were put aside as *.damaged-*. ` +
      'What they held is missing from now on in processes that had not read it.',
    { code: 'WARN_METRICS_DAMAGED_FILE' },
  );
  return true;
}

/** Removes all but the latest of what was put aside. */
export function dropOldest(path: string): void {
  const damaged = fs
    .readdirSync(path)
    .filter((file) => /\.damaged-\d+$/.test(file))
    .sort((a, b) => Number(a.split('-').at(-1)) - Number(b.split('-').at(-1)));
  for (const file of damaged.slice(0, -KEPT_DAMAGED)) fs.rmSync(join(path, file), { recursive: true, force: true });
}

/**
 * Gives a passing file its name. What is there gives way, and a directory, which can't, is put
 * aside.
 */
export function putInPlace(temporary: string, path: string): void {
  try {
    fs.renameSync(temporary, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EISDIR') throw error;
    fs.renameSync(path, `${path}.damaged-${Date.now()}`);
    fs.renameSync(temporary, path);
  }
}

/** Removes passing files whose makers were killed. */
export function sweepTemporaries(directory: Directory): void {
  for (const file of fs.readdirSync(directory.path)) {
    if (!file.endsWith('.tmp')) continue;
    const path = directory.join(file);
    const stat = fs.lstatSync(path, { throwIfNoEntry: false });
    if (stat?.isFile() && Date.now() - stat.mtimeMs > 10_000) fs.rmSync(path, { force: true });
  }
}
