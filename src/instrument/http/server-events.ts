import type { IncomingMessage, Server } from 'node:http';
import { performance } from 'node:perf_hooks';
import { isUnmeasured } from '../../core/unmeasured.ts';
import { hookFailed } from '../hooks/guard.ts';
import { Connection, type HttpSocket, type Observers, schemeOf } from './connection.ts';
import { exchangeOf, UNMATCHED, upgradeRouteOf } from './exchange.ts';
import { OTHER_METHOD, toMethodLabel } from './method.ts';
import { onRawAnswer } from './raw-answer.ts';

const kWatched: unique symbol = Symbol('promenade.watched');

interface WatchedServer extends Server {
  [kWatched]?: boolean;
}

/** For the channel `net.server.socket`, which tells of the connections of every kind of server. */
export function connectionAccepted(socket: HttpSocket, observers: Observers): void {
  const { server } = socket;
  if (server === undefined || !isHttpServer(server) || isUnmeasured(server)) return;
  watch(server, observers);
  Connection.accepted(socket, observers);
}

/** True for http and https servers; their modules need not be loaded to tell. */
function isHttpServer(server: { readonly headersTimeout?: unknown }): boolean {
  return typeof server.headersTimeout === 'number';
}

/**
 * Sees a server's `clientError`, `upgrade`, `connect` and `secureConnection` events pass. A listener
 * would change what the server does (without one it answers 400, or does not upgrade), so its `emit`
 * is wrapped instead, and the result stays as it was. Once nobody observes any more, the next event
 * takes the wrap off.
 */
function watch(server: WatchedServer, observers: Observers): void {
  if (server[kWatched] === true) return;
  server[kWatched] = true;
  const { emit } = server;
  const own = Object.hasOwn(server, 'emit');
  const watchedEmit = function (this: Server, name: string, first: unknown, second: unknown): boolean {
    if (observers.current.length === 0 && server.emit === (watchedEmit as unknown)) {
      server[kWatched] = false;
      if (own) server.emit = emit;
      else delete (server as Partial<Server>).emit;
    } else if (name === 'clientError') {
      onClientError(first as NodeJS.ErrnoException, second as HttpSocket, observers);
    } else if (name === 'upgrade' || name === 'connect') {
      onUpgrade(first as IncomingMessage, second as HttpSocket, observers);
    } else if (name === 'secureConnection') {
      // The connection below TLS was counted when it was accepted.
      Connection.of(first as HttpSocket, observers);
    }
    // Every request comes by here: `arguments` is handed on without a copy.
    return Reflect.apply(emit, this, arguments);
  };
  server.emit = watchedEmit as Server['emit'];
}

function onClientError(error: NodeJS.ErrnoException, socket: HttpSocket, observers: Observers): void {
  try {
    const status = refusalOf(error.code);
    if (status === undefined) return;
    const response = socket._httpMessage ?? null;
    if (response !== null) {
      // A client that leaves in the middle of its body has aborted, whatever is written after it.
      if (!response.headersSent && error.code !== 'HPE_INVALID_EOF_STATE') exchangeOf(response)?.refused(status);
      return;
    }
    // The rest of a body whose request was answered before it had come is no request of its own.
    if (socket.parser?.incoming?.complete === false) return;
    const scheme = schemeOf(socket);
    const request = { method: OTHER_METHOD, route: UNMATCHED, scheme, status, seconds: 0 };
    for (const observer of observers.current) observer.headless(request);
  } catch (failure) {
    hookFailed(failure);
  }
}

/** The status that Node (and Fastify) answers with; `undefined` for errors of the connection. */
function refusalOf(code: string | undefined): number | undefined {
  if (code === 'HPE_HEADER_OVERFLOW') return 431;
  if (code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW') return 413;
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 408;
  return code?.startsWith('HPE_') ? 400 : undefined;
}

function onUpgrade(request: IncomingMessage, socket: HttpSocket, observers: Observers): void {
  try {
    Connection.of(socket, observers).upgraded = true;
    const startedAt = performance.now();
    const method = toMethodLabel(request.method);
    const scheme = schemeOf(socket);
    const told = observers.current;
    onRawAnswer(socket, (status) => {
      const route = upgradeRouteOf(request);
      for (const observer of told) {
        observer.headless({ method, route, scheme, status, seconds: secondsSince(startedAt) });
      }
      if (status !== 101) return;
      socket.once('close', () => {
        for (const observer of told) observer.upgradeEnded(method, route, secondsSince(startedAt));
      });
    });
  } catch (failure) {
    hookFailed(failure);
  }
}

function secondsSince(startedAt: number): number {
  return (performance.now() - startedAt) / 1000;
}

/**
 * The HTTP connections that this process has at the moment, for whoever begins to observe late:
 * Node lists what keeps the event loop alive (undocumented, the same from Node 20 to 26).
 */
export function openSockets(): HttpSocket[] {
  const { _getActiveHandles: list } = process as { _getActiveHandles?: () => unknown[] };
  const handles = (list?.call(process) ?? []) as readonly HttpSocket[];
  return handles.filter(({ server }) => server !== undefined && server !== null && isHttpServer(server));
}
