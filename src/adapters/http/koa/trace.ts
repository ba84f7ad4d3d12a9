import { type Exchange, exchangeOf } from '../../../instrument/http/exchange.ts';
import { hookFailed } from '../../../instrument/hooks/guard.ts';
import { Onion, type OnionNext } from '../../../instrument/http-server/onion.ts';
import type { KoaContextLike, KoaLayer, RoutedContext } from './types.ts';

/** What a request tells the observer of its application. */
export interface KoaFinder {
  /** The request has come to a router, which is mounted at `base`. */
  found(router: unknown, base: string): void;
  /** Returns the route that a path leads to, for a request that came to no router. */
  routeOf(path: string, method: string): string | undefined;
}

/** A prefix of koa-mount that a request has come below. */
interface Mount {
  /** With those around it. */
  readonly base: string;
  /** The path that it left. */
  readonly rest: string;
}

/** One request's way through the middlewares of Koa and the routes of @koa/router. */
export class KoaTrace extends Onion {
  readonly #context: RoutedContext;
  readonly #finder: KoaFinder;
  readonly #path: string;
  readonly #mounts: Mount[] = [];
  /** The mount that answers, if what runs now does. */
  #answering: string | undefined = undefined;
  #route: KoaLayer | undefined = undefined;
  #routeBase = '';
  #answered = false;

  private constructor(exchange: Exchange, context: RoutedContext, finder: KoaFinder) {
    super(exchange);
    this.#context = context;
    this.#finder = finder;
    this.#path = context.path;
  }

  /** `undefined` where nothing observes the request, or it is over. */
  static of(context: KoaContextLike, finder: KoaFinder): KoaTrace | undefined {
    try {
      const exchange = exchangeOf(context.req);
      if (exchange === undefined || exchange.answered) return undefined;
      const known = exchange.traceOf(KoaTrace);
      if (known !== undefined) return known;
      const trace = new KoaTrace(exchange, context, finder);
      exchange.follow(trace);
      trace.#noteScheme();
      return trace;
    } catch (error) {
      hookFailed(error);
      return undefined;
    }
  }

  /** The request comes below a prefix of koa-mount. */
  static mounted(context: KoaContextLike, prefix: string): void {
    const trace = exchangeOf(context.req)?.traceOf(KoaTrace);
    if (trace === undefined) return;
    const path = context.path;
    const around = trace.#baseAt(path);
    const own = prefix.replace(/\/$/, '');
    trace.#mounts.push({ base: around + own, rest: path.slice(own.length) || '/' });
    trace.#answering = around + prefix;
  }

  override middleware<R>(name: string, next: OnionNext, call: (next: OnionNext) => R): R {
    this.#answering = undefined;
    return super.middleware(name, this.#handsOn(next), call);
  }

  /** Runs the last function of a route. One that hands on without an answer is a middleware. */
  route<R>(layer: KoaLayer, name: string, next: OnionNext, call: (next: OnionNext) => R): R {
    if (!this.#answered) {
      this.#route = layer;
      this.#routeBase = this.#baseAt(this.#context.path);
    }
    return this.handler(next, call, {
      name,
      answersLater: () => this.#context.respond === false,
      hasAnswered: () => {
        this.#answered ||= this.#hasAnswered();
        if (!this.#answered) this.#route = undefined;
        return this.#answered;
      },
    });
  }

  override ended(): void {
    super.ended();
    const context = this.#context;
    const route = this.#route ?? routeOf(context);
    if (context.router !== undefined) this.#finder.found(context.router, this.#innermost());
    if (route !== undefined) {
      const base = route === this.#route ? this.#routeBase : this.#innermost();
      this.exchange.routed(patternOf(base, route), route.name ?? undefined);
    } else {
      const found = this.#answering ?? this.#finder.routeOf(this.#path, context.method);
      if (found !== undefined) this.exchange.routed(found);
    }
  }

  #handsOn(next: OnionNext): OnionNext {
    return () => {
      this.#answering = undefined;
      return next();
    };
  }

  /** True if a response has been given: Koa sends it when all is through. */
  #hasAnswered(): boolean {
    const { res, body, status } = this.#context;
    return res.headersSent || (body !== undefined && body !== null) || status !== 404;
  }

  /** What the request is mounted below where its path is the one given. */
  #baseAt(path: string): string {
    return this.#mounts.findLast(({ rest }) => rest === path)?.base ?? '';
  }

  #innermost(): string {
    return this.#mounts.at(-1)?.base ?? '';
  }

  /** Takes the scheme from Koa where the application trusts a proxy; elsewhere anyone can send it. */
  #noteScheme(): void {
    const { app, protocol } = this.#context;
    if (app?.proxy === true && (protocol === 'http' || protocol === 'https')) this.exchange.cameBy(protocol);
  }
}

/** The pattern of a route below a mount. */
export function patternOf(base: string, { path }: KoaLayer): string {
  return path === '/' && base !== '' ? base : base + String(path);
}

/**
 * Chooses the route that a request came to. (`_matchedRoute` alone is not it: middlewares of a
 * router overwrite it on the way.) One that was refused on its way has the first route that it
 * would have come to, and one for another method (405, OPTIONS) that of its path.
 */
function routeOf({ matched, method, _matchedRoute }: RoutedContext): KoaLayer | undefined {
  return chooseRoute(matched ?? [], method, _matchedRoute);
}

/** Chooses among layers that match a path. */
export function chooseRoute(
  layers: readonly KoaLayer[],
  method: string,
  latest?: string | RegExp,
): KoaLayer | undefined {
  const routes = layers.filter(({ methods }) => methods.length > 0);
  const own = routes.filter(({ methods }) => methods.includes(method));
  const exact = own.find(({ path }) => typeof path === 'string' && !/[*(]/.test(path));
  return own.find(({ path }) => path === latest) ?? exact ?? own[0] ?? routes.at(-1);
}
