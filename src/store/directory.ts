import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { MetricsError } from '../errors.ts';
import { loadNative } from './native.ts';

/** File systems on which neither locks nor shared maps can be relied on, by the kernel's number (Linux: include/uapi/linux/magic.h). */
const NETWORK_FILE_SYSTEMS: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB2'],
  [0x517b, 'SMB'],
  [0x564c, 'NCP'],
  [0x5346414f, 'AFS'],
  [0x73757245, 'Coda'],
  [0x00c36400, 'Ceph'],
  [0x0bd00bd0, 'Lustre'],
  [0x47504653, 'GPFS'],
]);

/** What a directory remembers of itself, in `directory.json`. */
interface DirectoryFile {
  readonly format: 'promenade';
  readonly version: 1;
  /** Random; another one means that the directory was begun anew. */
  readonly id: string;
  /** Since when its sums have counted, in ms of the Unix epoch. */
  readonly createdAt: number;
}

const DIRECTORY_FILE = 'directory.json';
const LOCK_FILE = 'directory.lock';
const LOCK_PATIENCE_MS = 2000;

/** A metrics directory: where it is, since when it has counted, and what lies in it. */
export class Directory {
  readonly path: string;
  #file: DirectoryFile;

  /**
   * Opens a directory, and makes it where it is missing.
   *
   * @throws MetricsError ERR_METRICS_STORE_DIRECTORY where it can't be made or written, or lies on a network file system;
   * ERR_METRICS_STORE_FULL where there is no space.
   */
  constructor(path: string) {
    this.path = resolve(path);
    this.#file = attempt(this.path, () => {
      makeDirectory(this.path);
      refuseNetwork(this.path);
      return this.#readOrMake({ format: 'promenade', version: 1, id: randomUUID(), createdAt: Date.now() });
    });
  }

  get id(): string {
    return this.#file.id;
  }

  /** In seconds of the Unix epoch. */
  get startTimestamp(): number {
    return this.#file.createdAt / 1000;
  }

  join(name: string): string {
    return join(this.path, name);
  }

  /** Looks again whether the directory was begun anew, or wiped: then it is made again as it was. */
  refresh(): void {
    makeDirectory(this.path);
    this.#file = this.#readOrMake(this.#file);
  }

  /** The names of its slots, in order. */
  slotNames(): string[] {
    return slotNames(this.path);
  }

  /** Begins anew: for when no process uses it. */
  reset(): void {
    for (const file of fs.readdirSync(this.path)) {
      if (/\.(names|cells|tmp)$|\.damaged-\d+$/.test(file) || file === DIRECTORY_FILE) {
        fs.rmSync(this.join(file), { force: true });
      }
    }
    this.#file = this.#readOrMake({ format: 'promenade', version: 1, id: randomUUID(), createdAt: Date.now() });
  }

  /**
   * Runs something that no other process does at the same time. If the lock is not to be had in two seconds (its holder is stopped, not dead)
   * it goes on without: what is done under it is safe, only less tidy.
   */
  exclusively<T>(work: () => T): T {
    const native = loadNative();
    const fd = attempt(this.path, () => fs.openSync(this.join(LOCK_FILE), 'a'));
    try {
      const deadline = Date.now() + LOCK_PATIENCE_MS;
      while (!native.lock(fd, 'exclusive') && Date.now() < deadline) pause(1);
      return attempt(this.path, work);
    } finally {
      fs.closeSync(fd);
    }
  }

  #readOrMake(fresh: DirectoryFile): DirectoryFile {
    const path = this.join(DIRECTORY_FILE);
    for (let tries = 0; ; tries++) {
      try {
        const file = JSON.parse(fs.readFileSync(path, 'utf8')) as Partial<DirectoryFile>;
        if (
          file.format === 'promenade' &&
          file.version === 1 &&
          typeof file.id === 'string' &&
          Number.isFinite(file.createdAt)
        ) {
          return file as DirectoryFile;
        }
        fs.renameSync(path, `${path}.damaged-${Date.now()}`);
      } catch (error) {
        if (error instanceof SyntaxError) fs.renameSync(path, `${path}.damaged-${Date.now()}`);
        else if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || tries > 2) throw error;
      }
      const temporary = this.join(`directory.${randomUUID()}.tmp`);
      fs.writeFileSync(temporary, `${JSON.stringify(fresh)}\n`);
      try {
        // Unlike rename, link leaves alone what another process has put there meanwhile.
        fs.linkSync(temporary, path);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      } finally {
        fs.unlinkSync(temporary);
      }
    }
  }
}

/** Blocks the thread: only where a process starts. */
export function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** Like `mkdir -p`. Node's own never returns where the system says that the parent is missing though it is there, as /proc does. */
function makeDirectory(path: string): void {
  try {
    makeOne(path);
  } catch (error) {
    const parent = dirname(path);
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || parent === path) throw error;
    makeDirectory(parent);
    makeOne(path);
  }
}

/** Makes a directory whose parent is there, unless another process is faster. */
function makeOne(path: string): void {
  try {
    fs.mkdirSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || !fs.statSync(path).isDirectory()) throw error;
  }
}

function refuseNetwork(path: string): void {
  const name = NETWORK_FILE_SYSTEMS.get(fs.statfsSync(path).type >>> 0);
  if (process.platform !== 'linux' || !name) return;
  throw new MetricsError(
    'ERR_METRICS_STORE_DIRECTORY',
    `the metrics directory ${path} lies on a network file system (${name}), where processes would overwrite each other's numbers: ` +
      'give each machine a directory of its own, in memory (/dev/shm) or on a local disk',
  );
}

/** Turns the file system's errors into one that says what to do. */
function attempt<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (error instanceof MetricsError || code === undefined) throw error;
    if (code === 'ENOSPC' || code === 'EDQUOT') {
      throw new MetricsError(
        'ERR_METRICS_STORE_FULL',
        `there is no space left for the metrics directory ${path}: make room, or choose another`,
        {
          cause: error,
        },
      );
    }
    throw new MetricsError(
      'ERR_METRICS_STORE_DIRECTORY',
      `the metrics directory ${path} can not be used (${code}): it must be a directory that this process may read and write`,
      { cause: error },
    );
  }
}

/** The names of the slots in a directory, in order. */
export function slotNames(path: string): string[] {
  return fs
    .readdirSync(path)
    .filter((file) => /^[a-z0-9_]+-\d+\.names$/.test(file))
    .map((file) => file.slice(0, -'.names'.length))
    .sort();
}
