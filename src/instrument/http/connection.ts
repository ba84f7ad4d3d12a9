import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { hookFailed } from '../hooks/guard.ts';
import {
  type Exchange,
  type ExchangeHost,
  exchangeOf,
  type HeadlessRequest,
  NO_RESPONSE,
  type Scheme,
  UNMATCHED,
} from './exchange.ts';
import { unsentBytes } from './unsent.ts';

/** Told about connections, and about requests that never become an exchange. */
export interface ConnectionObserver {
  connected(): void;
  disconnected(): void;
  headless(request: HeadlessRequest): void;
  /** A connection that has changed its protocol has ended, so long after the request for it. */
  upgradeEnded(method: string, route: string, seconds: number): void;
}

/** The current observers; the list is replaced as they come and go. */
export interface Observers {
  readonly current: readonly ConnectionObserver[];
  /** An exchange is over, whether it was recorded or not. */
  closed(): void;
}

const kConnection: unique symbol = Symbol('promenade.connection');

/** A socket as node:http has it. */
export interface HttpSocket extends Socket {
  server?: Server;
  /** The response that the socket is writing. */
  _httpMessage?: ServerResponse | null;
  /** `null` once the parser is freed: the connection has ended, or changed its protocol. */
  parser?: { readonly incoming?: IncomingMessage | null } | null;
  [kConnection]?: Connection;
}

/** A connection of an HTTP server, and the exchanges that are under way on it. */
export class Connection implements ExchangeHost {
  /** Set when a listener for `upgrade` or `connect` gets the socket. */
  upgraded: boolean = false;
  readonly #observers: Observers;
  /** Those who were told of the connection. */
  readonly #told: readonly ConnectionObserver[];
  readonly #scheme: Scheme;
  /** The exchange that was started last, while it is not over: an idle connection holds nothing. */
  #current: Exchange | undefined = undefined;
  /** Exchanges that have others behind them. */
  #earlier: Exchange[] | undefined = undefined;

  private constructor(socket: HttpSocket, observers: Observers, told: readonly ConnectionObserver[]) {
    this.#observers = observers;
    this.#told = told;
    this.#scheme = schemeOf(socket);
    const destroy = socket._destroy;
    socket._destroy = function (this: HttpSocket, error, callback) {
      this[kConnection]?.destroying(this, error);
      return destroy.call(this, error, callback);
    };
    socket.on('close', onSocketClose);
    socket[kConnection] = this;
    for (const observer of told) observer.connected();
  }

  /**
   * The connection of a socket. One that was accepted before anybody observed, or has TLS on it,
   * is known from its first request on.
   */
  static of(socket: HttpSocket, observers: Observers): Connection {
    return socket[kConnection] ?? new Connection(socket, observers, []);
  }

  /** The connection of a socket, which the observers are told of. */
  static accepted(socket: HttpSocket, observers: Observers): Connection {
    return socket[kConnection] ?? new Connection(socket, observers, observers.current);
  }

  /**
   * Adds an exchange, so that it ends when its connection does: Node tells a response that waits
   * behind another one (pipelined requests) nothing when the connection has gone.
   */
  add(exchange: Exchange): void {
    if (this.#current !== undefined) (this.#earlier ??= []).push(this.#current);
    this.#current = exchange;
  }

  /** An exchange is over, and not held any more. */
  closed(exchange: Exchange): void {
    if (this.#current === exchange) this.#current = undefined;
    else if (this.#earlier !== undefined) {
      this.#earlier = this.#earlier.filter((other) => other !== exchange);
      if (this.#earlier.length === 0) this.#earlier = undefined;
    }
    this.#observers.closed();
  }

  /**
   * The last moment when the handle knows what it has not sent: whether by the client's reset, a
   * failed write or the application, the socket is about to be destroyed.
   */
  destroying(socket: HttpSocket, error: Error | null): void {
    try {
      const { _httpMessage: response } = socket;
      if (response !== undefined && response !== null) {
        exchangeOf(response)?.cutOff(unsentBytes(socket), error);
      } else if (socket.parser === null && !this.upgraded && this.#current === undefined) {
        // Node has freed the parser for a CONNECT that nobody listens to, and drops the connection.
        const { current } = this.#observers;
        for (const observer of current) observer.headless(unansweredConnect(this.#scheme));
      }
    } catch (failure) {
      hookFailed(failure);
    }
  }

  ended(): void {
    for (const observer of this.#told) observer.disconnected();
    for (const exchange of this.#earlier?.slice() ?? []) exchange.close();
    this.#current?.close();
  }
}

function unansweredConnect(scheme: Scheme): HeadlessRequest {
  return { method: 'CONNECT', route: UNMATCHED, scheme, status: NO_RESPONSE, seconds: 0 };
}

function onSocketClose(this: HttpSocket): void {
  try {
    this[kConnection]!.ended();
  } catch (error) {
    hookFailed(error);
  }
}

/** The scheme of what comes over a socket. */
export function schemeOf(socket: Socket): Scheme {
  return 'encrypted' in socket ? 'https' : 'http';
}
