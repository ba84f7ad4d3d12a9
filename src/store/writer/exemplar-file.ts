import { Buffer } from 'node:buffer';
import fs from 'node:fs';
import { debuglog } from 'node:util';
import type { Exemplar } from '../../snapshot/exemplar.ts';
import { encodeHeader, encodePlace, PLACE_BYTES } from '../format/exemplars.ts';
import { ExemplarReader } from '../reader/exemplar-reader.ts';
import type { ExemplarKeeper, ExemplarRing } from '../tables/exemplar-ring.ts';
import { leadsTo, writeAll } from '../files/open-file.ts';
import { discard, makeTemporary, putInPlace } from '../files/shared-file.ts';
import { slotFile } from '../files/slot-files.ts';

const debug: ReturnType<typeof debuglog> = debuglog('promenade');
const EMPTY: Buffer = Buffer.alloc(PLACE_BYTES);

/**
 * The exemplars of the slot that this process owns, in memory and in their file, which is made with
 * the first one. Best effort: if the file fails, the numbers go on without it.
 */
export class ExemplarFile implements ExemplarKeeper {
  readonly #directory: string;
  readonly #lineage: string;
  readonly #ring: ExemplarRing;
  #path: string;
  #fd: number | undefined;
  #closed = false;

  /** Takes over what the slot's last owner left, of the series that `cells` names. */
  constructor(directory: string, slot: string, lineage: string, cells: ReadonlySet<number>) {
    this.#directory = directory;
    this.#lineage = lineage;
    this.#path = slotFile(directory, slot, 'exemplars');
    this.#ring = new ExemplarReader().read(this.#path, lineage);
    let left = false;
    for (const [, { cell }] of this.#ring.entries()) {
      left = true;
      if (!cells.has(cell)) this.#ring.forget(cell);
    }
    if (left) this.#attempt(() => this.#rewrite());
  }

  keep(cell: number, exemplar: Exemplar): void {
    if (this.#closed) return;
    const index = this.#ring.keep(cell, exemplar);
    this.#attempt(() => {
      if (this.#fd === undefined) this.#rewrite();
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

  /** Rewrites the file if it is gone, or the slot has another name now. */
  heal(slot: string): void {
    if (this.#fd === undefined) return;
    const path = slotFile(this.#directory, slot, 'exemplars');
    if (path === this.#path && leadsTo(path, this.#fd)) return;
    this.#path = path;
    this.#attempt(() => this.#rewrite());
  }

  /** Gives the file up: from now on it may be another process's. */
  close(): void {
    this.#closed = true;
    this.#closeFile();
  }

  #closeFile(): void {
    if (this.#fd !== undefined) fs.closeSync(this.#fd);
    this.#fd = undefined;
  }

  #rewrite(): void {
    const places: Buffer[] = [encodeHeader(this.#lineage)];
    for (const [index, entry] of this.#ring.entries()) places[index + 1] = encodePlace(entry);
    const bytes = Buffer.concat(Array.from(places, (place) => place ?? EMPTY));
    const temporary = makeTemporary(this.#directory);
    try {
      writeAll(temporary.fd, bytes, 0);
      putInPlace(temporary.path, this.#path);
    } catch (error) {
      discard(temporary);
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
