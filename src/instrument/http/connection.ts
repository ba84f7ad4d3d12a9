import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { isUnmeasured } from '../../core/unmeasured.ts';
import { type Exchange, exchangeOf, type HeadlessRequest, UNMATCHED, upgradeRouteOf } from './exchange.ts';
import { hookFailed } from '../hooks/guard.ts';
import { OTHER_METHOD, toMethodLabel } from './method.ts';
import { onRawAnswer } from './raw-answer.ts';

/** Who is told about connections, and about requests that never become an exchange. */
export interface ConnectionObserver {
  connected(): void;
  disconnected(): void;
  headless(request: HeadlessRequest): void;
}

/** Those who observe now; the list is exchanged as they come and go. */
export interface Observers {
  readonly current: readonly ConnectionObserver[];
}

const kConnection: unique symbol = Symbol('promenade.connection');
const kWatched: unique symbol = Symbol('promenade.watched');

interface HttpSocket extends Socket {
  server?: WatchedServer;
  /** The response that the socket is writing. */
  _httpMessage?: ServerResponse | null;
  parser?: { incoming?: IncomingMessage | null } | null;
  [kConnection]?: Connection;
}

interface WatchedServer extends Server {
  [kWatched]?: boolean;
}

/** An accepted connection of an HTTP server. */
class Connection {
  readonly observers: readonly ConnectionObserver[];
  /** The exchange that was started last. */
  current: Exchange | undefined = undefined;
  /** Exchanges that have others behind them. */
  earlier: Exchange[] = [];

  constructor(observers: readonly ConnectionObserver[]) {
    this.observers = observers;
  }
}

/** For the channel `net.server.socket`, which tells of the connections of every kind of server. */
export function connectionAccepted(socket: HttpSocket, observers: Observers): void {
  const { server } = socket;
  if (server === undefined || !isHttpServer(server) || isUnmeasured(server)) return;
  watch(server, observers);
  socket[kConnection] = new Connection(observers.current);
  for (const observer of observers.current) observer.connected();
  socket.on('close', onSocketClose);
}

/**
 * Notes an exchange, so that it ends when its connection does. That is cheaper than to listen to
 * each response, and Node tells a response that waits behind another one (pipelined requests)
 * nothing when the connection has gone.
 *
 * @returns false for a connection that is not known: it was there before anybody observed, or has
 *   TLS on it.
 */
export function noteExchange(exchange: Exchange, socket: HttpSocket): boolean {
  const connection = socket[kConnection];
  if (connection === undefined) return false;
  const { current } = connection;
  if (current !== undefined && !current.done) {
    connection.earlier = connection.earlier.filter((other) => !other.done);
    connection.earlier.push(current);
  }
  connection.current = exchange;
  return true;
}

/** True for http and https servers; their modules need not be loaded to tell. */
function isHttpServer(server: Server): boolean {
  return typeof server.headersTimeout === 'number';
}

function onSocketClose(this: HttpSocket): void {
  try {
    const { observers, current, earlier } = this[kConnection]!;
    for (const observer of observers) observer.disconnected();
    for (const exchange of earlier) exchange.close();
    current?.close();
  } catch (error) {
    hookFailed(error);
  }
}

/**
 * Sees a server's `clientError`, `upgrade` and `connect` events pass. A listener would change what
 * the server does (without one it answers 400, or does not upgrade), so that its `emit` is wrapped
 * instead, and its result stays as it was. Once nobody observes any more, the next event takes the
 * wrap off.
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
      onUpgrade(first as IncomingMessage, second as Socket, observers);
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
      const exchange = exchangeOf(response);
      // A client that leaves in the middle of its body has aborted, whatever is written after it.
      if (exchange !== undefined && !response.headersSent && error.code !== 'HPE_INVALID_EOF_STATE')
        exchange.refused(status);
      return;
    }
    // The rest of a body whose request was answered before it had come is no request of its own.
    if (socket.parser?.incoming?.complete === false) return;
    const request = {
      method: OTHER_METHOD,
      route: UNMATCHED,
      scheme: schemeOf(socket),
      status,
      seconds: 0,
    };
    for (const observer of observers.current) observer.headless(request);
  } catch (failure) {
    hookFailed(failure);
  }
}

/**
 * What Node answers, and Fastify with it. Nothing for errors of the connection, which are no
 * request.
 */
function refusalOf(code: string | undefined): number | undefined {
  if (code === 'HPE_HEADER_OVERFLOW') return 431;
  if (code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW') return 413;
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 408;
  return code?.startsWith('HPE_') ? 400 : undefined;
}

function onUpgrade(request: IncomingMessage, socket: Socket, observers: Observers): void {
  try {
    const startedAt = performance.now();
    const method = toMethodLabel(request.method);
    const scheme = schemeOf(socket);
    onRawAnswer(socket, (status) => {
      const seconds = (performance.now() - startedAt) / 1000;
      for (const observer of observers.current)
        observer.headless({ method, route: upgradeRouteOf(request), scheme, status, seconds });
    });
  } catch (failure) {
    hookFailed(failure);
  }
}

function schemeOf(socket: Socket): 'http' | 'https' {
  return 'encrypted' in socket ? 'https' : 'http';
}
