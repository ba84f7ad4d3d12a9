import { performance } from 'node:perf_hooks';
import type { Exchange, Trace } from '../../../instrument/http/exchange.ts';
import { routeOfPath } from './lookup.ts';
import { mountOf } from './mounts.ts';
import { pathOf, toBase } from './paths.ts';
import { noteLayers, type Place, placeAlone, placeOf } from './places.ts';
import {
  type ExpressApplicationLike,
  type Layer,
  type RoutedRequest,
  type RouteLike,
  type RouterLike,
  type RouterPath,
  routerOf,
} from './types.ts';

/** What is told of a layer that is about to run, beside the layer. */
export interface LayerRun {
  /** The path that its router has matched (of the mount, or of the route), where it tells. */
  readonly path?: RouterPath | undefined;
  /** Of a callback for a parameter: its name. */
  readonly param?: string | undefined;
  /** The layer is called with an error. */
  readonly isErrorHandler?: boolean | undefined;
}

/** A router that a request has entered. */
interface Entered {
  readonly router: RouterLike;
  /** The pattern that it is mounted at, on the way that this request has taken. */
  readonly base: string;
  /** The layer that it is mounted in; `undefined` for the first. */
  readonly mount: Place | undefined;
  /** The concrete path that its mount has taken off. */
  readonly baseUrl: string;
}

/**
 * One request's way through routers: which route it has come to, and what runs at the moment. A
 * layer's own time ends where the next one starts, which is where it has called `next()`.
 */
export class RouterTrace implements Trace {
  readonly #exchange: Exchange;
  readonly #request: RoutedRequest;
  /** The application that the request came to first. */
  #root: ExpressApplicationLike | undefined = undefined;
  /** Mounted routers, the latest last; that of the application is not there. */
  #entered: Entered[] | undefined = undefined;
  /** An application that was entered, and whose router is not known yet. */
  #application: Omit<Entered, 'router'> | undefined = undefined;
  /** What runs: its name, undefined for routers and for layers that are not measured. */
  #label: string | undefined = undefined;
  #isHandler = false;
  #startedAt = 0;
  /** The layer that ran last and is no route, and its pattern: it has answered if nobody else has. */
  #latest: Place | undefined = undefined;
  #latestPattern = '';
  /** The route whose handler ran last. */
  #route: RouteLike | undefined = undefined;
  #failed = false;
  /** No route has taken it, and a framework above Express answers. */
  #fellBack = false;

  private constructor(exchange: Exchange, request: RoutedRequest) {
    this.#exchange = exchange;
    this.#request = request;
  }

  /** `undefined` where the request has been answered: what still runs changes nothing. */
  static of(exchange: Exchange, request: RoutedRequest): RouterTrace | undefined {
    if (exchange.answered) return undefined;
    let trace = exchange.traceOf(RouterTrace);
    if (trace === undefined) exchange.follow((trace = new RouterTrace(exchange, request)));
    return trace;
  }

  /** A layer is about to run. */
  started(layer: Layer, { path, param, isErrorHandler = false }: LayerRun): void {
    const place = placeOf(layer) ?? this.#locate(layer);
    if (this.#root === undefined) this.#arrived();
    if (param !== undefined) return this.#runs(`param:${param}`, false);
    const base = this.#baseOf(place.router);
    if (place.route !== undefined) {
      const routePath = path ?? place.route.path;
      if (isErrorHandler) return this.#failedInto(place.labelAt(base, routePath));
      this.#route = place.route;
      this.#latest = undefined;
      this.#fellBack = place.kind === 'fallback';
      if (this.#fellBack) return this.#runs(undefined, false);
      this.#exchange.routed(place.patternAt(base, routePath));
      return this.#runs(place.labelAt(base, routePath), !place.isMiddleware);
    }
    if (place.kind === 'own') return this.#runs(undefined, false);
    const mount = place.mount ?? path ?? mountOf(layer, this.#coveredBy(place));
    if (isErrorHandler) return this.#failedInto(place.labelAt(base, mount));
    if (place.kind === 'middleware') {
      this.#latest = place;
      this.#latestPattern = place.patternAt(base, mount);
      return this.#runs(place.labelAt(base, mount), false);
    }
    this.#runs(undefined, false);
    const entered = { base: toBase(base, mount), mount: place, baseUrl: this.#request.baseUrl ?? '' };
    if (place.kind === 'router') this.#enter(layer.handle as unknown as RouterLike, entered);
    else this.#application = entered;
  }

  /** An error was thrown, or handed on. */
  failed(): void {
    this.#failed = true;
  }

  ended(): void {
    this.#stop(performance.now(), false);
    const { route } = this.#exchange;
    const other = this.#routeOfParameter() ?? (route === undefined ? this.#routeOfAnswer() : this.#routeAhead());
    if (other !== undefined) this.#exchange.routed(other);
  }

  /** The route that was matched, and whose handlers did not run: a parameter of it was refused. */
  #routeOfParameter(): string | undefined {
    const { route } = this.#request;
    const handler = route?.stack[0];
    if (route === this.#route || handler === undefined) return undefined;
    const place = placeOf(handler) ?? this.#locate(handler);
    if (place.kind === 'fallback' || place.router === undefined) return undefined;
    return place.patternAt(this.#baseOf(place.router), place.route!.path);
  }

  /** The route of a response that a middleware has given after routes that handed on. */
  #routeAhead(): string | undefined {
    if (!this.#hasAnswered() || this.#latest === undefined) return undefined;
    return this.#isMounted(this.#latest) ? this.#latestPattern : this.#lookUp(this.#passed(), true);
  }

  /** The route of a response that no route's handler has given. */
  #routeOfAnswer(): string | undefined {
    // Layers that have handed on have not answered.
    if (!this.#hasAnswered()) return this.#lookUp(undefined, false);
    if (this.#latest !== undefined && this.#isMounted(this.#latest)) return this.#latestPattern;
    const found = this.#lookUp(this.#passed(), false);
    const inside = this.#latest === undefined ? '' : this.#baseOf(this.#latest.router);
    return found ?? (inside === '' ? undefined : inside);
  }

  #lookUp(after: ReadonlyMap<RouterLike, number> | undefined, aheadOnly: boolean): string | undefined {
    const { originalUrl, url, method } = this.#request;
    const router = this.#root && routerOf(this.#root);
    const lookup = { method: method ?? 'GET', after, aheadOnly };
    return router && routeOfPath(router, pathOf(originalUrl ?? url ?? '/'), lookup);
  }

  /**
   * True if a layer answers, or has failed to: where all have handed on, Express itself answers,
   * and its routers have taken their `next` off the request.
   */
  #hasAnswered(): boolean {
    return !this.#fellBack && (this.#failed || typeof this.#request.next === 'function');
  }

  /** True if a layer is mounted at a path of its own. */
  #isMounted(latest: Place): boolean {
    return this.#latestPattern !== (this.#baseOf(latest.router) || '/');
  }

  /** How far the request has come in each router that it is in. */
  #passed(): ReadonlyMap<RouterLike, number> {
    const passed = new Map<RouterLike, number>();
    let place = this.#latest;
    while (place?.router !== undefined && !passed.has(place.router)) {
      passed.set(place.router, place.index);
      place = this.#enteredAs(place.router)?.mount;
    }
    return passed;
  }

  #failedInto(label: string): void {
    this.#failed = true;
    const now = performance.now();
    this.#stop(now, false);
    this.#label = label;
    this.#isHandler = false;
    this.#startedAt = now;
  }

  #runs(label: string | undefined, isHandler: boolean): void {
    const now = performance.now();
    this.#stop(now, true);
    if (isHandler) this.#exchange.handlerStarted(now);
    this.#label = label;
    this.#isHandler = isHandler;
    this.#startedAt = now;
  }

  /** What ran until now is through. A handler that hands on was a middleware of the request. */
  #stop(now: number, handedOn: boolean): void {
    const label = this.#label;
    if (label === undefined) return;
    this.#label = undefined;
    if (this.#isHandler && !handedOn) return this.#exchange.handlerEnded(now);
    if (this.#isHandler) this.#exchange.handlerHandedOn();
    this.#exchange.middlewareRan(label, now - this.#startedAt);
  }

  #enter(router: RouterLike, entered: Omit<Entered, 'router'>): void {
    noteLayers(router);
    (this.#entered ??= []).push({ router, ...entered });
  }

  #enteredAs(router: RouterLike): Entered | undefined {
    return this.#entered?.findLast((entered) => entered.router === router);
  }

  #baseOf(router: RouterLike | undefined): string {
    if (router === undefined) return '';
    const application = this.#application;
    const { app } = this.#request;
    if (application !== undefined && app !== undefined && routerOf(app) === router) {
      this.#application = undefined;
      if (application.mount !== undefined) application.mount.application = app;
      this.#enter(router, application);
      return application.base;
    }
    return this.#entered === undefined ? '' : (this.#enteredAs(router)?.base ?? '');
  }

  /** The part of the path that a layer has matched, below what its router is mounted at. */
  #coveredBy({ router }: Place): string {
    const { baseUrl = '' } = this.#request;
    const above = router && this.#enteredAs(router);
    return above === undefined ? baseUrl : baseUrl.slice(above.baseUrl.length);
  }

  /**
   * Notes the application, once it is known, and takes the scheme from Express where it trusts a
   * proxy; elsewhere anyone can send the header.
   */
  #arrived(): void {
    const { app } = this.#request;
    if (app === undefined) return;
    this.#root = app;
    if (!app.settings?.['trust proxy']) return;
    const { protocol } = this.#request;
    if (protocol === 'http' || protocol === 'https') this.#exchange.cameBy(protocol);
  }

  /**
   * Looks where a layer stands that was not seen before: in the application's router, or in one
   * that has grown since.
   */
  #locate(layer: Layer): Place {
    const { app, route } = this.#request;
    const root = app && routerOf(app);
    if (root !== undefined) noteLayers(root, true);
    for (const { router } of this.#entered ?? []) noteLayers(router, true);
    return placeOf(layer) ?? placeAlone(layer, route?.stack.includes(layer) === true ? route : undefined);
  }
}
