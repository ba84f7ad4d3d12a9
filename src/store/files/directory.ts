import { Buffer } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { MetricsError } from '../../errors.ts';
import { type DirectoryFile, encodeDirectoryFile } from '../format/directory-file.ts';
import { DIRECTORY_FILE, isTemporary, LOCK_FILE, noteOf, putAsideAt, slotFileOf } from '../format/file-names.ts';
import { attempt } from './directory-error.ts';
import { codeOf, isMissing, writeAll } from './open-file.ts';
import { readDirectoryFile } from './read-directory-file.ts';
import { makeTemporary, openLock, removeFile } from './shared-file.ts';
import { listSlots } from './slot-files.ts';
import { pause } from './slot-lock.ts';
import { systemCalls } from './system-calls.ts';

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

const LOCK_PATIENCE_MS = 2000;
const TRIES = 5;

/** A metrics directory that this process may write. */
export class Directory {
  readonly path: string;
  #file: DirectoryFile;

  /**
   * Opens a directory, and makes it where it is missing. Warns where another user made it.
   *
   * @throws MetricsError ERR_METRICS_STORE_DIRECTORY where it can't be made or written, or lies on
   *   a network file system; ERR_METRICS_STORE_FULL where there is no space.
   */
  constructor(path: string) {
    this.path = resolve(path);
    this.#file = attempt(this.path, () => {
      makeDirectory(this.path);
      refuseNetwork(this.path);
      warnOfStrangers(this.path);
      return this.#readOrMake();
    });
  }

  /** In seconds of the Unix epoch. */
  get startTimestamp(): number {
    return this.#file.createdAt / 1000;
  }

  /** Identifies the last reset; `undefined` if there was none. */
  get resetId(): string | undefined {
    return this.#file.reset;
  }

  join(name: string): string {
    return join(this.path, name);
  }

  /**
   * Makes the directory again where it was wiped. The oldest time known to a live process wins,
   * since a process that starts may have made the directory again before the others looked; a reset
   * wins over all.
   */
  refresh(): void {
    const there = this.#read();
    const wasReset = there?.reset !== undefined && there.reset !== this.#file.reset;
    if (there && (wasReset || there.createdAt <= this.#file.createdAt)) {
      this.#file = there;
      return;
    }
    makeDirectory(this.path);
    this.#write(this.#file, fs.renameSync);
  }

  /** The names of its slots, sorted. */
  slotNames(): string[] {
    return listSlots(this.path);
  }

  /**
   * Removes what dead processes have counted, and tells readers to forget it. Touches no files but
   * ours, and no directories.
   *
   * @param kept slots of live processes, which go on; empty where no process uses the directory
   */
  reset(kept: ReadonlySet<string> = new Set()): void {
    for (const file of fs.readdirSync(this.path)) {
      const slot = slotFileOf(file)?.slot;
      const isOurs = slot !== undefined || noteOf(file) !== undefined || putAsideAt(file) !== undefined;
      // A live process may be about to give a temporary file its name.
      const isOrphan = isTemporary(file) && kept.size === 0;
      if ((isOurs && !(slot !== undefined && kept.has(slot))) || isOrphan) removeFile(this.join(file));
    }
    this.#file = { format: 'promenade', version: 1, createdAt: Date.now(), reset: randomUUID() };
    this.#write(this.#file, fs.renameSync);
  }

  /**
   * Runs something while no other process runs such. Waits two seconds, then proceeds unlocked: a
   * stopped holder must not block startup, and the work is safe without the lock, only less tidy.
   */
  exclusively<T>(work: () => T): T {
    const fd = attempt(this.path, () => openLock(this.path, LOCK_FILE));
    try {
      const deadline = Date.now() + LOCK_PATIENCE_MS;
      while (!systemCalls().lock(fd, 'exclusive') && Date.now() < deadline) pause(1);
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
        if (!['EEXIST', 'ENOENT'].includes(codeOf(error) ?? '') || tries >= TRIES) throw error;
      }
    }
  }

  /** Reads directory.json; puts aside a damaged one. */
  #read(): DirectoryFile | undefined {
    const there = readDirectoryFile(this.path);
    if (there === 'missing') return undefined;
    if (there !== 'damaged') return there;
    const path = this.join(DIRECTORY_FILE);
    try {
      fs.renameSync(path, `${path}.damaged-${Date.now()}`);
    } catch (error) {
      if (!isMissing(error)) throw error; // Another process was faster.
    }
    return undefined;
  }

  #write({ createdAt, reset }: DirectoryFile, publish: (temporary: string, path: string) => void): void {
    const { path, fd } = makeTemporary(this.path, 'directory.');
    try {
      writeAll(fd, Buffer.from(encodeDirectoryFile(createdAt, reset)), 0);
      publish(path, this.join(DIRECTORY_FILE));
    } finally {
      fs.closeSync(fd);
      fs.rmSync(path, { force: true });
    }
  }
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
    if (codeOf(error) !== 'ENOENT' || parent === path) throw error;
    makeDirectory(parent);
    makeOne(path);
  }
}

/** Makes a directory whose parent exists, unless another process is faster. */
function makeOne(path: string): void {
  try {
    fs.mkdirSync(path);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST' || !fs.statSync(path).isDirectory()) throw error;
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

/** The maker of a directory decides what its numbers are. Root's is trusted: init containers make it. */
function warnOfStrangers(path: string): void {
  const { uid } = fs.statSync(path);
  const self = process.getuid?.();
  if (self === undefined || uid === self || uid === 0 || self === 0) return;
  process.emitWarning(
    `The metrics directory ${path} was made by another user (uid ${uid}), who can change the numbers in it: ` +
      'if that is not meant, choose a directory of your own.',
    { code: 'WARN_METRICS_FOREIGN_DIRECTORY' },
  );
}
