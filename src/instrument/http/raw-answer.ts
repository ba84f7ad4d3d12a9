import { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import { CLIENT_CLOSED, hasLeft, NO_RESPONSE } from './exchange.ts';
import { hookFailed } from '../hooks/guard.ts';

const STATUS_LINE = /^HTTP\/1\.[01] (\d{3})/;

type AnyFunction = (...args: unknown[]) => unknown;

/**
 * Tells the status of an answer that the application writes to a socket itself, as it does for
 * upgrades: its first write begins with the status line. From then on the socket is as it was. If
 * it closes before anything was written, the status is 499 where the client has left, else 444.
 *
 * @param listener Called exactly once.
 */
export function onRawAnswer(socket: Socket, listener: (status: number) => void): void {
  const { write, end } = socket;
  const ownWrite = Object.hasOwn(socket, 'write');
  const ownEnd = Object.hasOwn(socket, 'end');
  const watchedWrite = watched(write as AnyFunction);
  const watchedEnd = watched(end as AnyFunction);
  socket.write = watchedWrite as Socket['write'];
  socket.end = watchedEnd as Socket['end'];
  socket.on('close', onClose);

  function watched(original: AnyFunction): AnyFunction {
    return function (this: Socket, ...args: unknown[]): unknown {
      settle(statusOf(args[0]));
      return Reflect.apply(original, this, args);
    };
  }

  function onClose(): void {
    settle(hasLeft(socket) ? CLIENT_CLOSED : NO_RESPONSE);
  }

  function settle(status: number): void {
    socket.removeListener('close', onClose);
    if (socket.write === (watchedWrite as unknown)) restore('write', write, ownWrite);
    if (socket.end === (watchedEnd as unknown)) restore('end', end, ownEnd);
    const tell = listener;
    listener = nothing;
    try {
      tell(status);
    } catch (error) {
      hookFailed(error);
    }
  }

  function restore(name: 'write' | 'end', original: unknown, own: boolean): void {
    if (own) Object.assign(socket, { [name]: original });
    else delete (socket as unknown as Record<string, unknown>)[name];
  }
}

function nothing(): void {}

/**
 * The status that a first write announces. If it begins otherwise, it is not HTTP any more, so the
 * protocol has been switched.
 */
function statusOf(chunk: unknown): number {
  const head =
    chunk instanceof Uint8Array
      ? Buffer.from(chunk.buffer, chunk.byteOffset, Math.min(chunk.length, 16)).toString('latin1')
      : chunk;
  const match = typeof head === 'string' ? STATUS_LINE.exec(head) : null;
  return match === null ? 101 : Number(match[1]);
}
