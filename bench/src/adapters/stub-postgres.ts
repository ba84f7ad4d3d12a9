import { Buffer } from 'node:buffer';
import { Duplex } from 'node:stream';

function message(type: string, ...parts: readonly (string | readonly number[])[]): Buffer {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part as string)));
  const head = Buffer.alloc(5);
  head.write(type);
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

const READY = message('Z', 'I');
const WELCOME = Buffer.concat([message('R', [0, 0, 0, 0]), READY]);
/** A row with one column, `n`, an int4 with the value 7. */
const COLUMN = message('T', [0, 1], 'n\0', [0, 0, 0, 0, 0, 0, 0, 0, 0, 23, 0, 4, 255, 255, 255, 255, 0, 0]);
const ROW = message('D', [0, 1, 0, 0, 0, 1], '7');
const ANSWER = Buffer.concat([COLUMN, ROW, message('C', 'SELECT 1\0'), READY]);

/**
 * A PostgreSQL in this process that answers every query alike: what is left is what the driver
 * costs, and who measures it.
 */
export class StubPostgres extends Duplex {
  connect(): this {
    setImmediate(() => this.emit('connect'));
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    // A query begins with a Q; what else comes is how we are greeted, or left.
    const answer = chunk[0] === 0x51 ? ANSWER : chunk[0] === 0 ? WELCOME : undefined;
    done();
    if (answer) setImmediate(() => this.push(answer));
  }

  override _read(): void {}
}
