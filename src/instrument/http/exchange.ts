import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { isUnmeasured } from '../../core/unmeasured.ts';
import { type ByteSink, countRequestBytes, kExchange } from './response-hooks.ts';
import { hookFailed } from '../hooks/guard.ts';
import { toMethodLabel } from './method.ts';
import { unsentBytes } from './unsent.ts';
import { isSuspect } from './suspects.ts';
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
const NO_RUNS: readonly [string, number][] = [];

/** Larger bodies don't go to the kernel at once. */
const PLANNED_BYTES = 256 * 1024;

/** True while an exchange of this process is between its plan and its count. */
let planning = false;

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

/** Told about exchanges: the recorder of a registry. */
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
  /** The answer is about to leave: what `answered` is going to count can be written down. */
  planned(exchange: Exchange): void;
  /** What was written down is counted, or will not be. */
  planEnded(): void;
  /** The answer has left, or what has left of it is all there will be. Called once, before `closed`. */
  answered(exchange: Exchange): void;
  /** Nothing more will happen to it. */
  closed(exchange: Exchange): void;
}

/** Has exchanges under way. */
export interface ExchangeHost {
  /** The exchange is over, whether it was recorded or not. */
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
  readonly #host: ExchangeHost;
  readonly #socket: Socket;
  #route: string | undefined = undefined;
  #routeName: string | undefined = undefined;
  #scheme: Scheme | undefined = undefined;
  #counted = false;
  #answered = false;
  #recorded = false;
  /** Undefined until a middleware has run. */
  #isSuspect: boolean | undefined = undefined;
  /**
   * The middlewares of a request that may be a scrape, and how long each ran: those before the page
   * have run when that is known.
   */
  #held: [name: string, ms: number][] | undefined = undefined;
  #done = false;
  #excluded = false;
  #refusal = 0;
  #ended = false;
  #endedAt = -1;
  #planned = false;
  /** Every byte of the response has gone to the kernel, on a connection that was not broken. */
  #complete = false;
  /** Body bytes handed over to the response. */
  #writtenBytes = 0;
  /** As many of them as were known to have left when that was last looked at. */
  #leftBytes = 0;
  /** Bytes that the socket had not sent when it was destroyed. */
  #unsentBytes = 0;
  #receivedBytes = 0;
  #bodyKnown = true;
  #pieces = 0;
  /** The body came with `end`, in one piece. */
  #whole = false;
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

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    recorders: readonly ExchangeObserver[],
    host: ExchangeHost,
  ) {
    this.#host = host;
    this.#socket = request.socket;
    this.request = request;
    this.response = response;
    this.#recorders = recorders;
    this.method = toMethodLabel(request.method);
    (request as Carrier)[kExchange] = this;
    (response as Carrier)[kExchange] = this;
    const { headers } = request;
    if (headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined) {
      this.#bodyKnown = false;
      countRequestBytes(request);
    }
    for (const recorder of recorders) recorder.started(this);
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
    this.#isSuspect ??= isSuspect(this.request);
    if (this.#isSuspect && !this.#done) (this.#held ??= []).push([name, ms]);
    else this.#recordRun(name, ms);
  }

  #recordRun(name: string, ms: number): void {
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

  /** The connection is about to be destroyed, with so many bytes that it has not sent. */
  cutOff(unsent: number, error: NodeJS.ErrnoException | null): void {
    if (this.#complete) return;
    // A write that fails takes its whole rest off the queue: what had left before is all we know.
    this.#unsentBytes = error?.syscall === 'write' ? this.#writtenBytes - this.#leftBytes : unsent;
  }

  received(bytes: number): void {
    this.#receivedBytes += bytes;
  }

  get open(): boolean {
    return !this.#ended && !this.#done && !isDown(this.#socket);
  }

  writing(): void {
    if (this.#socket.writableLength === 0) this.#leftBytes = this.#writtenBytes;
  }

  wrote(bytes: number): void {
    this.#pieces++;
    if (!isDown(this.#socket)) this.#writtenBytes += bytes;
  }

  ending(bytes: number): void {
    this.writing();
    this.#endTraces();
    this.#ended = true;
    if (this.#pieces === 0) this.#whole = bytes > 0;
    else if (bytes > 0) this.#pieces++;
    this.#writtenBytes += bytes;
    if (this.#writtenBytes - this.#leftBytes <= PLANNED_BYTES && this.response.socket !== null) this.#plan();
  }

  ended(bytes: number): void {
    const { response } = this;
    const socket = this.#socket;
    if (isDown(socket)) {
      this.#writtenBytes -= bytes;
    } else if (response.socket !== null && response.writableLength === 0) {
      this.#complete = true;
      this.#answer();
    } else {
      this.#leftBytes = Math.max(this.#leftBytes, this.#writtenBytes - this.#queuedBytes() - unsentBytes(socket));
    }
    this.#endPlan();
  }

  notEnded(bytes: number): void {
    this.#ended = false;
    this.#writtenBytes -= bytes;
    this.#endPlan();
  }

  gaveContentType(contentType: unknown): void {
    this.#contentType = contentType;
  }

  /** Node says that the response is finished, which it also says of one that nobody received. */
  finished(): void {
    const { destroyed, errored } = this.#socket;
    if (!destroyed && !errored) this.#complete = true;
    else if (!destroyed) this.cutOff(0, errored);
    this.close();
  }

  /** Records what is not recorded yet. Only the first call counts. */
  close(): void {
    if (this.#done) return;
    this.#endTraces();
    this.#answer();
    this.#done = true;
    this.#host.closed(this);
    for (const [name, ms] of this.#held ?? NO_RUNS) this.#recordRun(name, ms);
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

  /** Seconds from the request's head to the last byte of its response. */
  get seconds(): number {
    return (this.#endedAt - this.startedAt) / 1000;
  }

  /** Time that the route's handler took; negative while unknown. */
  get handlerMs(): number {
    return this.#handlerMs;
  }

  /** Body bytes of the response that have left. */
  get responseBytes(): number {
    if (this.#complete) return this.#writtenBytes;
    return Math.max(0, this.#writtenBytes - this.#queuedBytes() - this.#unsentBytes);
  }

  /**
   * Body bytes of the request: the announced length once all of it has come, else what came.
   * (Node discards the rest of a body that nobody reads without a trace.)
   */
  get requestBytes(): number {
    const announced = this.request.headers['content-length'];
    return announced !== undefined && this.request.complete ? Number(announced) : this.#receivedBytes;
  }

  /**
   * True if the request's body had come as a whole when it was answered, so that its size was known.
   */
  get bodyKnown(): boolean {
    return this.#bodyKnown;
  }

  /**
   * True if the body was written in more than one piece, or without an announced length. A whole
   * body that `end` got after `writeHead` is neither to the application.
   */
  get streaming(): boolean {
    return this.#pieces > 1 || (!this.#whole && this.response.chunkedEncoding);
  }

  /** The response's content type: a string, or a list of one, as Next sets it. */
  get contentType(): unknown {
    return this.#contentType ?? this.response.getHeader('content-type');
  }

  /** True if the whole response has left on a connection that was not broken. */
  get complete(): boolean {
    return this.#complete;
  }

  /** True if the client hung up, and not the server. */
  get aborted(): boolean {
    return !this.#complete && this.#refusal === 0 && hasLeft(this.#socket);
  }

  /** True if the server broke its response off after the head was sent. */
  get broken(): boolean {
    return !this.#complete && this.#refusal === 0 && this.response.headersSent && !hasLeft(this.#socket);
  }

  /** The status that the client got, CLIENT_CLOSED or NO_RESPONSE. */
  get status(): number {
    const { response } = this;
    if (this.#refusal !== 0) return this.#refusal;
    if (this.#complete) return response.statusCode;
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
    const meant = this.status < 500 && this.#complete && !this.#threwLate;
    return meant ? NONE : this.#exceptions;
  }

  /** The traces say what they still know. */
  #endTraces(): void {
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

  /** Body bytes that wait in the response, behind another one or for a socket. */
  #queuedBytes(): number {
    const { response } = this;
    return response.writableLength - (response.socket?.writableLength ?? 0);
  }

  /**
   * Has the recorders write down what they are going to count, if the response goes to the kernel at
   * once, as it mostly does: a process that is killed right after that has lost nothing.
   */
  #plan(): void {
    if (planning || isUnmeasured(this.request)) return;
    planning = this.#planned = true;
    this.#endedAt = performance.now();
    this.#bodyKnown ||= this.request.complete;
    this.#complete = true;
    try {
      for (const recorder of this.#recorders) if (this.#isFor(recorder)) recorder.planned(this);
    } finally {
      this.#complete = false;
    }
  }

  #endPlan(): void {
    if (!this.#planned) return;
    planning = this.#planned = false;
    for (const recorder of this.#recorders) recorder.planEnded();
    if (!this.#recorded) this.#endedAt = -1;
  }

  /** Counts the answer, once. */
  #answer(): void {
    if (this.#recorded) return;
    this.#recorded = true;
    if (this.#endedAt < 0) this.#endedAt = performance.now();
    this.#bodyKnown ||= this.request.complete;
    if (isUnmeasured(this.request)) this.exclude();
    for (const recorder of this.#recorders) if (this.#isFor(recorder)) recorder.answered(this);
    this.#counted = true;
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

/**
 * Names the route of a request, for servers without a router that Promenade knows. Call it as early
 * as the route is known, so that aborted requests have it too; the last call holds. For a request
 * that is upgraded, call it before the answer.
 *
 * @param route The pattern (`/devices/:id`), never the path: each value is a series.
 * @param name The route's name, which METRICS_COMPAT=django shows as the label `view`.
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

/**
 * True if nothing can be sent any more. A write that fails marks the socket as errored at once, and
 * destroys it a little later, after it has told the response that it is finished.
 */
function isDown(socket: Socket): boolean {
  return socket.destroyed || Boolean(socket.errored);
}

/** True if the other side has closed its end of a connection, or the system says that it is gone. */
export function hasLeft(socket: Socket): boolean {
  // An error that the server itself has destroyed the response with comes from no system call.
  const errored: NodeJS.ErrnoException | null | undefined = socket.errored;
  return socket.readableEnded || errored?.syscall !== undefined;
}
