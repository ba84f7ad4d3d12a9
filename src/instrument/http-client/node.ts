import diagnostics from 'node:diagnostics_channel';
import http, { type ClientRequest, type IncomingMessage } from 'node:http';
import { guarded } from '../hooks/guard.ts';
import { isUnmeasured } from '../../core/unmeasured.ts';
import { type ClientObservers, OutgoingRequest } from './request.ts';
import { wrapMethod } from '../hooks/wrap.ts';

interface ClientMessage {
  readonly request: ObservedRequest;
  readonly response?: IncomingMessage;
  readonly error?: unknown;
}

interface ObservedRequest extends ClientRequest {
  [kOutgoing]?: OutgoingRequest;
  readonly res?: IncomingMessage | null;
}

const kOutgoing: unique symbol = Symbol('promenade.outgoing');

/** The protocol has changed: what comes after is no HTTP. */
const SWITCHING_PROTOCOLS = 101;

/**
 * Observes `node:http` and `node:https`, on their channels.
 * @param ended called after each request
 * @returns what ends it
 */
export function observeNodeClient(observers: ClientObservers, ended: () => void): () => void {
  const begin = (request: ObservedRequest): OutgoingRequest | undefined => {
    const known = request[kOutgoing];
    if (known !== undefined || observers.current.length === 0 || request.method === 'CONNECT') return known;
    const outgoing = new OutgoingRequest(observers, request.method, request.host, portOf(request));
    request[kOutgoing] = outgoing;
    // Emitted in any case, and last.
    request.once(
      'close',
      guarded(() => {
        finish(request, outgoing);
        ended();
      }),
    );
    return outgoing;
  };
  const listeners: Readonly<Record<string, (message: ClientMessage) => void>> = {
    'http.client.request.created': ({ request }) => void begin(request),
    'http.client.request.start': ({ request }) => void begin(request),
    // The head of the response has come.
    'http.client.response.finish': ({ request, response }) => {
      const outgoing = begin(request);
      if (outgoing !== undefined) outgoing.status = response!.statusCode!;
    },
    'http.client.request.error': ({ request, error }) => begin(request)?.failed(error),
  };
  const subscriptions = Object.entries(listeners).map(
    ([name, listener]) => [name, guarded(listener) as (message: unknown) => void] as const,
  );
  for (const [name, listener] of subscriptions) diagnostics.subscribe(name, listener);
  const restore = tellsOfCreation() ? () => {} : observeAgents(guarded(begin));
  return () => {
    for (const [name, listener] of subscriptions) diagnostics.unsubscribe(name, listener);
    restore();
  };
}

function finish(request: ObservedRequest, outgoing: OutgoingRequest): void {
  if (isUnmeasured(request)) return outgoing.drop();
  const { res } = request;
  if (res === undefined || res === null || (!res.complete && outgoing.status !== SWITCHING_PROTOCOLS)) {
    outgoing.failed({ name: 'AbortError' });
  }
  outgoing.end();
}

function portOf(request: ObservedRequest): number {
  const port = /:(\d+)$/.exec(String(request.getHeader('host') ?? ''))?.[1];
  return port === undefined ? (request.protocol === 'https:' ? 443 : 80) : Number(port);
}

/** Whether Node publishes `http.client.request.created`: 22.12 and later. */
function tellsOfCreation(): boolean {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  return major > 22 || (major === 22 && minor >= 12);
}

/**
 * Before, Node tells of a request when it has been written, which leaves out how long it waited for
 * its connection, and those that never get one. Their agent is told when they are made.
 */
function observeAgents(begin: (request: ObservedRequest) => unknown): () => void {
  type AddRequest = (this: unknown, request: ClientRequest, ...rest: never[]) => unknown;
  return wrapMethod(http.Agent.prototype as { addRequest?: unknown }, 'addRequest', (addRequest: AddRequest) => {
    return function (this: unknown, request: ClientRequest, ...rest: never[]): unknown {
      begin(request);
      return addRequest.call(this, request, ...rest);
    };
  });
}
