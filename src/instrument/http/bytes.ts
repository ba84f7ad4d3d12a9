import { Buffer } from 'node:buffer';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { contentTypeIn } from './charset.ts';

/** Under this symbol a request and its response carry their exchange. */
export const kExchange: unique symbol = Symbol('promenade.exchange');

/** Told of the bytes of one request and its response. */
export interface ByteSink {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** The parser has delivered a piece of the request's body. */
  received(bytes: number): void;
  /** The application has written a piece of the response's body. */
  wrote(bytes: number): void;
  /** The application is about to end the response: called before Node's `end` runs. */
  ending(): void;
  /** The application has ended the response, with so many bytes. */
  endedWith(bytes: number): void;
  /** `writeHead` was given a content type; `getHeader` does not know it. */
  gaveContentType(contentType: unknown): void;
}

interface Counted {
  [kExchange]: ByteSink;
}

type AnyFunction = (...args: unknown[]) => unknown;

/**
 * Counts body bytes where they leave: below compression and above chunk framing. Node gives the
 * length of a response nowhere else (`getHeader('content-length')` lacks implicit ones,
 * `socket.bytesWritten` has framing and pipelined neighbours). The functions are shared by all
 * responses, so that a request costs three assignments.
 */
export function countResponseBytes(response: ServerResponse): void {
  response.write = countedWrite as ServerResponse['write'];
  response.end = countedEnd as ServerResponse['end'];
  response.writeHead = notedWriteHead as ServerResponse['writeHead'];
}

/** Counts body bytes as the parser hands them over. It starts no flow and reads nothing. */
export function countRequestBytes(request: IncomingMessage): void {
  request.push = countedPush as IncomingMessage['push'];
}

function countedWrite(this: ServerResponse & Counted, chunk: unknown, encoding: unknown, callback: unknown): unknown {
  const exchange = this[kExchange];
  const open = isOpen(exchange.response);
  const result = below(exchange.response).write.call(this, chunk, encoding, callback);
  if (open) exchange.wrote(byteLength(chunk, encoding));
  return result;
}

function countedEnd(this: ServerResponse & Counted, chunk: unknown, encoding: unknown, callback: unknown): unknown {
  const exchange = this[kExchange];
  const open = isOpen(exchange.response);
  if (open) exchange.ending();
  const result = below(exchange.response).end.call(this, chunk, encoding, callback);
  if (open) exchange.endedWith(byteLength(chunk, encoding));
  return result;
}

function notedWriteHead(this: ServerResponse & Counted, status: unknown, reason: unknown, headers: unknown): unknown {
  const exchange = this[kExchange];
  const given = typeof reason === 'object' ? reason : headers;
  if (given !== undefined) exchange.gaveContentType(contentTypeIn(given));
  return below(exchange.response).writeHead.call(this, status, reason, headers);
}

function countedPush(this: IncomingMessage & Counted, chunk: unknown, encoding: unknown): unknown {
  const exchange = this[kExchange];
  if (chunk instanceof Uint8Array) exchange.received(chunk.length);
  return below(exchange.request).push.call(this, chunk, encoding);
}

/**
 * Where the methods below ours are, looked up at each call: Express exchanges the response's
 * prototype on its way.
 */
function below(target: object): Record<'write' | 'end' | 'writeHead' | 'push', AnyFunction> {
  return Object.getPrototypeOf(target);
}

/** Whether a write can still reach the client. */
function isOpen(response: ServerResponse): boolean {
  return !response.writableEnded && !response.destroyed;
}

function byteLength(chunk: unknown, encoding: unknown): number {
  if (typeof chunk === 'string') {
    return Buffer.byteLength(chunk, typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8');
  }
  return chunk instanceof Uint8Array ? chunk.length : 0;
}
