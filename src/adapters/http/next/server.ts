import diagnostics from 'node:diagnostics_channel';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { guarded } from '../../../instrument/hooks/guard.ts';
import { isUnmeasured } from '../../../core/unmeasured.ts';
import { wrapMethod } from '../../../instrument/hooks/wrap.ts';

/** Answers a request, or says that it is somebody else's. */
export type Serve = (request: IncomingMessage, response: ServerResponse) => boolean;

type Emit = (this: unknown, event: never, ...args: never[]) => boolean;

/**
 * Puts `serve` before every HTTP server of this process, whoever made it: `next start` makes one
 * that nobody is handed. A server is found when it accepts a connection.
 *
 * @returns what undoes it
 */
export function serveBefore(serve: Serve): () => void {
  const servers: Map<Server, () => void> = new Map();
  const put = guarded((message: unknown): void => {
    const { server } = (message as { socket: Socket & { server?: Server } }).socket;
    // Only HTTP servers have it.
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
  });
  diagnostics.subscribe('net.server.socket', put);
  return () => {
    diagnostics.unsubscribe('net.server.socket', put);
    for (const undo of servers.values()) undo();
    servers.clear();
  };
}
