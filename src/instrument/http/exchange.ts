import type { IncomingMessage, ServerResponse } from 'node:http';
import { performance } from 'node:perf_hooks';
import { type ByteCounts, countRequestBytes, countResponseBytes, kExchange } from './bytes.ts';
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

/**
 * A request without an exchange: the parser refused its head, or it turned into another protocol.
 */
export interface HeadlessRequest {
  readonly method: string;
  readonly route: string;
  readonly scheme: 'http' | 'https';
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

/** What an adapter knows about the course of a request. */
export interface Trace {
  /**
   * The application has handed over the whole response, or never will. Whatever still runs ends
   * here.
   */
  ended(): void;
}

/**
 * One request and its response: from the head received to the last byte handed over, recorded
 * exactly once.
 */
export class Exchange implements ByteCounts {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Of these it is observed, even when others come or go meanwhile. */
  readonly recorders: readonly ExchangeObserver[];
  readonly method: string;
  /** In milliseconds of `performance.now()`, as all moments here. */
  readonly startedAt: number = performance.now();
  /** The router's pattern, once it is known. */
  route: string | undefined = undefined;
  /** The route's own name, where the framework has names for routes. */
  routeName: string | undefined = undefined;
  responseBytes: number = 0;
  receivedBytes: number = 0;
  pieces: number = 0;
  contentType: unknown = undefined;
  /** What the parser or a timeout made the client get in place of the application's answer. */
  refusal: number = 0;
  /** How long the route's handler took; negative while that is not known. */
  handlerMs: number = -1;
  /** Where the adapter of a framework keeps what runs at the moment. */
  trace: Trace | undefined = undefined;
  /** `http_server_requests_total` has it already. */
  counted: boolean = false;
  readonly #onClosed: () => void;
  #done = false;
  #excluded = false;
  #handlerStartedAt = -1;
  /** Types of what was thrown, not the errors, so that nothing is held. */
  #exceptions: string[] | undefined = undefined;
  #thrown: string[] | undefined = undefined;
  #threwLate = false;
  #latestThrown: unknown = undefined;

  /** @param onClosed called once it is over, whether it was recorded or not */
  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    recorders: readonly ExchangeObserver[],
    onClosed: () => void,
  ) {
    this.#onClosed = onClosed;
    this.request = request;
    this.response = response;
    this.recorders = recorders;
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
    for (const recorder of this.recorders) recorder.started(this);
  }

  /**
   * Learns of the end from the response itself, for whom nobody else tells: a listener costs a
   * microsecond.
   */
  listen(): void {
    this.response.on('close', onClose);
  }

  get done(): boolean {
    return this.#done;
  }

  get scheme(): 'http' | 'https' {
    return 'encrypted' in this.request.socket ? 'https' : 'http';
  }

  /**
   * Body bytes of the request: what was announced once all of it has come, else what came.
   * (The rest of a body that nobody reads is thrown away by Node without a trace.)
   */
  get requestBytes(): number {
    const announced = this.request.headers['content-length'];
    return announced !== undefined && this.request.complete ? Number(announced) : this.receivedBytes;
  }

  /** The body came in more than one piece, or without an announced length. */
  get streaming(): boolean {
    return this.pieces > 1 || (this.pieces === 1 && this.response.chunkedEncoding);
  }

  /** The client has hung up, and not the server. */
  get aborted(): boolean {
    const { request, response } = this;
    if (response.writableFinished || this.refusal !== 0) return false;
    const { socket } = request;
    // An error that the server itself has destroyed the response with comes from no system call.
    const errored: NodeJS.ErrnoException | null = socket.errored;
    return socket.readableEnded || errored?.syscall !== undefined;
  }

  /** What the client got. */
  get status(): number {
    const { response } = this;
    if (this.refusal !== 0) return this.refusal;
    if (response.writableFinished) return response.statusCode;
    if (this.aborted) return CLIENT_CLOSED;
    return response.headersSent ? response.statusCode : NO_RESPONSE;
  }

  /** The route is known and won't change: the request counts from now on. */
  settle(route: string): void {
    this.route = route;
    if (this.#done || this.counted) return;
    for (const recorder of this.recorders) if (this.#isFor(recorder)) recorder.counted(this);
    this.counted = true;
  }

  /** The route's handler begins. */
  handlerStarted(now: number = performance.now()): void {
    this.#handlerStartedAt = now;
    this.handlerMs = -1;
  }

  /** It has done its part. Only the first call counts, and the end of the response is one. */
  handlerEnded(now?: number): void {
    if (this.#handlerStartedAt < 0 || this.handlerMs >= 0) return;
    this.handlerMs = (now ?? performance.now()) - this.#handlerStartedAt;
  }

  /** Something was thrown while it was answered. */
  threw(thrown: unknown): void {
    const type = typeOfThrown(thrown);
    (this.#thrown ??= []).push(type);
    if (isDeliberate(thrown)) return;
    (this.#exceptions ??= []).push(type);
    if (this.response.headersSent) this.#threwLate = true;
  }

  /** As `threw`, for who may see an error more than once on its way. */
  threwOnce(thrown: unknown): void {
    if (thrown === this.#latestThrown) return;
    this.#latestThrown = thrown;
    this.threw(thrown);
  }

  /** Types of all that was thrown. */
  get thrown(): readonly string[] {
    return this.#thrown ?? NONE;
  }

  /**
   * Types of what was thrown and nobody meant as an answer. An error handler that turns an error
   * into a status below 500 has meant one; but not where the error came after the answer.
   */
  get unanswered(): readonly string[] {
    if (this.#exceptions === undefined) return NONE;
    const meant = this.status < 500 && this.response.writableFinished && !this.#threwLate;
    return meant ? NONE : this.#exceptions;
  }

  /** A middleware or hook has run, for so long without what it called. */
  ran(name: string, ms: number): void {
    for (const recorder of this.recorders) recorder.middleware(name, ms);
  }

  rendered(template: string): void {
    for (const recorder of this.recorders) recorder.rendered(template);
  }

  ended(): void {
    this.handlerEnded();
    const { trace } = this;
    this.trace = undefined;
    try {
      trace?.ended();
    } catch (error) {
      hookFailed(error);
    }
  }

  /**
   * It is a scrape: from now on it is as if it had never come, but for those who measure scrapes
   * too.
   */
  exclude(): void {
    if (this.#excluded || this.#done) return;
    this.#excluded = true;
    for (const recorder of this.recorders) if (!recorder.measuresScrapes) recorder.dropped(this);
  }

  /** Records it. Only the first call counts. */
  close(): void {
    if (this.#done) return;
    this.ended();
    if (isUnmeasured(this.request)) this.exclude();
    this.#done = true;
    this.#onClosed();
    for (const recorder of this.recorders) if (this.#isFor(recorder)) recorder.closed(this);
  }

  #isFor(recorder: ExchangeObserver): boolean {
    return !this.#excluded || recorder.measuresScrapes;
  }
}

/**
 * A request or a server carries this where it is to be left out: scrapes, and listeners that serve
 * nothing else.
 */
const kUnmeasured: unique symbol = Symbol.for('promenade.http.unmeasured');

/** Whether a request or a server carries the mark. */
export function isUnmeasured(target: object): boolean {
  return (target as { [kUnmeasured]?: unknown })[kUnmeasured] === true;
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
  if (exchange === undefined) return;
  exchange.route = route;
  exchange.routeName = name;
}
