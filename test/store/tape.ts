import { Buffer } from 'node:buffer';
import fs from 'node:fs';
import { basename, join } from 'node:path';
import { vi } from 'vitest';
import { type Mapping, systemCalls } from '../../src/store/files/system-calls.ts';

/** One change of a file or of a directory, as small as a kill can leave it. */
type Change =
  | { readonly kind: 'create'; readonly file: string; readonly inode: number }
  | { readonly kind: 'write'; readonly inode: number; readonly at: number; readonly bytes: Buffer }
  | { readonly kind: 'cut'; readonly inode: number; readonly size: number }
  | { readonly kind: 'rename' | 'link'; readonly from: string; readonly to: string }
  | { readonly kind: 'remove'; readonly file: string };

const PAGE = 4096;

/**
 * Records every store to mapped cells and every change of files that a writer in this process
 * makes. Writes are cut at pages: SIGKILL can end one there.
 */
export class Tape {
  readonly changes: Change[] = [];
  readonly #inodes: Map<number, number> = new Map();
  readonly #spies: { mockRestore(): void }[] = [];

  constructor() {
    const { openSync, writeSync, writeFileSync, ftruncateSync, renameSync, linkSync, unlinkSync, rmSync } = fs;
    this.#spy('openSync', (path: string, flags: number, ...more: number[]) => {
      const fd = openSync(path, flags, ...more);
      const { ino } = fs.fstatSync(fd);
      this.#inodes.set(fd, ino);
      if ((flags & fs.constants.O_EXCL) !== 0) this.#add({ kind: 'create', file: basename(path), inode: ino });
      return fd;
    });
    this.#spy('writeSync', (fd: number, bytes: Uint8Array, offset: number, length: number, at: number) => {
      this.#write(fd, bytes.subarray(offset, offset + length), at);
      return writeSync(fd, bytes, offset, length, at);
    });
    this.#spy('writeFileSync', (fd: number, bytes: Uint8Array) => {
      this.#write(fd, bytes, 0);
      writeFileSync(fd, bytes);
    });
    this.#spy('ftruncateSync', (fd: number, size: number) => {
      ftruncateSync(fd, size);
      this.#add({ kind: 'cut', inode: this.#inodes.get(fd)!, size });
    });
    for (const [name, kind, real] of [
      ['renameSync', 'rename', renameSync],
      ['linkSync', 'link', linkSync],
    ] as const) {
      this.#spy(name, (from: string, to: string) => {
        real(from, to);
        this.#add({ kind, from: basename(from), to: basename(to) });
      });
    }
    for (const [name, real] of [
      ['unlinkSync', unlinkSync],
      ['rmSync', rmSync],
    ] as const) {
      this.#spy(name, (path: string, options: object) => {
        if (fs.existsSync(path)) this.#add({ kind: 'remove', file: basename(path) });
        real(path, options);
      });
    }
    this.#spyMaps();
  }

  /** Stops recording. */
  stop(): void {
    for (const spy of this.#spies) spy.mockRestore();
  }

  #spy(name: string, work: (...parameters: never[]) => unknown): void {
    const spied = fs as unknown as Record<string, (...parameters: unknown[]) => unknown>;
    this.#spies.push(vi.spyOn(spied, name).mockImplementation(work as (...parameters: unknown[]) => unknown));
  }

  #spyMaps(): void {
    const calls = systemCalls();
    // Called with the object that they belong to.
    const [map, replace, detach] = [calls.map.bind(calls), calls.replace.bind(calls), calls.detach.bind(calls)];
    const homes = new Map<bigint, { inode: number; offset: number }>();
    const mapped = vi.spyOn(calls, 'map').mockImplementation((fd, offset, bytes) => {
      const mapping = map(fd, offset, bytes);
      const home = { inode: fs.fstatSync(fd).ino, offset };
      homes.set(mapping.address, home);
      return { ...mapping, cells: this.#recorded(mapping.cells, home, 0) };
    });
    const replaced = vi.spyOn(calls, 'replace').mockImplementation((mapping: Mapping, fd, offset) => {
      replace(mapping, fd, offset);
      Object.assign(homes.get(mapping.address)!, { inode: fs.fstatSync(fd).ino, offset });
    });
    const detached = vi.spyOn(calls, 'detach').mockImplementation((mapping: Mapping) => {
      detach(mapping);
      Object.assign(homes.get(mapping.address)!, { inode: -1 });
    });
    this.#spies.push(mapped, replaced, detached);
  }

  #recorded(cells: Float64Array, home: { inode: number; offset: number }, first: number): Float64Array {
    const store = (at: number, value: number): void => {
      cells[at] = value;
      if (home.inode < 0) return;
      const bytes = Buffer.from(new Uint8Array(Float64Array.of(value).buffer));
      this.#add({ kind: 'write', inode: home.inode, at: home.offset + (first + at) * 8, bytes });
    };
    return new Proxy(cells, {
      get: (target, property) => {
        if (property === 'subarray')
          return (from: number, to: number) => this.#recorded(cells.subarray(from, to), home, first + from);
        if (property === 'fill')
          return (value: number, from = 0, to = cells.length) => {
            // Only what changes: a kill can't show the rest.
            for (let i = from; i < to; i++) if (!Object.is(cells[i], value)) store(i, value);
          };
        if (property === 'set')
          return (values: Float64Array, offset: number) => values.forEach((value, i) => store(offset + i, value));
        return target[property as unknown as number];
      },
      set: (_, property, value: number) => {
        store(Number(property), value);
        return true;
      },
    });
  }

  #write(fd: number, bytes: Uint8Array, at: number): void {
    for (let done = 0; done < bytes.length;) {
      const length = Math.min(bytes.length - done, PAGE - ((at + done) % PAGE));
      const part = Buffer.from(bytes.subarray(done, done + length));
      this.#add({ kind: 'write', inode: this.#inodes.get(fd)!, at: at + done, bytes: part });
      done += length;
    }
  }

  #add(change: Change): void {
    this.changes.push(change);
  }
}

/** Lays a tape down in a directory, change by change. */
export class Replay {
  readonly directory: string;
  readonly #files: Map<number, number> = new Map();

  constructor(directory: string) {
    this.directory = directory;
  }

  apply(change: Change): void {
    const path = (file: string): string => join(this.directory, file);
    switch (change.kind) {
      case 'create':
        this.#files.set(change.inode, fs.openSync(path(change.file), 'w+'));
        break;
      case 'write':
        fs.writeSync(this.#files.get(change.inode)!, change.bytes, 0, change.bytes.length, change.at);
        break;
      case 'cut':
        fs.ftruncateSync(this.#files.get(change.inode)!, change.size);
        break;
      case 'rename':
        fs.renameSync(path(change.from), path(change.to));
        break;
      case 'link':
        fs.linkSync(path(change.from), path(change.to));
        break;
      default:
        fs.rmSync(path(change.file), { force: true });
    }
  }

  close(): void {
    for (const fd of this.#files.values()) fs.closeSync(fd);
  }
}
