import diagnostics from 'node:diagnostics_channel';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { defaultRegistry } from '../../core/default-registry.ts';
import type { Registry } from '../../core/registry.ts';
import { isUnmeasured } from '../../core/unmeasured.ts';
import { connectionAccepted, noteExchange } from '../http/connection.ts';
import { Exchange, exchangeOf } from '../http/exchange.ts';
import { hookFailed } from '../hooks/guard.ts';
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
const observers: { current: readonly HttpServerRecorder[] } = { current: [] };

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

/**
 * Exchanges that have begun and not ended. They are followed to their end when nobody observes any
 * more.
 */
let open = 0;
let following = false;

/** Exchanges the list of observers, and is subscribed for as long as it is not empty. */
function observe(recorders: readonly HttpServerRecorder[]): void {
  const before = observers.current.length;
  observers.current = recorders;
  if (before === 0 && recorders.length > 0) {
    diagnostics.subscribe('http.server.request.start', onRequestStart);
    diagnostics.subscribe('net.server.socket', onSocket);
    if (!following) diagnostics.subscribe('http.server.response.finish', onResponseFinish);
    following = true;
  } else if (before > 0 && recorders.length === 0) {
    diagnostics.unsubscribe('http.server.request.start', onRequestStart);
    diagnostics.unsubscribe('net.server.socket', onSocket);
    unfollow();
  }
}

function unfollow(): void {
  if (!following || open > 0 || observers.current.length > 0) return;
  following = false;
  diagnostics.unsubscribe('http.server.response.finish', onResponseFinish);
}

function onExchangeClosed(): void {
  open--;
  unfollow();
}

function onRequestStart(message: unknown): void {
  try {
    const { request, response, socket, server } = message as {
      request: IncomingMessage;
      response: ServerResponse;
      socket: Socket;
      server: Server;
    };
    if (isUnmeasured(server)) return;
    const exchange = new Exchange(request, response, observers.current, onExchangeClosed);
    open++;
    exchange.open();
    if (!noteExchange(exchange, socket)) exchange.listen();
  } catch (error) {
    hookFailed(error);
  }
}

/** The response is complete. Aborted ones never are: the connection's end is theirs. */
function onResponseFinish(message: unknown): void {
  try {
    exchangeOf((message as { response: ServerResponse }).response)?.close();
  } catch (error) {
    hookFailed(error);
  }
}

function onSocket(message: unknown): void {
  try {
    connectionAccepted((message as { socket: Socket }).socket, observers);
  } catch (error) {
    hookFailed(error);
  }
}
