import diagnostics from 'node:diagnostics_channel';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { defaultRegistry } from '../../core/default-registry.ts';
import type { Registry } from '../../core/registry.ts';
import { isUnmeasured } from '../../core/unmeasured.ts';
import { guarded, hookFailed } from '../hooks/guard.ts';
import { Connection, type HttpSocket } from '../http/connection.ts';
import { Exchange, exchangeOf } from '../http/exchange.ts';
import { observeResponses } from '../http/response-hooks.ts';
import { connectionAccepted, openSockets } from '../http/server-events.ts';
import { type HttpRecorderOptions, HttpServerRecorder } from './recorder.ts';

/** What is recorded, and where. */
export interface InstrumentHttpServerOptions extends Omit<HttpRecorderOptions, 'registry'> {
  /** @default the default registry */
  readonly registry?: Registry | undefined;
}

/** A registry's recorder, and how many have asked for it. */
interface Use {
  readonly recorder: HttpServerRecorder;
  users: number;
}

const uses: WeakMap<Registry, Use> = new WeakMap();

/**
 * All recorders that observe now. The list is replaced, never changed: an exchange keeps the one it
 * started with.
 */
const observers: { current: readonly HttpServerRecorder[]; closed(): void } = {
  current: [],
  closed: () => {
    open--;
    unfollowIfIdle();
  },
};

/**
 * Measures every HTTP/1 request that any server of this process receives, from now on: on Node's
 * own channels, whatever the framework and whenever the server was made. A registry has one
 * recorder: who asks again shares it, with the options of the first.
 *
 * Costs some microseconds a request, most of them for the byte counts and the histograms. Requests
 * whose route nobody says (see `setRoute`) are `<unmatched>`.
 *
 * @returns what stops it, once all who asked have stopped; the families stay on the page with what
 *   they counted. Idempotent.
 * @throws MetricsError ERR_METRICS_DUPLICATE_NAME where the registry has a family of the same name.
 *
 * @example
 * const stop = instrumentHttpServer(); createServer((request, response) =>
 * response.end('hello')).listen(3000);
 */
export function instrumentHttpServer(options: InstrumentHttpServerOptions = {}): () => void {
  const { registry = defaultRegistry } = options;
  let use = uses.get(registry);
  if (use === undefined) {
    use = { recorder: new HttpServerRecorder({ ...options, registry }), users: 0 };
    uses.set(registry, use);
  }
  const { recorder } = use;
  if (use.users++ === 0) observe([...observers.current, recorder]);
  let stopped = false;
  return () => {
    if (stopped) return;
    stopped = true;
    if (--use.users === 0) observe(observers.current.filter((other) => other !== recorder));
  };
}

/** Replaces the list of observers; subscribed and hooked for as long as it is not empty. */
function observe(recorders: readonly HttpServerRecorder[]): void {
  const before = observers.current.length;
  observers.current = recorders;
  if (before === 0 && recorders.length > 0) {
    diagnostics.subscribe('http.server.request.start', onRequestStart);
    diagnostics.subscribe('net.server.socket', onSocket);
    if (unfollow === undefined) follow();
    for (const socket of openSockets()) guarded(adopt)(socket);
  } else if (before > 0 && recorders.length === 0) {
    diagnostics.unsubscribe('http.server.request.start', onRequestStart);
    diagnostics.unsubscribe('net.server.socket', onSocket);
    unfollowIfIdle();
  }
}

/**
 * Exchanges that have begun and not ended. They are followed to their end when nobody observes any
 * more.
 */
let open = 0;
let unfollow: (() => void) | undefined;

function follow(): void {
  diagnostics.subscribe('http.server.response.finish', onResponseFinish);
  const restore = observeResponses();
  unfollow = () => {
    diagnostics.unsubscribe('http.server.response.finish', onResponseFinish);
    restore();
  };
}

function unfollowIfIdle(): void {
  if (open > 0 || observers.current.length > 0) return;
  unfollow?.();
  unfollow = undefined;
}

/** Begins an exchange, unless its server is left out. */
function begin(request: IncomingMessage, response: ServerResponse, socket: Socket): void {
  const connection = Connection.of(socket, observers);
  open++;
  connection.add(new Exchange(request, response, observers.current, connection));
}

/**
 * Takes on a connection that was there before, and the request that it is answering: what turns
 * metrics on may itself run in the course of the first request. Durations count from now on.
 */
function adopt(socket: HttpSocket): void {
  connectionAccepted(socket, observers);
  const response = socket._httpMessage;
  if (response === undefined || response === null || exchangeOf(response) !== undefined) return;
  if (!isUnmeasured(socket.server!) && !response.writableEnded) begin(response.req, response, socket);
}

function onRequestStart(message: unknown): void {
  try {
    const { request, response, socket, server } = message as {
      request: IncomingMessage;
      response: ServerResponse;
      socket: Socket;
      server: Server;
    };
    if (!isUnmeasured(server)) begin(request, response, socket);
  } catch (error) {
    hookFailed(error);
  }
}

/** Node has written the response, though perhaps to nobody. */
function onResponseFinish(message: unknown): void {
  try {
    exchangeOf((message as { response: ServerResponse }).response)?.finished();
  } catch (error) {
    hookFailed(error);
  }
}

const onSocket = guarded((message: unknown): void => {
  connectionAccepted((message as { socket: Socket }).socket, observers);
});
