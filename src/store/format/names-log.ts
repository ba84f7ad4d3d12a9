import { Buffer } from 'node:buffer';
import { crc32 } from 'node:zlib';
import type { FamilyDefinition, LabelValues } from '../../snapshot/snapshot.ts';

/**
 * The names of a slot: a header of 512 bytes, then records in the order in which things happened,
 * then zeros.
 *
 *     header   "PRMNDNAM", u32 version, u32 checksum and u32 length of what follows; a JSON object; zeros up to 512
 *     record   u32 length (never 0), u32 checksum, JSON array
 *
 * Numbers are little-endian, checksums CRC-32 of the JSON. Space is filled with zeros before it is
 * needed, so that an append can't fail for want of space, and a length of 0 is the end. A record is
 * appended with one write, after the cells that it names are zeroed.
 */
const MAGIC = Buffer.from('PRMNDNAM');
export const HEADER_BYTES = 512;
export const FORMAT_VERSION = 1;
const HEADER_START = 20;
const MAX_RECORD_BYTES = 1 << 20;

/** Who owns a slot, and whose numbers it holds. */
export interface SlotHeader {
  /**
   * Random, the same for as long as the numbers are: tells a slot that was moved or written anew.
   */
  readonly lineage: string;
  readonly role: string;
  /** How many processes have owned it. */
  readonly generation: number;
  readonly pid: number;
  /** When the owner took it, in ms of the Unix epoch. */
  readonly startedAt: number;
  /** The running system's id: another one's processes are gone, or on another machine. */
  readonly bootId: string;
  /**
   * The slot is being written anew, and its records are yet to come: what was known of the lineage
   * stays.
   */
  readonly unfinished?: true;
}

/** One thing that happened to a slot's names. */
export type NameRecord =
  | readonly ['family', id: number, definedAt: number, fallbackCell: number, definition: FamilyDefinition]
  | readonly ['series', family: number, labelValues: LabelValues, cell: number]
  | readonly ['blocks', family: number, labelValues: LabelValues, keys: readonly number[], cells: readonly number[]]
  | readonly ['unblock', family: number, labelValues: LabelValues, keys: readonly number[]]
  | readonly ['removal', family: number, labelValues: LabelValues]
  | readonly ['end', family: number]
  | readonly ['free', cell: number, width: number];

/**
 * What a read of the header gave. `unknown`: a file of another version of Promenade, to be left
 * alone.
 */
export type HeaderState = SlotHeader | 'damaged' | 'unknown';

export function encodeHeader(header: SlotHeader): Buffer {
  const json = Buffer.from(JSON.stringify(header));
  const bytes = Buffer.alloc(HEADER_BYTES);
  MAGIC.copy(bytes);
  bytes.writeUInt32LE(FORMAT_VERSION, 8);
  bytes.writeUInt32LE(crc32(json), 12);
  bytes.writeUInt32LE(json.length, 16);
  json.copy(bytes, HEADER_START);
  return bytes;
}

export function decodeHeader(bytes: Buffer): HeaderState {
  if (bytes.length < HEADER_BYTES || !bytes.subarray(0, MAGIC.length).equals(MAGIC)) return 'damaged';
  if (bytes.readUInt32LE(8) !== FORMAT_VERSION) return 'unknown';
  const length = bytes.readUInt32LE(16);
  const json = bytes.subarray(HEADER_START, HEADER_START + length);
  if (length > HEADER_BYTES - HEADER_START || crc32(json) !== bytes.readUInt32LE(12)) return 'damaged';
  return JSON.parse(json.toString()) as SlotHeader;
}

export function encodeRecord(record: NameRecord): Buffer {
  const json = Buffer.from(JSON.stringify(record));
  const bytes = Buffer.allocUnsafe(8 + json.length);
  bytes.writeUInt32LE(json.length, 0);
  bytes.writeUInt32LE(crc32(json), 4);
  json.copy(bytes, 8);
  return bytes;
}

/** What a stretch of records says. */
export interface Decoded {
  readonly records: readonly NameRecord[];
  /** How many bytes of it are whole records. */
  readonly length: number;
  /**
   * `whole`: it ends where a record ends. `torn`: the last record is not (yet) all there, and
   * nothing follows: its writer is at it, or was killed. `damaged`: what is there can't have been
   * written so. `more`: there is more of it than was asked for.
   */
  readonly state: 'whole' | 'torn' | 'damaged' | 'more';
}

/** Reads records up to the end, a torn record, or damage; no more than `limit`. */
export function decodeRecords(bytes: Buffer, limit: number = Infinity): Decoded {
  const records: NameRecord[] = [];
  let at = 0;
  while (at + 8 <= bytes.length) {
    if (records.length === limit) return { records, length: at, state: 'more' };
    const length = bytes.readUInt32LE(at);
    if (length === 0) return { records, length: at, state: onlyZeros(bytes, at) ? 'whole' : 'damaged' };
    const end = at + 8 + length;
    const json = bytes.subarray(at + 8, end);
    if (length > MAX_RECORD_BYTES || end > bytes.length) return { records, length: at, state: 'damaged' };
    if (crc32(json) !== bytes.readUInt32LE(at + 4)) {
      return { records, length: at, state: onlyZeros(bytes, end) ? 'torn' : 'damaged' };
    }
    records.push(JSON.parse(json.toString()) as NameRecord);
    at = end;
  }
  return { records, length: at, state: onlyZeros(bytes, at) ? 'whole' : 'damaged' };
}

/** Some 10 GB/s. */
function onlyZeros(bytes: Buffer, from: number): boolean {
  const rest = bytes.subarray(from);
  return rest.length === 0 || (rest[0] === 0 && rest.compare(rest, 1, rest.length, 0, rest.length - 1) === 0);
}
