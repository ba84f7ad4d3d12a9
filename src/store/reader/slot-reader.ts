import { Buffer } from 'node:buffer';
import fs from 'node:fs';
import { cellsBelong, CHUNK_BYTES, CHUNK_CELLS, HEADER_CELLS } from '../format/cells-file.ts';
import { readIntent } from '../format/intent.ts';
import { decodeRecords, type NameRecord, NAMES_STEP_BYTES } from '../format/names-log.ts';
import { decodeHeader, hasOneCopy, HEADER_BYTES, type HeaderState, isIntact } from '../format/slot-header.ts';
import { openFile, readFrom, isMissing, isUnreadable } from '../files/open-file.ts';
import { slotFile } from '../files/slot-files.ts';
import { SlotTables } from '../tables/slot-tables.ts';

/**
 * Thrown for verified contents that can't be a slot's. Errors of the system are no damage: they are
 * passed through.
 */
export class Damage extends Error {}

/** Records decoded in one step: about a millisecond. */
const BATCH = 256;

/** The header of an open names file. */
export interface HeaderReading {
  readonly header: HeaderState;
  /** False if one of its two copies is damaged. */
  readonly intact: boolean;
}

export function readHeader(namesFd: number): HeaderReading {
  const bytes = Buffer.alloc(HEADER_BYTES);
  const length = fs.readSync(namesFd, bytes, 0, HEADER_BYTES, 0);
  const header = decodeHeader(bytes.subarray(0, length));
  return { header, intact: typeof header === 'object' && (isIntact(bytes, header) || hasOneCopy(bytes)) };
}

/**
 * Reads a slot's names, from where it stopped the last time: the one way for scrapes, for the next
 * owner and for inspection.
 */
export class NamesReader {
  readonly tables: SlotTables = new SlotTables();
  /** Where the next record is expected. */
  #end = HEADER_BYTES;
  #missing = 0;
  #torn = false;
  #records = 0;

  get end(): number {
    return this.#end;
  }

  /** How many records are missing, at the least, or make no sense. */
  get missing(): number {
    return this.#missing;
  }

  /** True if something that is no whole record stands behind the last one. */
  get torn(): boolean {
    return this.#torn;
  }

  /** How many records were read. */
  get records(): number {
    return this.#records;
  }

  /**
   * Applies what was appended since, in steps: iterate to the end.
   *
   * @param salvages false while a gap may come from a writer that is at it: then it is Damage
   * @throws Damage for a file that was cut short.
   */
  *advance(namesFd: number, salvages: boolean = true): Generator<void, void, undefined> {
    if (fs.fstatSync(namesFd).size < NAMES_STEP_BYTES) throw new Damage('its names are cut off');
    if (this.#records > 0 && !hasMore(namesFd, this.#end)) return;
    let bytes = readFrom(namesFd, this.#end);
    for (;;) {
      const { records, length, gaps, state } = decodeRecords(bytes, BATCH);
      if (gaps > 0 && !salvages) throw new Damage('records are missing from its names');
      if (gaps > 0) this.tables.expectGaps();
      this.#missing += gaps;
      this.#records += records.length;
      for (const record of records) this.#apply(record);
      this.#end += length;
      this.#torn = state === 'torn';
      if (state !== 'more') return;
      bytes = bytes.subarray(length);
      yield;
    }
  }

  /** Returns the records behind those that were applied, without applying them. */
  later(namesFd: number): readonly NameRecord[] {
    return hasMore(namesFd, this.#end) ? decodeRecords(readFrom(namesFd, this.#end)).records : [];
  }

  #apply(record: NameRecord): void {
    try {
      this.tables.apply(record);
    } catch {
      this.#missing++;
    }
  }
}

/** True if something stands behind what was read. */
function hasMore(fd: number, end: number): boolean {
  const bytes = Buffer.alloc(8);
  const length = fs.readSync(fd, bytes, 0, bytes.length, end);
  return bytes.subarray(0, length).some((byte) => byte !== 0);
}

/**
 * Opens a slot's cells file.
 *
 * @throws Damage where it is missing, no file, or another slot's.
 */
export function openCells(directory: string, slot: string, lineage: string, mode: 'read' | 'write'): number {
  const path = slotFile(directory, slot, 'cells');
  let fd: number;
  try {
    fd = openFile(path, mode);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const isAnothers = code === 'EACCES' || code === 'EPERM';
    if (!isAnothers && (isMissing(error) || isUnreadable(error)))
      throw new Damage(`its cells can not be opened (${code})`);
    throw error;
  }
  try {
    const header = Buffer.alloc(HEADER_CELLS * 8);
    fs.readSync(fd, header, 0, header.length, 0);
    if (!cellsBelong(header, lineage)) throw new Damage('its cells are not its own');
    return fd;
  } catch (error) {
    fs.closeSync(fd);
    throw error;
  }
}

/**
 * Reads all whole chunks of a cells file.
 *
 * @param end one past the last cell that the names speak of
 * @throws Damage where there are fewer.
 */
export function readChunks(cellsFd: number, end: number): Float64Array[] {
  const bytes = readFrom(cellsFd, 0);
  const chunks: Float64Array[] = [];
  for (let at = 0; at + CHUNK_BYTES <= bytes.length; at += CHUNK_BYTES) {
    chunks.push(new Float64Array(bytes.buffer, bytes.byteOffset + at, CHUNK_CELLS));
  }
  if (chunks.length * CHUNK_CELLS < end) throw new Damage('its cells are cut off');
  return chunks;
}

/** Stores the values of an armed intent to their cells: of a slot whose owner is gone. */
export function applyIntent(chunks: readonly Float64Array[], intent: number | undefined): void {
  if (intent === undefined) return;
  const chunk = chunks[Math.floor(intent / CHUNK_CELLS)];
  if (!chunk) return;
  for (const [cell, value] of readIntent(chunk, intent % CHUNK_CELLS)) {
    const target = chunks[Math.floor(cell / CHUNK_CELLS)];
    if (target && cell >= HEADER_CELLS) target[cell % CHUNK_CELLS] = value;
  }
}
