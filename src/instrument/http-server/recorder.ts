import type { BoundCounter } from '../../core/counter.ts';
import type { BoundGauge } from '../../core/gauge.ts';
import type { BoundHistogram } from '../../core/bound-histogram.ts';
import type { Intent } from '../../core/bound.ts';
import { charsetOf, isEventStream } from '../http/charset.ts';
import type { ConnectionObserver } from '../http/connection.ts';
import {
  CLIENT_CLOSED,
  type Exchange,
  type ExchangeObserver,
  type HeadlessRequest,
  UNMATCHED,
} from '../http/exchange.ts';
import { HttpDjangoCounters } from './django-counters.ts';
import { defineHttpFamilies, type HttpFamilies, type HttpFamilyOptions } from './families.ts';

/** The route or template past the limit. */
const OVERFLOW = '<overflow>';

/**
 * More routes, templates or middlewares than this are no application's, but paths or ids that
 * somebody took for names.
 */
const NAME_LIMIT = 5000;

/** The status of a connection that changes its protocol. */
const SWITCHING_PROTOCOLS = 101;

/** A list of patterns that a route is compared with, or a function that decides. */
export type RouteFilter = readonly (string | RegExp)[] | ((route: string) => boolean);

/** Options for a recorder. */
export interface HttpRecorderOptions extends HttpFamilyOptions {
  /** Only these routes are recorded. @default all */
  readonly includeRoutes?: RouteFilter | undefined;
  /** These routes are left out, even where `includeRoutes` has them. @default none */
  readonly excludeRoutes?: RouteFilter | undefined;
  /**
   * Routes whose responses are meant to take long (long polls, streams): they are left out of the
   * latency histograms, and counted in `http_server_long_lived_duration_seconds`. Event streams
   * (`text/event-stream`) and upgraded connections always are.
   * @default none
   */
  readonly longLivedRoutes?: RouteFilter | undefined;
  /**
   * The header by which a trusted proxy says the scheme, and its value for https, both in small
   * letters. It goes before what the framework knows.
   * @default None: anyone can send a header.
   */
  readonly schemeHeader?: { readonly name: string; readonly value: string } | undefined;
  /** Scrapes count like any other request. @default false */
  readonly includeScrapes?: boolean | undefined;
}

/**
 * Turns exchanges into numbers for one registry: the families, their labels and semantics. It knows
 * no framework.
 */
export class HttpServerRecorder implements ExchangeObserver, ConnectionObserver {
  readonly measuresScrapes: boolean;
  readonly #families: HttpFamilies;
  readonly #options: HttpRecorderOptions;
  readonly #django: HttpDjangoCounters | undefined;
  readonly #routes: Map<string, RouteSeries> = new Map();
  readonly #active: Map<string, BoundGauge> = new Map();
  readonly #middlewares: Map<string, BoundHistogram> = new Map();
  /** What is written down and not counted yet. */
  #armed: Intent | undefined = undefined;
  readonly #templates: Map<string, BoundCounter> = new Map();

  constructor(options: HttpRecorderOptions) {
    this.#families = defineHttpFamilies(options);
    this.#options = options;
    this.#django = options.compat === 'django' ? new HttpDjangoCounters(options) : undefined;
    this.measuresScrapes = options.includeScrapes ?? false;
  }

  started(exchange: Exchange): void {
    this.#activeFor(exchange.method).inc();
  }

  counted(exchange: Exchange): void {
    const route = this.#route(exchange.route ?? UNMATCHED);
    if (route.recorded) route.method(exchange.method).requests(this.#schemeOf(exchange)).inc();
  }

  middleware(name: string, ms: number): void {
    let bound = this.#middlewares.get(name);
    if (bound === undefined) {
      const middleware = this.#middlewares.size < NAME_LIMIT ? name : OVERFLOW;
      bound = this.#families.middlewareDuration.labels({ middleware });
      if (middleware === name) this.#middlewares.set(name, bound);
    }
    bound.observe(ms / 1000);
  }

  rendered(name: string): void {
    let bound = this.#templates.get(name);
    if (bound === undefined) {
      const template = this.#templates.size < NAME_LIMIT ? name : OVERFLOW;
      bound = this.#families.renderedTemplates.labels({ template });
      if (template === name) this.#templates.set(name, bound);
    }
    bound.inc();
  }

  dropped(exchange: Exchange): void {
    this.#activeFor(exchange.method).dec();
  }

  planned(exchange: Exchange): void {
    const { intent } = this.#options.registry;
    if (intent === undefined) return;
    const route = this.#route(exchange.route ?? UNMATCHED);
    if (!route.recorded) return;
    const { status } = exchange;
    const series = route.method(exchange.method);
    const answer = series.answer(status, exchange.streaming, exchange.contentType);
    if (!exchange.counted) series.requests(this.#schemeOf(exchange)).plan(intent);
    answer.responses.plan(intent);
    answer.duration.plan(intent, exchange.seconds);
    if (exchange.bodyKnown) series.requestSize.plan(intent, exchange.requestBytes);
    series.responseSize.plan(intent, hasBody(exchange, status) ? exchange.responseBytes : 0);
    if (exchange.handlerMs >= 0 && !answer.longLived) series.handler.plan(intent, exchange.handlerMs / 1000);
    intent.arm();
    this.#armed = intent;
  }

  planEnded(): void {
    this.#armed?.drop();
    this.#armed = undefined;
  }

  answered(exchange: Exchange): void {
    const route = this.#route(exchange.route ?? UNMATCHED);
    if (!route.recorded) return;
    const { status } = exchange;
    const series = route.method(exchange.method);
    if (!exchange.counted) series.requests(this.#schemeOf(exchange)).inc();
    const answer = series.answer(status, exchange.streaming, exchange.contentType);
    answer.responses.inc();
    answer.duration.observe(exchange.seconds);
    if (exchange.bodyKnown) series.requestSize.observe(exchange.requestBytes);
    series.responseSize.observe(hasBody(exchange, status) ? exchange.responseBytes : 0);
    if (exchange.handlerMs >= 0 && !answer.longLived) series.handler.observe(exchange.handlerMs / 1000);
  }

  closed(exchange: Exchange): void {
    this.#activeFor(exchange.method).dec();
    const route = this.#route(exchange.route ?? UNMATCHED);
    if (!route.recorded) return;
    if (!exchange.bodyKnown) route.method(exchange.method).requestSize.observe(exchange.requestBytes);
    if (!exchange.complete) {
      if (exchange.aborted) route.aborted();
      else if (exchange.broken) route.broken();
    }
    for (const type of exchange.unanswered) route.exception(type);
    this.#django?.count(exchange, route.name);
  }

  headless({ method, route, scheme, status, seconds }: HeadlessRequest): void {
    const routeSeries = this.#route(route);
    if (!routeSeries.recorded) return;
    const series = routeSeries.method(method);
    const answer = series.answer(status, false, undefined);
    series.requests(scheme).inc();
    answer.responses.inc();
    answer.duration.observe(seconds);
    if (status === CLIENT_CLOSED) routeSeries.aborted();
  }

  upgradeEnded(method: string, route: string, seconds: number): void {
    const series = this.#route(route);
    if (series.recorded) series.method(method).upgraded(seconds);
  }

  connected(): void {
    this.#families.connections.inc();
    this.#families.openConnections.inc();
  }

  disconnected(): void {
    this.#families.openConnections.dec();
  }

  #schemeOf(exchange: Exchange): 'http' | 'https' {
    const { schemeHeader } = this.#options;
    const given = schemeHeader && exchange.request.headers[schemeHeader.name];
    if (schemeHeader === undefined || given === undefined) return exchange.scheme;
    // Of several proxies, each of which adds a value, the first is the client's.
    return String(given).split(',', 1)[0]!.trim().toLowerCase() === schemeHeader.value ? 'https' : 'http';
  }

  #activeFor(method: string): BoundGauge {
    let bound = this.#active.get(method);
    if (bound === undefined) this.#active.set(method, (bound = this.#families.active.labels({ method })));
    return bound;
  }

  #route(name: string): RouteSeries {
    const known = this.#routes.get(name);
    if (known !== undefined) return known;
    if (this.#routes.size >= NAME_LIMIT && name !== OVERFLOW) return this.#route(OVERFLOW);
    const { includeRoutes, excludeRoutes, longLivedRoutes } = this.#options;
    const recorded =
      (includeRoutes === undefined || selects(includeRoutes, name)) &&
      (excludeRoutes === undefined || !selects(excludeRoutes, name));
    const longLived = longLivedRoutes !== undefined && selects(longLivedRoutes, name);
    const series = new RouteSeries(this.#families, name, recorded, longLived);
    this.#routes.set(name, series);
    return series;
  }
}

/**
 * Whether a response to this request can carry a body; Node drops what is written to one that
 * can't.
 */
function hasBody(exchange: Exchange, status: number): boolean {
  return exchange.method !== 'HEAD' && status !== 204 && status !== 304;
}

function selects(filter: RouteFilter, route: string): boolean {
  if (typeof filter === 'function') return filter(route);
  return filter.some((pattern) =>
    typeof pattern === 'string'
      ? pattern === route
      : new RegExp(pattern, pattern.flags.replace(/[gy]/g, '')).test(route),
  );
}

/** The bound series of a route. */
class RouteSeries {
  readonly name: string;
  readonly recorded: boolean;
  readonly #longLived: boolean;
  readonly #families: HttpFamilies;
  readonly #methods: Map<string, MethodSeries> = new Map();

  constructor(families: HttpFamilies, route: string, recorded: boolean, longLived: boolean) {
    this.name = route;
    this.#families = families;
    this.recorded = recorded;
    this.#longLived = longLived;
  }

  method(method: string): MethodSeries {
    let series = this.#methods.get(method);
    if (series === undefined) {
      this.#methods.set(method, (series = new MethodSeries(this.#families, this.name, method, this.#longLived)));
    }
    return series;
  }

  aborted(): void {
    this.#families.aborted.labels({ route: this.name }).inc();
  }

  broken(): void {
    this.#families.broken.labels({ route: this.name }).inc();
  }

  exception(type: string): void {
    this.#families.exceptions.labels({ route: this.name, type }).inc();
  }
}

/** The series of responses that are alike. */
interface Answer {
  readonly responses: BoundCounter;
  /** Of the latency histogram, or of the one for what lives long. */
  readonly duration: BoundHistogram;
  readonly longLived: boolean;
}

/**
 * The bound series of a route and a method, each made when it is first needed, since a series that
 * exists shows as zero.
 */
class MethodSeries {
  readonly #families: HttpFamilies;
  readonly #route: string;
  readonly #method: string;
  readonly #longLived: boolean;
  #http: BoundCounter | undefined;
  #https: BoundCounter | undefined;
  #handler: BoundHistogram | undefined;
  #requestSize: BoundHistogram | undefined;
  #responseSize: BoundHistogram | undefined;
  /** The latest response's kind, and its series: most responses of a route are alike. */
  #latest: Answer | undefined;
  #latestStatus: number = 0;
  #latestType: unknown = undefined;
  #latestStreaming: boolean = false;

  constructor(families: HttpFamilies, route: string, method: string, longLived: boolean) {
    this.#families = families;
    this.#route = route;
    this.#method = method;
    this.#longLived = longLived;
  }

  requests(scheme: 'http' | 'https'): BoundCounter {
    return scheme === 'http' ? (this.#http ??= this.#bind(scheme)) : (this.#https ??= this.#bind(scheme));
  }

  get requestSize(): BoundHistogram {
    return (this.#requestSize ??= this.#families.requestSize.labels({ method: this.#method, route: this.#route }));
  }

  get responseSize(): BoundHistogram {
    return (this.#responseSize ??= this.#families.responseSize.labels({ method: this.#method, route: this.#route }));
  }

  get handler(): BoundHistogram {
    return (this.#handler ??= this.#families.handlerDuration.labels({ method: this.#method, route: this.#route }));
  }

  /** A connection that has changed its protocol has ended. */
  upgraded(seconds: number): void {
    const { longLived } = this.#families;
    longLived.labels({ method: this.#method, route: this.#route, status: SWITCHING_PROTOCOLS }).observe(seconds);
  }

  answer(status: number, streaming: boolean, contentType: unknown): Answer {
    if (
      this.#latest === undefined ||
      status !== this.#latestStatus ||
      contentType !== this.#latestType ||
      streaming !== this.#latestStreaming
    ) {
      this.#latest = this.#find(status, streaming, contentType);
      this.#latestStatus = status;
      this.#latestType = contentType;
      this.#latestStreaming = streaming;
    }
    return this.#latest;
  }

  #find(status: number, streaming: boolean, contentType: unknown): Answer {
    const method = this.#method;
    const route = this.#route;
    const charset = charsetOf(contentType);
    const longLived = this.#longLived || isEventStream(contentType);
    const durations = longLived ? this.#families.longLived : this.#families.duration;
    return {
      responses: this.#families.responses.labels({ route, method, status, streaming, charset }),
      duration: durations.labels({ method, route, status }),
      longLived,
    };
  }

  #bind(scheme: 'http' | 'https'): BoundCounter {
    return this.#families.requests.labels({ method: this.#method, route: this.#route, scheme });
  }
}
