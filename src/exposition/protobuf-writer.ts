import { Buffer } from 'node:buffer';

const PIECE_BYTES = 64 * 1024;
/** Room for the length of a delimited message, which is known when it ends. */
const LENGTH_BYTES = 5;

/** Characters up to which a text is short. */
const SHORT = 64;

const encoder = new TextEncoder();

/** More than any sum of counts; its varint has ten bytes. */
const MAX_VARINT: number = 2 ** 63;
const MAX_ZIGZAG: number = 2 ** 62;

/** The kinds of fields (https://protobuf.dev/programming-guides/encoding/). */
const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;

/**
 * Writes protobuf's wire format, as a stream of messages with their lengths before them, into
 * pieces of some 64 KB. Writing needs room, for which `reserve` has to be called before.
 */
export class ProtobufWriter {
  /** Pieces that are full. */
  #pieces: Uint8Array[] = [];
  #bytes!: Uint8Array;
  #view!: DataView;
  #at = 0;
  /** Where the delimited message begins, in the first of the pieces. */
  #start = 0;

  constructor() {
    this.#begin(PIECE_BYTES);
  }

  /** How many pieces are full. */
  get pieces(): number {
    return this.#pieces.length;
  }

  /** Bytes in the piece that is being written. */
  get size(): number {
    return this.#at;
  }

  /** Takes what was written, between two delimited messages. */
  take(): Uint8Array[] {
    const pieces = [...this.#pieces, this.#bytes.subarray(0, this.#at)];
    this.#pieces = [];
    this.#begin(PIECE_BYTES);
    return pieces;
  }

  /** Makes room for so many bytes. */
  reserve(count: number): void {
    if (this.#at + count <= this.#bytes.length) return;
    this.#pieces.push(this.#bytes.subarray(0, this.#at));
    this.#begin(Math.max(PIECE_BYTES, count));
  }

  /**
   * Begins a message that has its length before it. The only one at a time; it may go over several
   * pieces.
   */
  beginDelimited(): void {
    if (this.#pieces.length > 0) throw new Error('the pieces before have to be taken first');
    this.reserve(LENGTH_BYTES);
    this.#start = this.#at;
    this.#at += LENGTH_BYTES;
  }

  endDelimited(): void {
    const content = this.#start + LENGTH_BYTES;
    const [first, ...others] = this.#pieces;
    const length = this.#pieces.reduce((sum, piece) => sum + piece.length, this.#at) - content;
    const prefix = toVarint(length);
    if (first) {
      // The length goes right before the content, and what it did not need is left out.
      const from = content - prefix.length;
      first.set(prefix, from);
      this.#pieces = [first.subarray(0, this.#start), first.subarray(from), ...others];
    } else {
      this.#bytes.set(prefix, this.#start);
      this.#bytes.copyWithin(this.#start + prefix.length, content, this.#at);
      this.#at -= LENGTH_BYTES - prefix.length;
    }
  }

  /**
   * Begins a message within a message.
   * @param width How many bytes its length will take, at a guess.
   * @returns what `end` has to be given.
   */
  begin(field: number, width: number = 1): number {
    this.varint(field * 8 + BYTES);
    this.#at += width;
    return this.#at;
  }

  end(start: number, width: number = 1): void {
    const length = this.#at - start;
    if (width === 1 && length < 128) {
      this.#bytes[start - 1] = length;
      return;
    }
    const needed = sizeOfVarint(length);
    if (needed !== width) this.#bytes.copyWithin(start - width + needed, start, this.#at);
    this.#at = start - width;
    this.varint(length);
    this.#at += length;
  }

  /**
   * A whole number that is not negative, up to 2^63. A larger one is written as 2^63, so that no
   * number, an infinity neither, makes this loop for ever or spoils the message.
   */
  varint(value: number): void {
    if (value > MAX_VARINT) value = MAX_VARINT;
    while (value > 0x7fffffff) {
      this.#bytes[this.#at++] = (value % 128) | 128;
      value = Math.floor(value / 128);
    }
    while (value > 127) {
      this.#bytes[this.#at++] = (value & 127) | 128;
      value >>>= 7;
    }
    this.#bytes[this.#at++] = value;
  }

  /** A whole number of which small ones take little, negative ones too. */
  zigzag(value: number): void {
    const size = Math.min(Math.abs(value), MAX_ZIGZAG);
    this.varint(value < 0 ? 2 * size - 1 : 2 * size);
  }

  double(field: number, value: number): void {
    this.varint(field * 8 + FIXED64);
    this.#view.setFloat64(this.#at, value, true);
    this.#at += 8;
  }

  uint(field: number, value: number): void {
    this.varint(field * 8 + VARINT);
    this.varint(value);
  }

  sint(field: number, value: number): void {
    this.varint(field * 8 + VARINT);
    this.zigzag(value);
  }

  text(field: number, text: string): void {
    const { length } = text;
    const width = sizeOfVarint(length);
    const start = this.begin(field, width);
    // Most texts are ASCII and short, for which a call of the encoder takes longer than its work.
    let i = 0;
    if (length < SHORT) {
      for (let code: number; i < length && (code = text.charCodeAt(i)) < 128; i++) this.#bytes[start + i] = code;
    }
    this.#at = start + (i === length ? length : encoder.encodeInto(text, this.#bytes.subarray(start)).written);
    this.end(start, width);
  }

  /** What was copied from a writer. */
  raw(bytes: Uint8Array): void {
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  /** A copy of what was written to this piece since its size was `from`. */
  copy(from: number): Uint8Array {
    return this.#bytes.slice(from, this.#at);
  }

  #begin(bytes: number): void {
    this.#bytes = new Uint8Array(Buffer.allocUnsafeSlow(bytes).buffer);
    this.#view = new DataView(this.#bytes.buffer);
    this.#at = 0;
  }
}

function toVarint(value: number): number[] {
  const bytes: number[] = [];
  for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) | 128);
  return [...bytes, value];
}

function sizeOfVarint(value: number): number {
  let size = 1;
  for (; value > 127; size++) value = Math.floor(value / 128);
  return size;
}
