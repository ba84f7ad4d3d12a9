import type { ServerHttp2Session } from 'node:http2';
import type { Server, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { AnyRequest, AnyResponse } from './reception.ts';

/**
 * Tracks the connections of a server for a graceful shutdown: idle ones close at once, others after
 * their response.
 */
export class Connections {
  readonly #all: Set<Socket> = new Set();
  /** Idle connections of HTTP/1.1. */
  readonly #idle: Set<Socket> = new Set();
  readonly #sessions: Set<ServerHttp2Session> = new Set();
  #ending = false;

  constructor(server: Server, secure: boolean) {
    server.on('connection', (socket: Socket) => keep(this.#all, socket));
    server.on(secure ? 'secureConnection' : 'connection', (socket: Socket | TLSSocket) => {
      // Closing the TCP socket does not close the TLS socket on top of it.
      keep(this.#all, socket);
      if (!('alpnProtocol' in socket) || socket.alpnProtocol !== 'h2') keep(this.#idle, socket);
    });
    server.on('session', (session: ServerHttp2Session) => keep(this.#sessions, session));
  }

  /** Marks the connection of a request as busy until the response closes. */
  busy(request: AnyRequest, response: AnyResponse): void {
    const { socket } = request;
    if (!this.#idle.delete(socket)) return;
    response.once('close', () => {
      if (this.#ending) socket.end();
      else if (!socket.destroyed) this.#idle.add(socket);
    });
  }

  /** Closes idle connections now, and the others after their response. */
  end(): void {
    this.#ending = true;
    for (const session of this.#sessions) session.close();
    for (const socket of this.#idle) socket.destroy();
  }

  cutOff(): void {
    for (const session of this.#sessions) session.destroy();
    for (const socket of this.#all) socket.destroy();
  }
}

/** Keeps a connection in the set while it is open. */
function keep<T extends Socket | ServerHttp2Session>(set: Set<T>, one: T): void {
  set.add(one);
  one.once('close', () => set.delete(one));
}
