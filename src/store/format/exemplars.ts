import { Buffer } from 'node:buffer';
import { crc32 } from 'node:zlib';
import type { Exemplar } from '../../snapshot/exemplar.ts';

/** One exemplar, and the first cell of the series that it is of. */
export interface RingEntry {
  readonly cell: number;
  readonly exemplar: Exemplar;
}

/**
 * How many exemplars a process keeps. Past it a new one takes the place of the one that came first.
 */
export const MAX_EXEMPLARS = 2048;

/**
 * A slot's exemplars: places of 640 bytes, the first for the header, written one at a time.
 *
 *     header   "PRMNDEXM", u32 version, u32 zero, 16 bytes: the lineage of the names that it belongs to
 *     place    u32 checksum of what follows, u32 length of the labels, f64 cell, f64 value, f64 timestamp, u32 place; the labels: for each
 *              name and value, u16 length and UTF-8
 *
 * A place of zeros is empty. 128 code points, which is all that an exemplar may have, take 576
 * bytes at the most.
 */
const MAGIC = 'PRMNDEXM';
const VERSION = 1;
export const PLACE_BYTES = 640;
const LABELS_START = 36;

/** The first place. */
export function encodeHeader(lineage: string): Buffer {
  const bytes = Buffer.alloc(PLACE_BYTES);
  bytes.write(MAGIC, 0, 'latin1');
  bytes.writeUInt32LE(VERSION, 8);
  Buffer.from(lineage.replaceAll('-', ''), 'hex').copy(bytes, 16);
  return bytes;
}

export function encodePlace({ cell, exemplar }: RingEntry): Buffer {
  const bytes = Buffer.alloc(PLACE_BYTES);
  let end = LABELS_START;
  for (const text of Object.entries(exemplar.labels).flat()) {
    const length = bytes.write(text, end + 2);
    end = bytes.writeUInt16LE(length, end) + length;
  }
  bytes.writeUInt32LE(end - LABELS_START, 4);
  bytes.writeDoubleLE(cell, 8);
  bytes.writeDoubleLE(exemplar.value, 16);
  bytes.writeDoubleLE(exemplar.timestamp, 24);
  bytes.writeUInt32LE(exemplar.place, 32);
  bytes.writeUInt32LE(crc32(bytes.subarray(4, end)), 0);
  return bytes;
}

/** `undefined` for what is damaged, or just being written. */
export function decodePlace(bytes: Buffer): RingEntry | undefined {
  const end = LABELS_START + bytes.readUInt32LE(4);
  if (end > PLACE_BYTES || crc32(bytes.subarray(4, end)) !== bytes.readUInt32LE(0)) return undefined;
  const texts: string[] = [];
  for (let at = LABELS_START; at < end;) {
    const start = at + 2;
    at = start + bytes.readUInt16LE(at);
    texts.push(bytes.toString('utf8', start, at));
  }
  const labels: Record<string, string> = {};
  for (let i = 0; i + 1 < texts.length; i += 2) labels[texts[i]!] = texts[i + 1]!;
  return {
    cell: bytes.readDoubleLE(8),
    exemplar: {
      place: bytes.readUInt32LE(32),
      labels,
      value: bytes.readDoubleLE(16),
      timestamp: bytes.readDoubleLE(24),
    },
  };
}
