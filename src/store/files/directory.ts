import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { MetricsError } from '../../errors.ts';
import { DIRECTORY_FILE, type DirectoryFile, readDirectoryFile, slotNames } from '../format/directory-file.ts';
import { loadNative } from './system-calls.ts';

/**
 * File systems on which neither locks nor shared maps can be relied on, by the kernel's number
 * (Linux: include/uapi/linux/magic.h).
 */
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

export const LOCK_FILE = 'directory.lock';
const LOCK_PATIENCE_MS = 2000;

/** A metrics directory: where it is, since when it has counted, and what lies in it. */
export class Directory {
  readonly path: string;
  #file: DirectoryFile;

  /**
   * Opens a directory, and makes it where it is missing.
   *
   * @throws MetricsError ERR_METRICS_STORE_DIRECTORY where it can't be made or written, or lies on
   *   a network file system; ERR_METRICS_STORE_FULL where there is no space.
   */
  constructor(path: string) {
    this.path = resolve(path);
    this.#file = attempt(this.path, () => {
      makeDirectory(this.path);
      refuseNetwork(this.path);
      return this.#readOrMake();
    });
  }

  /** In seconds of the Unix epoch. */
  get startTimestamp(): number {
    return this.#file.createdAt / 1000;
  }

  /** Which deliberate beginning its values belong to; `undefined` for the first. */
  get beginning(): string | undefined {
    return this.#file.reset;
  }

  join(name: string): string {
    return join(this.path, name);
  }

  /**
   * Makes the directory again where it was wiped. Of those who count in it the one that has known
   * it longest says since when: a process that starts may have made it anew before the others
   * looked. That it was told to begin anew counts in any case.
   */
  refresh(): void {
    const there = this.#read();
    const anew = there?.reset !== undefined && there.reset !== this.#file.reset;
    if (there && (anew || there.createdAt <= this.#file.createdAt)) {
      this.#file = there;
      return;
    }
    makeDirectory(this.path);
    this.#write(this.#file, fs.renameSync);
  }

  /** The names of its slots, in order. */
  slotNames(): string[] {
    return slotNames(this.path);
  }

  /**
   * Begins anew: takes away what processes have counted that are gone, and tells whoever reads on
   * to forget it.
   *
   * @param kept slots of living processes, which go on; none where no process uses the directory
   */
  reset(kept: ReadonlySet<string> = new Set()): void {
    for (const file of fs.readdirSync(this.path)) {
      if (!isOurs(file) || kept.has(file.replace(/\.[^.]*$/, ''))) continue;
      // A living process may be about to give it its name.
      if (file.endsWith('.tmp') && kept.size > 0) continue;
      fs.rmSync(this.join(file), { recursive: true, force: true });
    }
    this.#file = { format: 'promenade', version: 1, createdAt: Date.now(), reset: randomUUID() };
    this.#write(this.#file, fs.renameSync);
  }

  /**
   * Runs something that no other process does at the same time. If the lock is not to be had in two
   * seconds (its holder is stopped, not dead) it goes on without: what is done under it is safe,
   * only less tidy.
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

  #readOrMake(): DirectoryFile {
    for (let tries = 1; ; tries++) {
      const there = this.#read();
      if (there) return there;
      try {
        // Unlike rename, link leaves alone what another process has put there meanwhile.
        this.#write({ format: 'promenade', version: 1, createdAt: Date.now() }, fs.linkSync);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || tries > 3) throw error;
      }
    }
  }

  /** What the directory says of itself; what makes no sense is put aside. */
  #read(): DirectoryFile | undefined {
    const there = readDirectoryFile(this.path);
    if (there === 'missing') return undefined;
    if (there !== 'damaged') return there;
    const path = this.join(DIRECTORY_FILE);
    try {
      fs.renameSync(path, `${path}.damaged-${Date.now()}`);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error; // another process was faster
    }
    return undefined;
  }

  #write(file: DirectoryFile, publish: (temporary: string, path: string) => void): void {
    const temporary = this.join(`directory.${randomUUID()}.tmp`);
    try {
      fs.writeFileSync(temporary, `${JSON.stringify(file)}\n`);
      publish(temporary, this.join(DIRECTORY_FILE));
    } finally {
      fs.rmSync(temporary, { force: true });
    }
  }
}

/** Whether a file holds what processes have told, or did. */
function isOurs(file: string): boolean {
  return /^([a-z0-9_]+-\d+\.(names|cells|exemplars)|[a-z0-9._-]+\.note|[\w.-]+\.tmp)$|\.damaged-\d+$/.test(file);
}

/** Blocks the thread: only where a process starts. */
export function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/**
 * Like `mkdir -p`. Node's own never returns where the system says that the parent is missing though
 * it is there, as /proc does.
 */
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
