import { Buffer } from 'node:buffer';
import { Duplex } from 'node:stream';

function packet(sequence: number, ...parts: readonly (string | readonly number[])[]): Buffer {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part as string)));
  const head = Buffer.alloc(4);
  head.writeUIntLE(body.length, 0, 3);
  head[3] = sequence;
  return Buffer.concat([head, body]);
}

const zeros = (length: number): number[] => Array.from({ length }, () => 0);
const named = (text: string): string => String.fromCharCode(text.length) + text;

/** Protocol 4.1, transactions, secure connections, authentication by plug-in. */
const GREETING = packet(
  0,
  [10],
  '8.0.0\0',
  [1, 0, 0, 0],
  'aaaaaaaa\0',
  [0x00, 0xa2, 45, 2, 0, 0x08, 0x00, 21],
  zeros(10),
  'bbbbbbbbbbbb\0',
  'mysql_native_password\0',
);
const WELCOME = packet(2, [0, 0, 0, 2, 0, 0, 0]);
/** A row with one column, `n`, a LONG with the value 7. */
const COLUMN = packet(2, named('def'), [0, 0, 0], named('n'), [0, 12, 63, 0, 11, 0, 0, 0, 3, 0, 0, 0, 0, 0]);
const END = [254, 0, 0, 2, 0];
const ANSWER = Buffer.concat([packet(1, [1]), COLUMN, packet(3, END), packet(4, [1], '7'), packet(5, END)]);

/**
 * A MySQL in this process that answers every query alike: what is left is what the driver costs,
 * and who measures it.
 */
export class StubMysql extends Duplex {
  #greeted = false;

  constructor() {
    super();
    setImmediate(() => this.push(GREETING));
  }

  setNoDelay(): this {
    return this;
  }

  override _write(_chunk: Buffer, _encoding: string, done: () => void): void {
    const answer = this.#greeted ? ANSWER : WELCOME;
    this.#greeted = true;
    done();
    setImmediate(() => this.push(answer));
  }

  override _read(): void {}
}
