import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { ScriptedRequest } from './script.ts';

/** What came back. */
export interface Answer {
  readonly status: number;
  /** Bytes of the body, chunks undone. */
  readonly bytes: number;
}

/**
 * Asks over a connection of its own, written by hand: no client of Node sends methods that Node
 * doesn't know.
 */
export async function ask(origin: string, request: ScriptedRequest): Promise<Answer> {
  const { hostname, port } = new URL(origin);
  const socket = connect(Number(port), hostname);
  socket.write(toBytes(request));
  const pieces: Buffer[] = [];
  socket.on('data', (piece: Buffer) => pieces.push(piece));
  await once(socket, 'close');
  const answer = Buffer.concat(pieces).toString('latin1');
  const headEnd = answer.indexOf('\r\n\r\n');
  const head = answer.slice(0, headEnd);
  const body = answer.slice(headEnd + 4);
  const chunked = /^transfer-encoding: *chunked/im.test(head);
  return { status: Number(head.split(' ')[1]), bytes: chunked ? unchunkedLength(body) : body.length };
}

function toBytes({ method, path, headers = {}, body, chunked = false }: ScriptedRequest): string {
  const lines = [`${method} ${path} HTTP/1.1`, 'host: 127.0.0.1', 'connection: close'];
  for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`);
  let sent = body ?? '';
  if (chunked) {
    lines.push('transfer-encoding: chunked');
    const half = Math.ceil(sent.length / 2);
    sent = `${toChunk(sent.slice(0, half))}${toChunk(sent.slice(half))}0\r\n\r\n`;
  } else if (body !== undefined) {
    lines.push(`content-length: ${sent.length}`);
  }
  return `${lines.join('\r\n')}\r\n\r\n${sent}`;
}

function toChunk(text: string): string {
  return `${text.length.toString(16)}\r\n${text}\r\n`;
}

function unchunkedLength(body: string): number {
  let bytes = 0;
  for (let at = 0; ;) {
    const line = body.indexOf('\r\n', at);
    const size = Number.parseInt(body.slice(at, line), 16);
    if (!(size > 0)) return bytes;
    bytes += size;
    at = line + 2 + size + 2;
  }
}
