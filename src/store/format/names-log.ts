import { Buffer } from 'node:buffer';
import { crc32 } from 'node:zlib';
import type { FamilyDefinition, LabelValues } from '../../snapshot/snapshot.ts';

/**
 * The records of a names file, behind its header (FORMAT.md):
 *
 *     record   u32 length (never 0), u32 checksum, JSON array
 *
 * Numbers are little-endian, checksums are CRC-32 of the JSON. Behind the last record there are
 * zeros.
 */
const HEAD_BYTES = 8;
const MAX_RECORD_BYTES = 1 << 20;
/** How every record's JSON begins and ends: what a search looks for. */
const OPENING = Buffer.from('["');
const CLOSING = 0x5d;

/** A names file grows by steps of this size; a last step that is not whole is a cut-off growth. */
export const NAMES_STEP_BYTES = 65_536;

/**
 * One change of a slot's names. The last item of a family and of a series is the moment when it
 * began, in ms of the Unix epoch; files of the first version do not have it.
 */
export type NameRecord =
  | readonly [
      'family',
      id: number,
      definedAt: number,
      fallbackCell: number,
      definition: FamilyDefinition,
      startedAt?: number,
    ]
  | readonly ['series', family: number, labelValues: LabelValues, cell: number, startedAt?: number]
  | readonly ['blocks', family: number, labelValues: LabelValues, keys: readonly number[], cells: readonly number[]]
  | readonly ['unblock', family: number, labelValues: LabelValues, keys: readonly number[]]
  | readonly ['removal', family: number, labelValues: LabelValues]
  | readonly ['end', family: number]
  | readonly ['free', cell: number, width: number];

export function encodeRecord(record: NameRecord): Buffer {
  const json = Buffer.from(JSON.stringify(record));
  const bytes = Buffer.allocUnsafe(HEAD_BYTES + json.length);
  bytes.writeUInt32LE(json.length, 0);
  bytes.writeUInt32LE(crc32(json), 4);
  json.copy(bytes, HEAD_BYTES);
  return bytes;
}

/** The records of a stretch of a names file. */
export interface Decoded {
  readonly records: readonly NameRecord[];
  /** The bytes up to the end of the last record. */
  readonly length: number;
  /** Stretches between records that hold none, each of them damage: at least one record is lost. */
  readonly gaps: number;
  /**
   * `whole`: only zeros follow. `torn`: no valid record follows, but something does: a record that
   * is being written, or whose writer was killed. `more`: the limit was reached.
   */
  readonly state: 'whole' | 'torn' | 'more';
}

/** Decodes records up to the end, or up to `limit`. Records behind damage are found again. */
export function decodeRecords(bytes: Buffer, limit: number = Infinity): Decoded {
  const records: NameRecord[] = [];
  let at = 0;
  let gaps = 0;
  for (;;) {
    if (records.length >= limit) return { records, length: at, gaps, state: 'more' };
    const end = recordEnd(bytes, at);
    if (end > 0) {
      records.push(JSON.parse(bytes.toString('utf8', at + HEAD_BYTES, end)) as NameRecord);
      at = end;
      continue;
    }
    if (onlyZeros(bytes, at)) return { records, length: at, gaps, state: 'whole' };
    const next = findRecord(bytes, at + 1);
    if (next < 0) return { records, length: at, gaps, state: 'torn' };
    gaps++;
    at = next;
  }
}

/** Returns where the record at a position ends; 0 if there is no valid one. */
function recordEnd(bytes: Buffer, at: number): number {
  if (at + HEAD_BYTES > bytes.length) return 0;
  const length = bytes.readUInt32LE(at);
  const end = at + HEAD_BYTES + length;
  if (length === 0 || length > MAX_RECORD_BYTES || end > bytes.length) return 0;
  if (bytes[end - 1] !== CLOSING || bytes[at + HEAD_BYTES] !== OPENING[0]) return 0;
  return crc32(bytes.subarray(at + HEAD_BYTES, end)) === bytes.readUInt32LE(at + 4) ? end : 0;
}

/**
 * Returns where the next valid record starts; -1 if there is none. Its work has a limit, so that no
 * contents can hang a reader.
 */
function findRecord(bytes: Buffer, from: number): number {
  let budget = 4 * bytes.length + MAX_RECORD_BYTES;
  for (let hit = bytes.indexOf(OPENING, from + HEAD_BYTES); hit >= 0; hit = bytes.indexOf(OPENING, hit + 1)) {
    const at = hit - HEAD_BYTES;
    if (recordEnd(bytes, at) > 0) return at;
    budget -= Math.min(bytes.readUInt32LE(at), MAX_RECORD_BYTES) + 64;
    if (budget < 0) return -1;
  }
  return -1;
}

/** Some 10 GB/s. */
function onlyZeros(bytes: Buffer, from: number): boolean {
  const rest = bytes.subarray(from);
  return rest.length === 0 || (rest[0] === 0 && rest.compare(rest, 1, rest.length, 0, rest.length - 1) === 0);
}
