import fs from 'node:fs';
import { CHUNK_BYTES, cellsHeader, HEADER_CELLS } from '../format/cells-file.ts';
import { fillWithZeros, leadsTo, writeAll } from '../files/open-file.ts';
import { discard, makeTemporary, putInPlace } from '../files/shared-file.ts';
import { type Mapping, systemCalls } from '../files/system-calls.ts';

/** The mapped cells file of the slot that this process owns. */
export class CellsWriter {
  readonly #lineage: string;
  readonly #mappings: Mapping[] = [];
  #fd: number;

  /** Maps all whole chunks, and cuts off one that is not whole: a growth that a kill cut short. */
  constructor(fd: number, lineage: string) {
    this.#fd = fd;
    this.#lineage = lineage;
    const count = Math.floor(fs.fstatSync(fd).size / CHUNK_BYTES);
    fs.ftruncateSync(fd, count * CHUNK_BYTES);
    for (let i = 0; i < count; i++) this.#map();
    this.mendHeader();
  }

  /** The chunks that are mapped. */
  get chunks(): Float64Array[] {
    return this.#mappings.map(({ cells }) => cells);
  }

  isAt(path: string): boolean {
    return leadsTo(path, this.#fd);
  }

  /** Appends a chunk of zeros and maps it. @throws Error where there is no space. */
  grow(): Float64Array {
    const start = this.#mappings.length * CHUNK_BYTES;
    fillWithZeros(this.#fd, start, start + CHUNK_BYTES);
    return this.#map();
  }

  /** Stores the header again if it is damaged. */
  mendHeader(): void {
    const first = this.#mappings[0]!.cells;
    const header = new Float64Array(new Uint8Array(cellsHeader(this.#lineage)).buffer);
    const bits = (cells: Float64Array): BigUint64Array =>
      new BigUint64Array(cells.buffer, cells.byteOffset, HEADER_CELLS);
    const [there, wanted] = [bits(first), bits(header)];
    if (there.some((word, i) => word !== wanted[i])) there.set(wanted);
  }

  /**
   * Writes all cells to a new file and maps that one instead. No handle notices, since nothing else
   * runs meanwhile.
   *
   * @throws Error of the file system; the old file stays mapped then.
   */
  moveTo(path: string, directory: string): void {
    const temporary = makeTemporary(directory);
    try {
      for (const [i, { cells }] of this.#mappings.entries()) {
        writeAll(temporary.fd, new Uint8Array(cells.buffer, cells.byteOffset, cells.byteLength), i * CHUNK_BYTES);
      }
      writeAll(temporary.fd, cellsHeader(this.#lineage), 0);
      putInPlace(temporary.path, path);
    } catch (error) {
      discard(temporary);
      throw error;
    }
    for (const [i, mapping] of this.#mappings.entries()) systemCalls().replace(mapping, temporary.fd, i * CHUNK_BYTES);
    fs.closeSync(this.#fd);
    this.#fd = temporary.fd;
  }

  /** Gives the file up; later stores to the chunks reach no file. */
  close(): void {
    for (const mapping of this.#mappings) systemCalls().detach(mapping);
    fs.closeSync(this.#fd);
  }

  #map(): Float64Array {
    const mapping = systemCalls().map(this.#fd, this.#mappings.length * CHUNK_BYTES, CHUNK_BYTES);
    this.#mappings.push(mapping);
    return mapping.cells;
  }
}
