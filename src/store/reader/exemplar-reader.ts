import type { Buffer } from 'node:buffer';
import fs from 'node:fs';
import { decodePlace, encodeHeader, PLACE_BYTES } from '../format/exemplars.ts';
import { ExemplarRing, MAX_EXEMPLARS } from '../tables/exemplar-ring.ts';
import { readFrom } from '../files/slot-files.ts';

const MAX_FILE_BYTES = (MAX_EXEMPLARS + 1) * PLACE_BYTES;
/** A named pipe under one of our names must not make us wait for its writer. */
const LOOK: number = fs.constants.O_RDONLY | fs.constants.O_NONBLOCK;

/**
 * Reads a slot's exemplars, again and again: places that have not changed are not looked at twice.
 * Never throws: what is missing, another slot's or damaged is left out, be it one place or all of
 * them, and is no reason to put the slot aside.
 */
export class ExemplarReader {
  #ring: ExemplarRing = new ExemplarRing();
  /** By index: what was last seen at the place. */
  #checksums: number[] = [];

  /** The exemplars as they are now; the same object each time, unless the file went. */
  read(path: string, lineage: string): ExemplarRing {
    const bytes = readFile(path);
    if (!bytes?.subarray(0, PLACE_BYTES).equals(encodeHeader(lineage))) {
      this.#ring = new ExemplarRing();
      this.#checksums = [];
      return this.#ring;
    }
    for (let at = PLACE_BYTES; at + PLACE_BYTES <= bytes.length; at += PLACE_BYTES) {
      const index = at / PLACE_BYTES - 1;
      const checksum = bytes.readUInt32LE(at);
      if (checksum === (this.#checksums[index] ?? 0)) continue;
      const entry = decodePlace(bytes.subarray(at, at + PLACE_BYTES));
      // One that is just being written may be whole the next time.
      this.#checksums[index] = entry ? checksum : 0;
      this.#ring.put(index, entry);
    }
    return this.#ring;
  }
}

function readFile(path: string): Buffer | undefined {
  let fd: number | undefined;
  try {
    fd = fs.openSync(path, LOOK);
    const stat = fs.fstatSync(fd);
    return stat.isFile() && stat.size <= MAX_FILE_BYTES ? readFrom(fd, 0) : undefined;
  } catch {
    return undefined; // no exemplars, or not ours to read
  } finally {
    if (fd !== undefined) fs.closeSync(fd);
  }
}
