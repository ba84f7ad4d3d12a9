import fs from 'node:fs';
import { join } from 'node:path';
import { debuglog } from 'node:util';
import type { Board, Note } from '../board.ts';
import { noteOf } from '../format/file-names.ts';
import { decodeNote, encodeNote } from '../format/note.ts';
import { codeOf, isMissing, leadsTo, openFile, readFrom } from './open-file.ts';
import { removeOldest } from './quarantine.ts';
import { discard, makeTemporary, openLock, putInPlace, removeFile } from './shared-file.ts';
import { systemCalls } from './system-calls.ts';

const debug: ReturnType<typeof debuglog> = debuglog('promenade');

const MAX_BYTES = 16 * 1024 * 1024;
const ENDING = '.note';

/** A file as it was last read. */
interface KnownFile {
  readonly inode: number;
  readonly changedMs: number;
  readonly size: number;
  readonly note: Note | undefined;
}

/**
 * A board in a metrics directory. Each note is a file that is replaced as a whole and read again
 * only when it has changed; an empty file beside it carries the lock of those who work on it.
 * Reading needs no right to write.
 */
export class FileBoard implements Board {
  readonly #path: string;
  readonly #mends: boolean;
  readonly #known: Map<string, KnownFile> = new Map();
  /** Notes that could not be written: this process alone has them. */
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
        const name = noteOf(file);
        if (name !== undefined) names.add(name);
      }
    } catch (error) {
      debug('the directory %s can not be read: %o', this.#path, error);
      // Wiped, or no descriptor is free: then what was read before is still there.
      if (!isMissing(error)) for (const [name, { note }] of this.#known) if (note) names.add(name);
    }
    return [...names].sort();
  }

  read(name: string): Note | undefined {
    const kept = this.#kept.get(name);
    if (kept) return kept;
    let fd: number;
    try {
      fd = openFile(this.#file(name));
    } catch (error) {
      if (!isMissing(error) && codeOf(error) !== 'ENOTFILE') return this.#known.get(name)?.note;
      if (!isMissing(error) && this.#mends) this.#putAside(name);
      this.#known.delete(name);
      return undefined;
    }
    try {
      const { ino: inode, mtimeMs: changedMs, size } = fs.fstatSync(fd);
      const known = this.#known.get(name);
      if (known?.inode === inode && known.changedMs === changedMs && known.size === size) return known.note;
      const text = size <= MAX_BYTES ? decodeNote(readFrom(fd, 0)) : 'damaged';
      if (text === 'damaged' && this.#mends) this.#putAside(name, fd);
      const note = typeof text === 'object' ? text : undefined;
      this.#known.set(name, { inode, changedMs, size, note });
      return note;
    } catch (error) {
      debug('%s can not be read: %o', name, error);
      return this.#known.get(name)?.note;
    } finally {
      fs.closeSync(fd);
    }
  }

  post(name: string, text: string): void {
    try {
      const temporary = makeTemporary(this.#path);
      try {
        fs.writeFileSync(temporary.fd, encodeNote(text));
        putInPlace(temporary.path, this.#file(name));
      } finally {
        discard(temporary);
      }
      this.#kept.delete(name);
    } catch (error) {
      debug('%s can not be shared: %o', name, error);
      this.#kept.set(name, { text });
    }
  }

  remove(name: string): void {
    const release = this.claim(name);
    if (!release) return;
    try {
      this.#kept.delete(name);
      // Removed while it is held: a process that waits for the lock checks that the file is still
      // there.
      for (const path of [this.#file(name), this.#lock(name)]) removeFile(path);
    } catch (error) {
      debug('%s can not be removed: %o', name, error);
    } finally {
      release();
    }
  }

  claim(name: string): (() => void) | undefined {
    try {
      for (let tries = 0; tries < 3; tries++) {
        const fd = openLock(this.#path, `${name}.lock`);
        if (!systemCalls().lock(fd, 'exclusive')) {
          fs.closeSync(fd);
          return undefined;
        }
        let held = true;
        const release = (): void => {
          if (held) fs.closeSync(fd);
          held = false;
        };
        // If not, the directory was wiped meanwhile, and others lock the file that took its place.
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

  #putAside(name: string, fd?: number): void {
    try {
      const path = this.#file(name);
      if (fd !== undefined && !leadsTo(path, fd)) return;
      fs.renameSync(path, `${path}.damaged-${Date.now()}`);
      this.#damaged++;
      removeOldest(this.#path);
    } catch (error) {
      debug('%s is damaged, and can not be put aside: %o', name, error);
    }
  }
}
