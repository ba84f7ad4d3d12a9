import diagnostics from 'node:diagnostics_channel';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { guarded } from '../../../instrument/hooks/guard.ts';
import { isUnmeasured } from '../../../core/unmeasured.ts';
import { wrapMethod } from '../../../instrument/hooks/wrap.ts';

/** Answers a request and returns true, or returns false and leaves it to others. */
export type Serve = (request: IncomingMessage, response: ServerResponse) => boolean;

type Emit = (this: unknown, event: never, ...args: never[]) => boolean;

/**
 * Puts `serve` before every HTTP server of this process: `next start` makes one that it hands to
 * nobody. A server is found when it accepts a connection, or by a request on a connection that it
 * had accepted before.
 *
 * @returns undoes it
 */
export function serveBefore(serve: Serve): () => void {
  const servers: Map<Server, () => void> = new Map();
  const put = (server: Server | undefined): void => {
    // Only HTTP servers have a timeout for headers.
    if (server === undefined || typeof server.headersTimeout !== 'number') return;
    if (servers.has(server) || isUnmeasured(server)) return;
    const undo = wrapMethod(server, 'emit', (emit: Emit): Emit => {
      return function (this, event, ...args): boolean {
        if (event === 'request' && serve(...(args as unknown as Parameters<Serve>))) return true;
        return emit.call(this, event, ...args);
      };
    });
    servers.set(server, undo);
    server.once('close', () => servers.delete(server));
  };
  const onSocket = guarded((message: unknown) =>
    put((message as { socket: Socket & { server?: Server } }).socket.server),
  );
  // Published before the server emits the request.
  const onRequest = guarded((message: unknown) => put((message as { server: Server }).server));
  diagnostics.subscribe('net.server.socket', onSocket);
  diagnostics.subscribe('http.server.request.start', onRequest);
  return () => {
    diagnostics.unsubscribe('net.server.socket', onSocket);
    diagnostics.unsubscribe('http.server.request.start', onRequest);
    for (const undo of servers.values()) undo();
    servers.clear();
  };
}
