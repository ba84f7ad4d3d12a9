import { Buffer } from 'node:buffer';
import fs from 'node:fs';
import { debuglog } from 'node:util';
import type { Exemplar } from '../../snapshot/exemplar.ts';
import type { Directory } from '../files/directory.ts';
import { encodeHeader, encodePlace, PLACE_BYTES } from '../format/exemplars.ts';
import { ExemplarReader } from '../reader/exemplar-reader.ts';
import type { ExemplarKeeper, ExemplarRing } from '../tables/exemplar-ring.ts';
import { exemplarsPath, leadsTo, makeTemporary, putInPlace, writeAll } from '../files/slot-files.ts';

const debug: ReturnType<typeof debuglog> = debuglog('promenade');
const EMPTY: Buffer = Buffer.alloc(PLACE_BYTES);

/**
 * The exemplars of the slot that this process owns, in memory and in their file, which is made when
 * there is a first one. Whatever goes wrong with the file, the numbers go on without: exemplars are
 * an extra.
 */
export class ExemplarFile implements ExemplarKeeper {
  readonly #directory: Directory;
  readonly #lineage: string;
  readonly #ring: ExemplarRing;
  #path: string;
  #fd: number | undefined;
  #closed = false;

  /** Takes over what the slot's last owner left, of the series that `cells` names. */
  constructor(directory: Directory, slot: string, lineage: string, cells: ReadonlySet<number>) {
    this.#directory = directory;
    this.#lineage = lineage;
    this.#path = exemplarsPath(directory, slot);
    this.#ring = new ExemplarReader().read(this.#path, lineage);
    let left = false;
    for (const [, { cell }] of this.#ring.entries()) {
      left = true;
      if (!cells.has(cell)) this.#ring.forget(cell);
    }
    if (left) this.#attempt(() => this.#writeAnew());
  }

  keep(cell: number, exemplar: Exemplar): void {
    if (this.#closed) return;
    const index = this.#ring.keep(cell, exemplar);
    this.#attempt(() => {
      if (this.#fd === undefined) this.#writeAnew();
      else writeAll(this.#fd, encodePlace({ cell, exemplar }), (index + 1) * PLACE_BYTES);
    });
  }

  forget(cell: number): void {
    for (const index of this.#ring.forget(cell)) {
      this.#attempt(() => {
        if (this.#fd !== undefined) writeAll(this.#fd, EMPTY, (index + 1) * PLACE_BYTES);
      });
    }
  }

  get isEmpty(): boolean {
    return this.#ring.isEmpty;
  }

  of(cell: number): readonly Exemplar[] {
    return this.#ring.of(cell);
  }

  /**
   * Looks whether the file is still there, under the name that the slot has now; if not, writes it
   * anew.
   */
  heal(slot: string): void {
    if (this.#fd === undefined) return;
    const path = exemplarsPath(this.#directory, slot);
    if (path === this.#path && leadsTo(path, this.#fd)) return;
    this.#path = path;
    this.#attempt(() => this.#writeAnew());
  }

  /** Gives the file up, which may be another process's from now on. */
  close(): void {
    this.#closed = true;
    this.#closeFile();
  }

  #closeFile(): void {
    if (this.#fd !== undefined) fs.closeSync(this.#fd);
    this.#fd = undefined;
  }

  #writeAnew(): void {
    const places: Buffer[] = [encodeHeader(this.#lineage)];
    for (const [index, entry] of this.#ring.entries()) places[index + 1] = encodePlace(entry);
    const bytes = Buffer.concat(Array.from(places, (place) => place ?? EMPTY));
    const temporary = makeTemporary(this.#directory);
    try {
      writeAll(temporary.fd, bytes, 0);
      putInPlace(temporary.path, this.#path);
    } catch (error) {
      fs.closeSync(temporary.fd);
      fs.rmSync(temporary.path, { force: true });
      throw error;
    }
    this.#closeFile();
    this.#fd = temporary.fd;
  }

  #attempt(work: () => void): void {
    try {
      work();
    } catch (error) {
      debug('the exemplars %s can not be written: %o', this.#path, error);
    }
  }
}
