import { Buffer } from 'node:buffer';
import { type IncomingMessage, ServerResponse } from 'node:http';
import { hookFailed } from '../hooks/guard.ts';
import { contentTypeIn } from './charset.ts';

/** Under this symbol a request and its response carry their exchange. */
export const kExchange: unique symbol = Symbol('promenade.exchange');

/** Told of the bytes of one request and its response. */
export interface ByteSink {
  /** The parser has delivered a piece of the request's body. */
  received(bytes: number): void;
  /** True while what is written can still reach the client. */
  readonly open: boolean;
  /** The application is about to write a piece of the response's body. */
  writing(): void;
  /** It has written a piece. */
  wrote(bytes: number): void;
  /** The application is about to end the response, with so many bytes more. */
  ending(bytes: number): void;
  /** Node's `end` has returned. */
  ended(bytes: number): void;
  /** Node's `end` has thrown: the response has not ended. */
  notEnded(bytes: number): void;
  /** `writeHead` was given a content type; `getHeader` does not know it. */
  gaveContentType(contentType: unknown): void;
}

interface Carrier {
  [kExchange]?: ByteSink;
}

type AnyFunction = (...args: unknown[]) => unknown;

/** The hooks; each has to have the length of the method that it stands for. */
const HOOKS = {
  write(original: AnyFunction) {
    return function write(this: Carrier, chunk: unknown, encoding: unknown, _callback: unknown): unknown {
      const exchange = this[kExchange];
      if (exchange === undefined || !exchange.open) return Reflect.apply(original, this, arguments);
      exchange.writing();
      const result = Reflect.apply(original, this, arguments);
      exchange.wrote(byteLength(chunk, encoding));
      return result;
    };
  },
  end(original: AnyFunction) {
    return function end(this: Carrier, chunk: unknown, encoding: unknown, _callback: unknown): unknown {
      const exchange = this[kExchange];
      if (exchange === undefined || !exchange.open) return Reflect.apply(original, this, arguments);
      const bytes = byteLength(chunk, encoding);
      try {
        exchange.ending(bytes);
      } catch (error) {
        hookFailed(error);
      }
      let result: unknown;
      try {
        result = Reflect.apply(original, this, arguments);
      } catch (error) {
        exchange.notEnded(bytes);
        throw error;
      }
      try {
        exchange.ended(bytes);
      } catch (error) {
        hookFailed(error);
      }
      return result;
    };
  },
  writeHead(original: AnyFunction) {
    return function writeHead(this: Carrier, _status: unknown, reason: unknown, headers: unknown): unknown {
      const given = typeof reason === 'object' ? reason : headers;
      if (given !== undefined) this[kExchange]?.gaveContentType(contentTypeIn(given));
      return Reflect.apply(original, this, arguments);
    };
  },
} satisfies Record<string, (original: AnyFunction) => AnyFunction>;

type Name = keyof typeof HOOKS;

const NAMES = Object.keys(HOOKS) as readonly Name[];

/** What is on `ServerResponse.prototype`; `undefined` while nothing is. */
let hooks: Readonly<Record<Name, AnyFunction>> | undefined;

/**
 * Counts the body bytes of responses where they leave: below compression and above chunk framing.
 * Node gives the length of a response nowhere else (`getHeader('content-length')` lacks implicit
 * ones, `socket.bytesWritten` has framing and pipelined neighbours). The hooks stand once on
 * `ServerResponse.prototype`, for as long as requests are observed, and pass responses through that
 * have no exchange: docs/decisions/090-one-hook-for-all-responses.md.
 *
 * @returns undoes it. Where somebody else has wrapped a hook meanwhile, all of them stay.
 */
export function observeResponses(): () => void {
  const prototype = ServerResponse.prototype as unknown as Record<Name, AnyFunction>;
  if (hooks === undefined) {
    const own = NAMES.filter((name) => Object.hasOwn(prototype, name));
    const originals = Object.fromEntries(NAMES.map((name) => [name, prototype[name]])) as Record<Name, AnyFunction>;
    const made = Object.fromEntries(NAMES.map((name) => [name, HOOKS[name](originals[name])]));
    hooks = made as Record<Name, AnyFunction>;
    for (const name of NAMES) put(prototype, name, hooks[name]);
    undo = () => {
      for (const name of NAMES) {
        if (own.includes(name)) put(prototype, name, originals[name]);
        else Reflect.deleteProperty(prototype, name);
      }
    };
  }
  return () => {
    if (hooks === undefined || NAMES.some((name) => prototype[name] !== hooks![name])) return;
    hooks = undefined;
    undo();
  };
}

let undo: () => void = () => {};

function put(prototype: object, name: Name, value: AnyFunction): void {
  const { enumerable = true } = Object.getOwnPropertyDescriptor(prototype, name) ?? {};
  Object.defineProperty(prototype, name, { value, enumerable, writable: true, configurable: true });
}

/** Counts body bytes as the parser hands them over. It starts no flow and reads nothing. */
export function countRequestBytes(request: IncomingMessage): void {
  request.push = countedPush as IncomingMessage['push'];
}

function countedPush(this: IncomingMessage & Carrier, chunk: unknown, encoding: unknown): unknown {
  if (chunk instanceof Uint8Array) this[kExchange]?.received(chunk.length);
  const { push } = Object.getPrototypeOf(this) as { push: AnyFunction };
  return push.call(this, chunk, encoding);
}

function byteLength(chunk: unknown, encoding: unknown): number {
  if (typeof chunk === 'string') {
    return Buffer.byteLength(chunk, typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8');
  }
  return chunk instanceof Uint8Array ? chunk.length : 0;
}
