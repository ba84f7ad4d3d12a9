import diagnostics from 'node:diagnostics_channel';
import type { IncomingMessage } from 'node:http';
import { guarded } from '../../../instrument/hooks/guard.ts';
import { type Exchange, exchangeOf, type Trace } from '../../../instrument/http/exchange.ts';

/** Where Next keeps what it has found out about a request: internal, the same in Next 15 and 16. */
const kMeta: symbol = Symbol.for('NextInternalRequestMeta');

interface NextMeta {
  readonly match?: { readonly definition?: { readonly pathname?: unknown } } | null;
}

/** What Next answers with a page of its own. */
const NOT_FOUND: ReadonlySet<unknown> = new Set(['/_not-found', '/_not-found/page', '/404', '/_error', '/500']);

/** What Next serves itself, by the beginning of the path. */
const OWN = ['/_next/static/', '/_next/image', '/_next/data/'];

/** Looks which route a request was when it is over. Who has said one (`setRoute`) is right. */
class NextTrace implements Trace {
  readonly #exchange: Exchange;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  ended(): void {
    if (this.#exchange.route !== undefined) return;
    const route = routeOf(this.#exchange.request);
    if (route !== undefined) this.#exchange.routed(route);
  }
}

function routeOf(request: IncomingMessage): string | undefined {
  const meta = (request as unknown as Record<symbol, NextMeta | undefined>)[kMeta];
  const pathname = meta?.match?.definition?.pathname;
  if (typeof pathname === 'string') return NOT_FOUND.has(pathname) ? undefined : pathname;
  const own = OWN.find((prefix) => request.url?.includes(prefix) === true);
  return own?.endsWith('/') === true ? `${own}*` : own;
}

const onRequest = guarded((message: unknown): void => {
  const exchange = exchangeOf((message as { request: IncomingMessage }).request);
  exchange?.follow(new NextTrace(exchange));
});

let users = 0;

/** To be called once requests are measured, so that each has its exchange. @returns what ends it */
export function observeNextRoutes(): () => void {
  if (users++ === 0) diagnostics.subscribe('http.server.request.start', onRequest);
  let ended = false;
  return () => {
    if (ended) return;
    ended = true;
    if (--users === 0) diagnostics.unsubscribe('http.server.request.start', onRequest);
  };
}
