import { Buffer } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import { debuglog } from 'node:util';
import { crc32 } from 'node:zlib';
import type { Board, Note } from '../board.ts';
import { loadNative } from './system-calls.ts';
import { dropOldest, leadsTo, putInPlace, readFrom } from './slot-files.ts';

const debug: ReturnType<typeof debuglog> = debuglog('promenade');

/**
 * First line of a file: the format's version, and the checksum and length of the text that follows.
 */
const HEADER = /^promenade-note (\d+) (?:([0-9a-f]{8}) (\d+)\n)?/;
const VERSION = 1;
const HEADER_BYTES = 64;
const MAX_BYTES = 16 * 1024 * 1024;
const ENDING = '.note';
/** A named pipe under one of our names must not make us wait for its writer. */
const LOOK: number = fs.constants.O_RDONLY | fs.constants.O_NONBLOCK;

/** A file as it was read last. */
interface KnownFile {
  readonly inode: number;
  readonly changedMs: number;
  readonly size: number;
  readonly note: Note | undefined;
}

/**
 * A board in a metrics directory: a file a text, put in place at once and read only when it has
 * changed, and beside it an empty one whose kernel lock is the right to work on it. Whoever only
 * reads needs no more than the directory's path, and no right to write.
 */
export class FileBoard implements Board {
  readonly #path: string;
  readonly #mends: boolean;
  readonly #known: Map<string, KnownFile> = new Map();
  /** What could not be written. */
  readonly #kept: Map<string, Note> = new Map();
  #damaged = 0;

  /** @param mends whether damaged files are put aside */
  constructor(path: string, mends: boolean = true) {
    this.#path = path;
    this.#mends = mends;
  }

  get damaged(): number {
    return this.#damaged;
  }

  names(): readonly string[] {
    const names = new Set(this.#kept.keys());
    try {
      for (const file of fs.readdirSync(this.#path)) {
        if (/^[a-z0-9._-]+\.note$/.test(file)) names.add(file.slice(0, -ENDING.length));
      }
    } catch (error) {
      debug('the directory %s can not be read: %o', this.#path, error); // wiped: what this process has kept stays
    }
    return [...names].sort();
  }

  read(name: string): Note | undefined {
    const kept = this.#kept.get(name);
    if (kept) return kept;
    let fd: number;
    try {
      fd = fs.openSync(this.#file(name), LOOK);
    } catch {
      this.#known.delete(name);
      return undefined;
    }
    try {
      const { ino: inode, mtimeMs: changedMs, size } = fs.fstatSync(fd);
      const known = this.#known.get(name);
      if (known?.inode === inode && known.changedMs === changedMs && known.size === size) return known.note;
      const text = size <= MAX_BYTES ? decode(readFrom(fd, 0)) : 'damaged';
      if (text === 'damaged' && this.#mends) this.#putAside(name, fd);
      const note = typeof text === 'object' ? text : undefined;
      this.#known.set(name, { inode, changedMs, size, note });
      return note;
    } catch (error) {
      debug('%s can not be read: %o', name, error);
      return undefined;
    } finally {
      fs.closeSync(fd);
    }
  }

  post(name: string, text: string): void {
    const temporary = join(this.#path, `${randomUUID()}.tmp`);
    try {
      fs.writeFileSync(temporary, encode(text), { flag: 'wx' });
      putInPlace(temporary, this.#file(name));
      this.#kept.delete(name);
    } catch (error) {
      debug('%s can not be shared: %o', name, error);
      this.#kept.set(name, { text });
      fs.rmSync(temporary, { force: true });
    }
  }

  remove(name: string): void {
    const release = this.claim(name);
    if (!release) return;
    try {
      this.#kept.delete(name);
      // The lock goes while it is held: who waits for it by the same name looks whether the file is
      // still there.
      for (const path of [this.#file(name), this.#lock(name)]) fs.rmSync(path, { recursive: true, force: true });
    } catch (error) {
      debug('%s can not be removed: %o', name, error);
    } finally {
      release();
    }
  }

  claim(name: string): (() => void) | undefined {
    try {
      for (let tries = 0; tries < 3; tries++) {
        const fd = fs.openSync(this.#lock(name), 'a');
        if (!loadNative().lock(fd, 'exclusive')) {
          fs.closeSync(fd);
          return undefined;
        }
        let held = true;
        const release = (): void => {
          if (held) fs.closeSync(fd);
          held = false;
        };
        // Else the directory was wiped meanwhile, and others lock the file that took this one's
        // place.
        if (leadsTo(this.#lock(name), fd)) return release;
        release();
      }
    } catch (error) {
      debug('%s can not be claimed: %o', name, error);
    }
    return undefined;
  }

  #file(name: string): string {
    return join(this.#path, name + ENDING);
  }

  #lock(name: string): string {
    return join(this.#path, `${name}.lock`);
  }

  #putAside(name: string, fd: number): void {
    try {
      const path = this.#file(name);
      if (!leadsTo(path, fd)) return;
      fs.renameSync(path, `${path}.damaged-${Date.now()}`);
      this.#damaged++;
      dropOldest(this.#path);
    } catch (error) {
      debug('%s is damaged, and can not be put aside: %o', name, error);
    }
  }
}

function encode(text: string): Buffer {
  const bytes = Buffer.from(text);
  const checksum = crc32(bytes).toString(16).padStart(8, '0');
  return Buffer.concat([Buffer.from(`promenade-note ${VERSION} ${checksum} ${bytes.length}\n`), bytes]);
}

function decode(bytes: Buffer): Note | 'damaged' | 'unknown' {
  const header = HEADER.exec(bytes.toString('latin1', 0, HEADER_BYTES));
  if (!header) return 'damaged';
  if (Number(header[1]) !== VERSION) return 'unknown'; // a later version's
  if (header[2] === undefined) return 'damaged';
  const text = bytes.subarray(header[0].length);
  if (text.length !== Number(header[3]) || crc32(text) !== Number.parseInt(header[2], 16)) return 'damaged';
  return { text: text.toString() };
}
