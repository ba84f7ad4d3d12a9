import { Buffer } from 'node:buffer';
import fs from 'node:fs';
import { CHUNK_BYTES } from '../format/cells-file.ts';

const ZEROS: Buffer = Buffer.alloc(CHUNK_BYTES);
/** A pipe or a device must not block us, and a symbolic link must not lead us out of the directory. */
const SAFELY: number = fs.constants.O_NONBLOCK | fs.constants.O_NOFOLLOW;

/** Thrown for a pipe, device or directory under one of our names. */
class NotAFile extends Error {
  readonly code: 'ENOTFILE' | 'EISDIR';
  readonly path: string;

  constructor(path: string, isDirectory: boolean) {
    super(`${path} is not a regular file`);
    this.path = path;
    this.code = isDirectory ? 'EISDIR' : 'ENOTFILE';
  }
}

/**
 * Opens a regular file that exists, without ever blocking.
 *
 * @throws Error of the file system; ENOTFILE or EISDIR for what is no regular file.
 */
export function openFile(path: string, mode: 'read' | 'write' = 'read'): number {
  const fd = fs.openSync(path, SAFELY | (mode === 'read' ? fs.constants.O_RDONLY : fs.constants.O_RDWR));
  const stat = fs.fstatSync(fd);
  if (stat.isFile()) return fd;
  fs.closeSync(fd);
  throw new NotAFile(path, stat.isDirectory());
}

/** As `openFile`; `undefined` where there is no such file. */
export function openIfThere(path: string, mode: 'read' | 'write' = 'read'): number | undefined {
  try {
    return openFile(path, mode);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** Makes a file that must not exist. */
export function createFile(path: string): number {
  const { O_RDWR, O_CREAT, O_EXCL } = fs.constants;
  return fs.openSync(path, SAFELY | O_RDWR | O_CREAT | O_EXCL, 0o666);
}

/** The code of a system error; `undefined` for any other. */
export function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code;
}

/** True if the file system says that there is no such file. */
export function isMissing(error: unknown): boolean {
  const code = codeOf(error);
  return code === 'ENOENT' || code === 'ENOTDIR';
}

/** True if a file is there for good, and can't be read for what it is or whose it is. */
export function isUnreadable(error: unknown): boolean {
  const code = codeOf(error);
  return ['EACCES', 'EPERM', 'ELOOP', 'EISDIR', 'ENXIO', 'ENODEV', 'ENOTFILE'].includes(code ?? '');
}

/** Writes the whole buffer, retrying short writes. */
export function writeAll(fd: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length;) done += fs.writeSync(fd, bytes, done, bytes.length - done, position + done);
}

/**
 * Fills a stretch with real zeros, so that the space is reserved: storing to a mapped hole on a
 * full disk is a SIGBUS.
 *
 * @throws Error ENOSPC, after cutting the file to its former size.
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

/**
 * Overwrites a stretch with zeros, its end first: a kill between two pages leaves no zeros before
 * what is not yet erased.
 */
export function eraseBackwards(fd: number, from: number, to: number): void {
  const page = 4096;
  for (let end = to; end > from;) {
    const start = Math.max(from, Math.floor((end - 1) / page) * page);
    writeAll(fd, ZEROS.subarray(0, end - start), start);
    end = start;
  }
}

/** Reads a file from a position up to its end. */
export function readFrom(fd: number, position: number, atMost: number = Infinity): Buffer {
  const { size } = fs.fstatSync(fd);
  const bytes = Buffer.allocUnsafeSlow(Math.max(0, Math.min(size - position, atMost)));
  let done = 0;
  while (done < bytes.length) {
    const count = fs.readSync(fd, bytes, done, bytes.length - done, position + done);
    if (count === 0) break;
    done += count;
  }
  return bytes.subarray(0, done);
}

/** True if a path still leads to an open file. */
export function leadsTo(path: string, fd: number): boolean {
  let there: fs.Stats;
  try {
    there = fs.lstatSync(path);
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
  const open = fs.fstatSync(fd);
  return there.ino === open.ino && there.dev === open.dev;
}
