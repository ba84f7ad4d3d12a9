import { Buffer } from 'node:buffer';
import { crc32 } from 'node:zlib';
import type { Note } from '../board.ts';

/** First line of a note's file: the version, and the checksum and length of the text behind it. */
const HEADER = /^promenade-note (\d+) (?:([0-9a-f]{8}) (\d+)\n)?/;
const VERSION = 1;
const HEADER_BYTES = 64;

export function encodeNote(text: string): Buffer {
  const bytes = Buffer.from(text);
  const checksum = crc32(bytes).toString(16).padStart(8, '0');
  return Buffer.concat([Buffer.from(`promenade-note ${VERSION} ${checksum} ${bytes.length}\n`), bytes]);
}

/** Decodes a note. `unknown`: a later version's. */
export function decodeNote(bytes: Buffer): Note | 'damaged' | 'unknown' {
  const header = HEADER.exec(bytes.toString('latin1', 0, HEADER_BYTES));
  if (!header) return 'damaged';
  if (Number(header[1]) !== VERSION) return 'unknown';
  if (header[2] === undefined) return 'damaged';
  const text = bytes.subarray(header[0].length);
  if (text.length !== Number(header[3]) || crc32(text) !== Number.parseInt(header[2], 16)) return 'damaged';
  return { text: text.toString() };
}
