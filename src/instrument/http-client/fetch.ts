import diagnostics from 'node:diagnostics_channel';
import { guarded } from '../hooks/guard.ts';
import { type ClientObservers, OutgoingRequest } from './request.ts';

/** The part of undici's request that is used. */
interface UndiciRequest {
  readonly origin: string | URL;
  readonly method: string;
  /** The protocol that the connection is to change to. */
  readonly upgrade?: string | null | undefined;
}

interface UndiciMessage {
  readonly request: UndiciRequest;
  readonly response?: { readonly statusCode: number };
  readonly error?: unknown;
}

/**
 * Observes `fetch` and undici, any copy of it, on its channels.
 * @param ended called after each request
 * @returns what ends it
 */
export function observeFetch(observers: ClientObservers, ended: () => void): () => void {
  const requests: WeakMap<UndiciRequest, OutgoingRequest> = new WeakMap();
  const end = (request: UndiciRequest): void => {
    requests.get(request)?.end();
    ended();
  };
  const listeners: Readonly<Record<string, (message: UndiciMessage) => void>> = {
    // Each redirect and each retry is one. Tunnels and web sockets never tell of their end.
    'undici:request:create': ({ request }) => {
      if (observers.current.length === 0 || request.method === 'CONNECT' || Boolean(request.upgrade)) return;
      const { hostname, port, protocol } = new URL(request.origin);
      const number = port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port);
      requests.set(request, new OutgoingRequest(observers, request.method, hostname, number));
    },
    'undici:request:headers': ({ request, response }) => {
      const outgoing = requests.get(request);
      if (outgoing !== undefined) outgoing.status = response!.statusCode;
    },
    'undici:request:trailers': ({ request }) => end(request),
    'undici:request:error': ({ request, error }) => {
      requests.get(request)?.failed(error);
      end(request);
    },
  };
  const subscriptions = Object.entries(listeners).map(
    ([name, listener]) => [name, guarded(listener) as (message: unknown) => void] as const,
  );
  for (const [name, listener] of subscriptions) diagnostics.subscribe(name, listener);
  return () => {
    for (const [name, listener] of subscriptions) diagnostics.unsubscribe(name, listener);
  };
}
