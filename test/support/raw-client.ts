import { connect, type Socket } from 'node:net';

/** A response as it was on the wire: the truth that sizes are compared with. */
export interface RawResponse {
  readonly status: number;
  readonly head: string;
  /** Without chunk framing. */
  readonly body: Buffer;
}

/** Opens a connection. Errors on it are of no interest: tests break connections on purpose. */
export async function open(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  socket.resume();
  await new Promise<void>((resolve) => socket.once('connect', () => resolve()));
  return socket;
}

/**
 * Writes what it is given, and reads until the server closes.
 * @returns all responses, in their order.
 */
export async function converse(port: number, ...pieces: (string | Buffer)[]): Promise<RawResponse[]> {
  const socket = await open(port);
  const received: Buffer[] = [];
  socket.on('data', (data: Buffer) => received.push(data));
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  for (const piece of pieces) {
    socket.write(piece);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await closed;
  return parse(Buffer.concat(received), requestMethods(pieces));
}

function requestMethods(pieces: readonly (string | Buffer)[]): string[] {
  const text = pieces.map((piece) => piece.toString('latin1')).join('');
  return [...text.matchAll(/^([A-Z]+) \S+ HTTP\/1\.1\r$/gm)].map(([, method]) => method!);
}

function parse(wire: Buffer, methods: string[]): RawResponse[] {
  const responses: RawResponse[] = [];
  for (let at = 0; at < wire.length;) {
    const headEnd = wire.indexOf('\r\n\r\n', at);
    if (headEnd < 0) throw new Error(`no head in ${JSON.stringify(wire.subarray(at, at + 80).toString())}`);
    const head = wire.subarray(at, headEnd).toString('latin1');
    const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1]);
    at = headEnd + 4;
    if (status === 100) continue;
    const bodiless = methods[responses.length] === 'HEAD' || status === 204 || status === 304;
    const [body, end] = bodiless ? [Buffer.alloc(0), at] : bodyAt(wire, at, head);
    responses.push({ status, head, body });
    at = end;
  }
  return responses;
}

function bodyAt(wire: Buffer, start: number, head: string): [Buffer, number] {
  const length = /^content-length: (\d+)/im.exec(head)?.[1];
  if (length !== undefined) return [wire.subarray(start, start + Number(length)), start + Number(length)];
  if (!/^transfer-encoding: chunked/im.test(head)) return [wire.subarray(start), wire.length];
  const chunks: Buffer[] = [];
  for (let at = start; at < wire.length;) {
    const lineEnd = wire.indexOf('\r\n', at);
    const size = Number.parseInt(wire.subarray(at, lineEnd).toString(), 16);
    at = lineEnd + 2;
    if (size === 0) return [Buffer.concat(chunks), at + 2];
    chunks.push(wire.subarray(at, at + size));
    at += size + 2;
  }
  return [Buffer.concat(chunks), wire.length];
}
