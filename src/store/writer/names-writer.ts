import { Buffer } from 'node:buffer';
import fs from 'node:fs';
import { crc32 } from 'node:zlib';
import { encodeRecord, type NameRecord, NAMES_STEP_BYTES } from '../format/names-log.ts';
import { encodeHeader, HEADER_BYTES, type SlotHeader } from '../format/slot-header.ts';
import { fillWithZeros, leadsTo, readFrom, writeAll } from '../files/open-file.ts';
import { discard, makeTemporary, putInPlace } from '../files/shared-file.ts';
import type { Space } from './space.ts';

/** Bytes at the end of the filled space that only records of reserved families may take. */
const RESERVE_BYTES = 8192;
/** Bytes of its own file that the owner checks at each heartbeat: some 30 µs. */
const CHECKED_BYTES = NAMES_STEP_BYTES;

/** The names file of the slot that this process owns. */
export class NamesWriter {
  readonly #space: Space;
  #fd: number;
  #header: SlotHeader;
  /** Where the next record goes. */
  #end: number;
  #size: number;
  /** Where the records ended when the file was last rewritten: that is done when it halves them. */
  #compactEnd: number;
  /** The records' checksum, by steps of CHECKED_BYTES from the start of the file. */
  #checksums: number[] = [];
  #nextCheck = 0;

  /** @param end where the records end */
  constructor(fd: number, header: SlotHeader, end: number, space: Space) {
    this.#fd = fd;
    this.#header = header;
    this.#space = space;
    this.#end = this.#compactEnd = end;
    this.#size = fs.fstatSync(fd).size;
    this.#note(readFrom(fd, 0, end), 0);
  }

  get header(): SlotHeader {
    return this.#header;
  }

  /** True if a rewrite without history would at least halve the file. */
  get isLong(): boolean {
    return this.#end > 2 * this.#compactEnd && this.#end > 2 * NAMES_STEP_BYTES;
  }

  /** True if the path still leads to the file. */
  isAt(path: string): boolean {
    return leadsTo(path, this.#fd);
  }

  /**
   * Appends a record, with one write into space that is filled with zeros already. `false`: there
   * is no space.
   */
  append(record: NameRecord, mayUseReserve: boolean): boolean {
    const bytes = encodeRecord(record);
    const end = this.#end + bytes.length;
    if (end + RESERVE_BYTES > this.#size) {
      const size = Math.ceil((end + RESERVE_BYTES) / NAMES_STEP_BYTES) * NAMES_STEP_BYTES;
      const grown = this.#space.attempt(() => {
        fillWithZeros(this.#fd, this.#size, size);
        this.#size = size;
      });
      if (!grown && (!mayUseReserve || end > this.#size)) return false;
    }
    try {
      writeAll(this.#fd, bytes, this.#end);
    } catch {
      return false; // The part that was written is a torn record; the next one overwrites it.
    }
    this.#note(bytes, this.#end);
    this.#end = end;
    return true;
  }

  /** Writes the header again: for a change of it, and over damage. */
  writeHeader(header: SlotHeader = this.#header): void {
    const bytes = encodeHeader(header);
    writeAll(this.#fd, bytes, 0);
    this.#header = header;
    this.#checksums.length = 0;
    this.#note(bytes, 0);
    if (this.#end > HEADER_BYTES) this.#note(readFrom(this.#fd, HEADER_BYTES, this.#end - HEADER_BYTES), HEADER_BYTES);
  }

  /**
   * Compares a part of the file with what was written to it; another part each time.
   *
   * @returns false if it is damaged
   */
  check(): boolean {
    const step = this.#nextCheck;
    const start = step * CHECKED_BYTES;
    this.#nextCheck = start + CHECKED_BYTES < this.#end ? step + 1 : 0;
    const bytes = readFrom(this.#fd, start, Math.min(CHECKED_BYTES, this.#end - start));
    return crc32(bytes) === (this.#checksums[step] ?? 0);
  }

  /**
   * Replaces the file by one that holds these records alone. The slot stays locked all the time.
   *
   * @throws Error of the file system; the old file is still there then.
   */
  rewrite(path: string, directory: string, records: Iterable<NameRecord>): void {
    const parts: Buffer[] = [encodeHeader(this.#header)];
    for (const record of records) parts.push(encodeRecord(record));
    const bytes = Buffer.concat(parts);
    const size = Math.ceil((bytes.length + RESERVE_BYTES) / NAMES_STEP_BYTES) * NAMES_STEP_BYTES;
    const temporary = makeTemporary(directory);
    try {
      fillWithZeros(temporary.fd, 0, size);
      writeAll(temporary.fd, bytes, 0);
      putInPlace(temporary.path, path);
    } catch (error) {
      discard(temporary);
      throw error;
    }
    this.replace(temporary.fd, this.#header);
    this.#size = size;
    this.#end = this.#compactEnd = bytes.length;
    this.#note(bytes, 0);
  }

  /** The next rewrite completes a slot that was moved. */
  finish(): void {
    const { unfinished: _, ...header } = this.#header;
    this.#header = header;
  }

  /** Goes on in another file that has a header and no records. */
  replace(fd: number, header: SlotHeader): void {
    fs.closeSync(this.#fd);
    this.#fd = fd;
    this.#header = header;
    this.#size = fs.fstatSync(fd).size;
    this.#end = this.#compactEnd = HEADER_BYTES;
    this.#checksums.length = 0;
    this.#nextCheck = 0;
  }

  close(): void {
    fs.closeSync(this.#fd);
  }

  /** Adds bytes that were written at a position to the checksums. */
  #note(bytes: Uint8Array, at: number): void {
    for (let done = 0; done < bytes.length;) {
      const step = Math.floor((at + done) / CHECKED_BYTES);
      const length = Math.min(bytes.length - done, (step + 1) * CHECKED_BYTES - at - done);
      this.#checksums[step] = crc32(bytes.subarray(done, done + length), this.#checksums[step] ?? 0);
      done += length;
    }
  }
}
