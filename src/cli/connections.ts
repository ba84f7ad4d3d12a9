import type { ServerHttp2Session } from 'node:http2';
import type { Server, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { AnyRequest, AnyResponse } from './reception.ts';

/**
 * The connections of a server, so that it can end: on which nobody waits for an answer, at once;
 * the others when they are answered.
 */
export class Connections {
  readonly #all: Set<Socket> = new Set();
  /** Over HTTP/1.1, and idle. */
  readonly #idle: Set<Socket> = new Set();
  readonly #sessions: Set<ServerHttp2Session> = new Set();
  #ending = false;

  constructor(server: Server, secure: boolean) {
    server.on('connection', (socket: Socket) => keep(this.#all, socket));
    server.on(secure ? 'secureConnection' : 'connection', (socket: Socket | TLSSocket) => {
      // The one beneath it does not end it.
      keep(this.#all, socket);
      if (!('alpnProtocol' in socket) || socket.alpnProtocol !== 'h2') keep(this.#idle, socket);
    });
    server.on('session', (session: ServerHttp2Session) => keep(this.#sessions, session));
  }

  /** Takes note of a request, until it is answered. */
  busy(request: AnyRequest, response: AnyResponse): void {
    const { socket } = request;
    if (!this.#idle.delete(socket)) return;
    response.once('close', () => {
      if (this.#ending) socket.end();
      else if (!socket.destroyed) this.#idle.add(socket);
    });
  }

  /** From now on a connection ends with its answer. */
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

/** For as long as it is open. */
function keep<T extends Socket | ServerHttp2Session>(set: Set<T>, one: T): void {
  set.add(one);
  one.once('close', () => set.delete(one));
}
