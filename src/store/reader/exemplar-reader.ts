import type { Buffer } from 'node:buffer';
import fs from 'node:fs';
import { decodePlace, encodeHeader, MAX_EXEMPLARS, PLACE_BYTES } from '../format/exemplars.ts';
import { isMissing, openFile, readFrom } from '../files/open-file.ts';
import { ExemplarRing } from '../tables/exemplar-ring.ts';

const MAX_FILE_BYTES = (MAX_EXEMPLARS + 1) * PLACE_BYTES;

/**
 * Reads a slot's exemplars time after time; places that have not changed are skipped. Never throws:
 * a file or a place that is missing, damaged or another slot's is left out.
 */
export class ExemplarReader {
  #ring: ExemplarRing = new ExemplarRing();
  /** By index: what was last seen at the place. */
  #checksums: number[] = [];

  /** The exemplars as they are now; the same object each time, unless the file went. */
  read(path: string, lineage: string): ExemplarRing {
    const bytes = readFile(path);
    if (bytes === 'unreadable') return this.#ring;
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

function readFile(path: string): Buffer | undefined | 'unreadable' {
  let fd: number | undefined;
  try {
    fd = openFile(path);
    return fs.fstatSync(fd).size <= MAX_FILE_BYTES ? readFrom(fd, 0) : undefined;
  } catch (error) {
    // Without a free descriptor, say, what was read before stays.
    return isMissing(error) ? undefined : 'unreadable';
  } finally {
    if (fd !== undefined) fs.closeSync(fd);
  }
}
