import type { IncomingMessage, ServerResponse } from 'node:http';
import { performance } from 'node:perf_hooks';
import { isUnmeasured } from '../../core/unmeasured.ts';
import { type ByteSink, countRequestBytes, countResponseBytes, kExchange } from './bytes.ts';
import { hookFailed } from '../hooks/guard.ts';
import { toMethodLabel } from './method.ts';
import { isDeliberate, typeOfThrown } from '../recorder-kit/thrown.ts';

/** The route of a request that no route matched. */
export const UNMATCHED = '<unmatched>';

/** The status of a request whose client went away first. */
export const CLIENT_CLOSED = 499;

/**
 * The status of a request that the server dropped without an answer, as nginx writes it: timeouts,
 * a closing server.
 */
export const NO_RESPONSE = 444;

const NONE: readonly string[] = [];

/** The scheme of a request's URL, as the client used it. */
export type Scheme = 'http' | 'https';

/**
 * A request without an exchange: the parser refused its head, or it turned into another protocol.
 */
export interface HeadlessRequest {
  readonly method: string;
  readonly route: string;
  readonly scheme: Scheme;
  readonly status: number;
  readonly seconds: number;
}

/** Who is told about exchanges: the recorder of a registry. */
export interface ExchangeObserver {
  readonly measuresScrapes: boolean;
  started(exchange: Exchange): void;
  /** The route is known for good. */
  counted(exchange: Exchange): void;
  /** A middleware or hook has run: its own time. */
  middleware(name: string, ms: number): void;
  rendered(template: string): void;
  /** It is to be kept out of the families. */
  dropped(exchange: Exchange): void;
  closed(exchange: Exchange): void;
}

/** An adapter's view of a request that is under way: what runs at the moment. */
export interface Trace {
  /**
   * The application has handed over the whole response, or never will. The trace tells the exchange
   * what it still knows: the route, and the middlewares that still run.
   */
  ended(): void;
}

/**
 * One request and its response: from the head received to the last byte handed over, recorded
 * exactly once.
 *
 * Adapters tell it what they learn by its methods, at any time until the response has ended:
 * `routed` or `settle`, `cameBy`, `middlewareRan`, `handlerStarted` and `handlerEnded`, `threw`,
 * `rendered`, `exclude`. Recorders read it when they are told to record. All times are in
 * milliseconds, moments those of `performance.now()`.
 */
export class Exchange implements ByteSink {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly method: string;
  readonly startedAt: number = performance.now();
  /** The recorders that were there at the start, even when others come or go meanwhile. */
  readonly #recorders: readonly ExchangeObserver[];
  readonly #onClosed: () => void;
  #route: string | undefined = undefined;
  #routeName: string | undefined = undefined;
  #scheme: Scheme | undefined = undefined;
  #counted = false;
  #answered = false;
  #done = false;
  #excluded = false;
  #refusal = 0;
  #responseBytes = 0;
  #receivedBytes = 0;
  #pieces = 0;
  #contentType: unknown = undefined;
  #handlerMs = -1;
  #handlerStartedAt = -1;
  #trace: Trace | undefined = undefined;
  /** Traces that `#trace` stands in front of: frameworks can be mounted in each other. */
  #outerTraces: Trace[] | undefined = undefined;
  /** Types of what was thrown, not the errors, so that nothing is held. */
  #exceptions: string[] | undefined = undefined;
  #thrown: string[] | undefined = undefined;
  #threwLate = false;
  #latestThrown: unknown = undefined;

  /** @param onClosed Called once it is over, whether it was recorded or not. */
  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    recorders: readonly ExchangeObserver[],
    onClosed: () => void,
  ) {
    this.#onClosed = onClosed;
    this.request = request;
    this.response = response;
    this.#recorders = recorders;
    this.method = toMethodLabel(request.method);
  }

  /** Begins to observe. */
  open(): void {
    const { request, response } = this;
    (request as Carrier)[kExchange] = this;
    (response as Carrier)[kExchange] = this;
    const { headers } = request;
    if (headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined)
      countRequestBytes(request);
    countResponseBytes(response);
    for (const recorder of this.#recorders) recorder.started(this);
  }

  /**
   * Listens to the response's own end, where nothing else reports it: a listener costs a
   * microsecond.
   */
  listen(): void {
    this.response.on('close', onClose);
  }

  /** True once it is recorded: what is told from then on is ignored. */
  get done(): boolean {
    return this.#done;
  }

  /** True once the application has handed over the whole response, or never will. */
  get answered(): boolean {
    return this.#answered;
  }

  // Told by adapters.

  /**
   * Sets the route, as far as it is known by now; the last call before the end holds.
   *
   * @param pattern The router's pattern, never the path.
   * @param name The route's own name, where the framework has names for routes.
   */
  routed(pattern: string, name?: string): void {
    this.#route = pattern;
    this.#routeName = name;
  }

  /** Sets the route for good: the request counts from now on, even if its process is killed. */
  settle(pattern: string): void {
    this.#route = pattern;
    if (this.#done || this.#counted) return;
    for (const recorder of this.#recorders) if (this.#isFor(recorder)) recorder.counted(this);
    this.#counted = true;
  }

  /** Sets the scheme that the client used, where a trusted proxy says so. Before `settle`. */
  cameBy(scheme: Scheme): void {
    this.#scheme = scheme;
  }

  /**
   * Records a middleware or hook that has run.
   * @param ms Its own time, without what it called.
   */
  middlewareRan(name: string, ms: number): void {
    for (const recorder of this.#recorders) if (this.#isFor(recorder)) recorder.middleware(name, ms);
  }

  /** The route's handler begins; an earlier one was a middleware. */
  handlerStarted(now: number = performance.now()): void {
    this.#handlerStartedAt = now;
    this.#handlerMs = -1;
  }

  /** The handler has done its part. The first call counts; the end of the response is one too. */
  handlerEnded(now?: number): void {
    if (this.#handlerStartedAt < 0 || this.#handlerMs >= 0) return;
    this.#handlerMs = (now ?? performance.now()) - this.#handlerStartedAt;
  }

  /** The handler hands on: it was a middleware, and whoever calls this records it as one. */
  handlerHandedOn(): void {
    this.#handlerStartedAt = -1;
    this.#handlerMs = -1;
  }

  /** Notes an error that was thrown while the request was answered. */
  threw(thrown: unknown): void {
    const type = typeOfThrown(thrown);
    (this.#thrown ??= []).push(type);
    if (isDeliberate(thrown)) return;
    (this.#exceptions ??= []).push(type);
    if (this.response.headersSent) this.#threwLate = true;
  }

  /** As `threw`, for adapters that can see an error more than once on its way. */
  threwOnce(thrown: unknown): void {
    if (thrown === this.#latestThrown) return;
    this.#latestThrown = thrown;
    this.threw(thrown);
  }

  /** Counts a template that was rendered. */
  rendered(template: string): void {
    for (const recorder of this.#recorders) recorder.rendered(template);
  }

  /**
   * Leaves it out, as a scrape: only recorders that measure scrapes still count it.
   */
  exclude(): void {
    if (this.#excluded || this.#done) return;
    this.#excluded = true;
    for (const recorder of this.#recorders) if (!recorder.measuresScrapes) recorder.dropped(this);
  }

  /** Has a trace told of the end. Traces of several frameworks end innermost first. */
  follow(trace: Trace): void {
    if (this.#trace !== undefined) (this.#outerTraces ??= []).push(this.#trace);
    this.#trace = trace;
  }

  /** The trace of a class that follows it, if there is one. */
  traceOf<T extends Trace>(kind: { readonly prototype: T }): T | undefined {
    const is = kind as unknown as new () => T;
    if (this.#trace instanceof is) return this.#trace;
    return this.#outerTraces?.find((trace): trace is T => trace instanceof is);
  }

  // Told by the connection and the byte counts.

  /** The parser or a timeout made the client get this status in place of the application's answer. */
  refused(status: number): void {
    this.#refusal = status;
  }

  received(bytes: number): void {
    this.#receivedBytes += bytes;
  }

  wrote(bytes: number): void {
    this.#pieces++;
    this.#responseBytes += bytes;
  }

  ending(): void {
    this.#answered = true;
    this.handlerEnded();
    const trace = this.#trace;
    if (trace === undefined) return;
    const outer = this.#outerTraces;
    this.#trace = undefined;
    this.#outerTraces = undefined;
    endTrace(trace);
    outer?.toReversed().forEach(endTrace);
  }

  endedWith(bytes: number): void {
    if (bytes > 0 && this.#pieces > 0) this.#pieces++;
    this.#responseBytes += bytes;
  }

  gaveContentType(contentType: unknown): void {
    this.#contentType = contentType;
  }

  /** Records it. Only the first call counts. */
  close(): void {
    if (this.#done) return;
    this.ending();
    if (isUnmeasured(this.request)) this.exclude();
    this.#done = true;
    this.#onClosed();
    for (const recorder of this.#recorders) if (this.#isFor(recorder)) recorder.closed(this);
  }

  // Read by recorders.

  /** The router's pattern, once it is known. */
  get route(): string | undefined {
    return this.#route;
  }

  /** The route's own name, where the framework has names for routes. */
  get routeName(): string | undefined {
    return this.#routeName;
  }

  get scheme(): Scheme {
    return this.#scheme ?? ('encrypted' in this.request.socket ? 'https' : 'http');
  }

  /** True once `http_server_requests_total` has it. */
  get counted(): boolean {
    return this.#counted;
  }

  /** Time that the route's handler took; negative while unknown. */
  get handlerMs(): number {
    return this.#handlerMs;
  }

  /** Body bytes handed over to the response. */
  get responseBytes(): number {
    return this.#responseBytes;
  }

  /**
   * Body bytes of the request: the announced length once all of it has come, else what came.
   * (Node discards the rest of a body that nobody reads without a trace.)
   */
  get requestBytes(): number {
    const announced = this.request.headers['content-length'];
    return announced !== undefined && this.request.complete ? Number(announced) : this.#receivedBytes;
  }

  /** True if the body came in more than one piece, or without an announced length. */
  get streaming(): boolean {
    return this.#pieces > 1 || (this.#pieces === 1 && this.response.chunkedEncoding);
  }

  /** The response's content type: a string, or a list of one, as Next sets it. */
  get contentType(): unknown {
    return this.#contentType ?? this.response.getHeader('content-type');
  }

  /** True if the client hung up, and not the server. */
  get aborted(): boolean {
    const { request, response } = this;
    if (response.writableFinished || this.#refusal !== 0) return false;
    const { socket } = request;
    // An error that the server itself has destroyed the response with comes from no system call.
    const errored: NodeJS.ErrnoException | null = socket.errored;
    return socket.readableEnded || errored?.syscall !== undefined;
  }

  /** The status that the client got, CLIENT_CLOSED or NO_RESPONSE. */
  get status(): number {
    const { response } = this;
    if (this.#refusal !== 0) return this.#refusal;
    if (response.writableFinished) return response.statusCode;
    if (this.aborted) return CLIENT_CLOSED;
    return response.headersSent ? response.statusCode : NO_RESPONSE;
  }

  /** Types of all that was thrown. */
  get thrown(): readonly string[] {
    return this.#thrown ?? NONE;
  }

  /**
   * Types of what was thrown and not meant as an answer. An error handler that turns an error into
   * a status below 500 has meant one, unless the error came after the answer.
   */
  get unanswered(): readonly string[] {
    if (this.#exceptions === undefined) return NONE;
    const meant = this.status < 500 && this.response.writableFinished && !this.#threwLate;
    return meant ? NONE : this.#exceptions;
  }

  #isFor(recorder: ExchangeObserver): boolean {
    return !this.#excluded || recorder.measuresScrapes;
  }
}

function endTrace(trace: Trace): void {
  try {
    trace.ended();
  } catch (error) {
    hookFailed(error);
  }
}

interface Carrier {
  [kExchange]?: Exchange;
}

/**
 * The exchange that a request (or response) belongs to; none where it did not come over a socket
 * (Fastify's `inject`) or nothing observes.
 */
export function exchangeOf(request: object): Exchange | undefined {
  return (request as Carrier)[kExchange];
}

/** Under this symbol a request that turns into another protocol has its route. */
const kUpgradeRoute: unique symbol = Symbol('promenade.upgrade.route');

/** Sets the route of a request that turns into another protocol, or is refused to. */
export function routeUpgrade(request: object, pattern: string): void {
  (request as { [kUpgradeRoute]?: string })[kUpgradeRoute] = pattern;
}

/** Returns the route of a request that turns into another protocol. */
export function upgradeRouteOf(request: object): string {
  return (request as { [kUpgradeRoute]?: string })[kUpgradeRoute] ?? UNMATCHED;
}

/** Shared by all responses, so that none needs a closure. */
function onClose(this: ServerResponse): void {
  try {
    (this as Carrier)[kExchange]!.close();
  } catch (error) {
    hookFailed(error);
  }
}

/**
 * Says which route a request is, for servers without a router that Promenade knows. Call it as
 * early as the route is known, so that aborted requests have it too; where it is called more than
 * once, the last call holds.
 *
 * @param route the pattern (`/devices/:id`), never the path: each value is a series.
 * @param name the route's name, which METRICS_COMPAT=django shows as the label `view`.
 * @default the pattern
 *
 * @example
 * createServer((request, response) => { setRoute(request, '/devices/:id'); response.end('...'); });
 */
export function setRoute(request: IncomingMessage, route: string, name?: string): void {
  const exchange = exchangeOf(request);
  if (exchange === undefined) routeUpgrade(request, route);
  else exchange.routed(route, name);
}
