import { Buffer } from 'node:buffer';

/** Cells in a chunk: 64 KiB, a multiple of every page size in use. */
export const CHUNK_CELLS = 8192;
export const CHUNK_BYTES: number = CHUNK_CELLS * 8;

/** Cells at the start of a cells file that hold its header. */
export const HEADER_CELLS = 8;
const HEADER_BYTES: number = HEADER_CELLS * 8;

const MAGIC = 'PRMNDCEL';
const VERSION = 1;

/**
 * Returns the header of a cells file: a magic word, the version, and the lineage of the names that
 * it belongs to.
 */
export function cellsHeader(lineage: string): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES);
  bytes.write(MAGIC, 0, 'latin1');
  bytes.writeUInt32LE(VERSION, 8);
  Buffer.from(lineage.replaceAll('-', ''), 'hex').copy(bytes, 16);
  return bytes;
}

/**
 * True if a cells file that starts with `bytes` belongs to the lineage. One damaged word of eight
 * bytes is tolerated: another slot's header differs in two, since a lineage has two.
 */
export function cellsBelong(bytes: Uint8Array, lineage: string): boolean {
  if (bytes.length < HEADER_BYTES) return false;
  const expected = cellsHeader(lineage);
  let damagedWords = 0;
  for (let at = 0; at < HEADER_BYTES; at += 8) {
    if (!expected.subarray(at, at + 8).equals(bytes.subarray(at, at + 8))) damagedWords++;
  }
  return damagedWords <= 1;
}

/** Where in its chunk a cell lies. */
export function rangeIn(
  chunks: readonly Float64Array[],
  cell: number,
): { readonly cells: Float64Array; readonly index: number } {
  return { cells: chunks[Math.floor(cell / CHUNK_CELLS)]!, index: cell % CHUNK_CELLS };
}
