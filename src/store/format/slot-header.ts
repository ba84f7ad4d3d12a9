import { Buffer } from 'node:buffer';
import { crc32 } from 'node:zlib';

/**
 * The first 512 bytes of a names file, where the header stands twice (FORMAT.md): as the first
 * version of the format wrote it, and once more behind it, where its checksum covers the version
 * too.
 */
const MAGIC = Buffer.from('PRMNDNAM');
const COPY_MAGIC = Buffer.from('PRMNDHDR');
export const HEADER_BYTES = 512;
const VERSION = 1;
const JSON_AT = 20;
const COPY_AT = 272;

/** The owner of a slot, and the identity of its numbers. */
export interface SlotHeader {
  /** Random, and the same for as long as the numbers are, however often the files are rewritten. */
  readonly lineage: string;
  readonly role: string;
  /** How many processes have owned it. */
  readonly generation: number;
  readonly pid: number;
  /** When the owner took it, in ms of the Unix epoch. */
  readonly startedAt: number;
  /** Identifies the running system: processes of another one are gone, or on another machine. */
  readonly bootId: string;
  /**
   * True while the slot moves to this file and its records are still missing: readers keep what
   * they know of the lineage.
   */
  readonly unfinished?: true;
  /** The first cell of the intent (intent.ts), once there is one. Only in the second copy. */
  readonly intent?: number;
}

/** A header, or the reason why it can't be read. `unknown`: a later version's, to be left alone. */
export type HeaderState = SlotHeader | 'damaged' | 'unknown';

/** Encodes both copies. */
export function encodeHeader(header: SlotHeader): Buffer {
  const { intent: _, ...first } = header;
  const bytes = Buffer.alloc(HEADER_BYTES);
  const json = Buffer.from(JSON.stringify(first));
  MAGIC.copy(bytes);
  bytes.writeUInt32LE(VERSION, 8);
  bytes.writeUInt32LE(crc32(json), 12);
  bytes.writeUInt32LE(json.length, 16);
  json.copy(bytes, JSON_AT);
  const copy = Buffer.from(JSON.stringify(compact(header)));
  if (JSON_AT + json.length > COPY_AT || COPY_AT + JSON_AT + copy.length > HEADER_BYTES) return bytes;
  COPY_MAGIC.copy(bytes, COPY_AT);
  bytes.writeUInt32LE(VERSION, COPY_AT + 8);
  bytes.writeUInt32LE(copy.length, COPY_AT + 16);
  copy.copy(bytes, COPY_AT + JSON_AT);
  bytes.writeUInt32LE(copyChecksum(bytes, copy.length), COPY_AT + 12);
  return bytes;
}

/** Decodes whichever copy is whole, the second first. */
export function decodeHeader(bytes: Buffer): HeaderState {
  if (bytes.length < HEADER_BYTES) return 'damaged';
  const copy = decodeCopy(bytes);
  if (copy) return copy;
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) return 'damaged';
  if (bytes.readUInt32LE(8) !== VERSION) return 'unknown';
  const length = bytes.readUInt32LE(16);
  const json = bytes.subarray(JSON_AT, JSON_AT + length);
  if (length > HEADER_BYTES - JSON_AT || crc32(json) !== bytes.readUInt32LE(12)) return 'damaged';
  return JSON.parse(json.toString()) as SlotHeader;
}

/** True if the bytes are what this version writes for the header: both copies are whole. */
export function isIntact(bytes: Buffer, header: SlotHeader): boolean {
  return bytes.equals(encodeHeader(header));
}

/** True if there are zeros where the second copy stands: the first version of the format has one. */
export function hasOneCopy(bytes: Buffer): boolean {
  return bytes.subarray(COPY_AT).every((byte) => byte === 0);
}

type Compact = readonly [
  lineage: string,
  role: string,
  generation: number,
  pid: number,
  startedAt: number,
  bootId: string,
  unfinished: 0 | 1,
  intent: number,
];

function compact(header: SlotHeader): Compact {
  const { lineage, role, generation, pid, startedAt, bootId, unfinished, intent = -1 } = header;
  return [lineage, role, generation, pid, startedAt, bootId, unfinished ? 1 : 0, intent];
}

function decodeCopy(bytes: Buffer): SlotHeader | undefined {
  if (!bytes.subarray(COPY_AT, COPY_AT + COPY_MAGIC.length).equals(COPY_MAGIC)) return undefined;
  const length = bytes.readUInt32LE(COPY_AT + 16);
  if (bytes.readUInt32LE(COPY_AT + 8) !== VERSION || COPY_AT + JSON_AT + length > HEADER_BYTES) return undefined;
  if (copyChecksum(bytes, length) !== bytes.readUInt32LE(COPY_AT + 12)) return undefined;
  const json = bytes.toString('utf8', COPY_AT + JSON_AT, COPY_AT + JSON_AT + length);
  const [lineage, role, generation, pid, startedAt, bootId, unfinished, intent] = JSON.parse(json) as Compact;
  return {
    lineage,
    role,
    generation,
    pid,
    startedAt,
    bootId,
    ...(unfinished === 1 && { unfinished: true as const }),
    ...(intent >= 0 && { intent }),
  };
}

/** Covers the version, the length and the text. */
function copyChecksum(bytes: Buffer, length: number): number {
  const before = crc32(bytes.subarray(COPY_AT + 8, COPY_AT + 12));
  return crc32(bytes.subarray(COPY_AT + 16, COPY_AT + JSON_AT + length), before);
}
