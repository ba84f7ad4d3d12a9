import { performance } from 'node:perf_hooks';
import type { Exchange, Trace } from '../http/exchange.ts';
import { observeCall, type Outcome } from '../hooks/observe.ts';

/** Hands on to what is further inside, and comes back when that is through. */
export type OnionNext = () => unknown;

/** How a handler is told from a middleware. */
export interface HandlerOptions {
  /** Its name, as a middleware. @default It is a handler in any case. */
  readonly name?: string;
  /**
   * Asked when it has returned: whether it goes on nevertheless, until the response is complete.
   * @default It does not.
   */
  readonly answersLater?: () => boolean;
  /** Asked when it hands on. @default It has not. */
  readonly hasAnswered?: () => boolean;
}

/**
 * Times one request's functions that lie around each other like the skins of an onion, as Koa and
 * Hono have it: each calls `next()` and goes on when it has come back. A middleware's own time is
 * what it took without what it called.
 */
export class Onion implements Trace {
  protected readonly exchange: Exchange;
  readonly #running: Set<Skin> = new Set();

  constructor(exchange: Exchange) {
    this.exchange = exchange;
  }

  /** Runs a middleware. Its result and errors are what they are. */
  middleware<R>(name: string, next: OnionNext, call: (next: OnionNext) => R): R {
    const skin = new Skin(name);
    this.#running.add(skin);
    const inside = (): unknown => {
      const back = skin.handsOn();
      return observeCall(next, back);
    };
    return observeCall(
      () => call(inside),
      (outcome) => {
        this.#threw(outcome);
        if (this.#running.delete(skin)) this.exchange.middlewareRan(name, skin.ownMs());
      },
    );
  }

  /**
   * Runs the handler of a route. One that hands on was a middleware of the request, unless it has
   * answered before: the next one is the handler.
   */
  handler<R>(next: OnionNext, call: (next: OnionNext) => R, options: HandlerOptions = {}): R {
    const { name, answersLater, hasAnswered } = options;
    const skin = name === undefined ? undefined : new Skin(name);
    this.exchange.handlerStarted();
    const inside = (): unknown => {
      if (skin === undefined || hasAnswered?.() === true) {
        this.exchange.handlerEnded();
        return next();
      }
      this.exchange.handlerHandedOn();
      this.#running.add(skin);
      return observeCall(next, skin.handsOn());
    };
    return observeCall(
      () => call(inside),
      (outcome) => {
        this.#threw(outcome);
        if (skin !== undefined && this.#running.delete(skin)) this.exchange.middlewareRan(skin.name, skin.ownMs());
        else if (answersLater?.() !== true) this.exchange.handlerEnded();
      },
    );
  }

  /** What was thrown and has been caught by the framework, where it says so. */
  protected caught(): unknown {
    return undefined;
  }

  #threw(outcome: Outcome<unknown>): void {
    const error = outcome.failed ? outcome.error : this.caught();
    if (outcome.failed || error !== undefined) this.exchange.threwOnce(error);
  }

  /** The response is complete, or the client has gone: what still runs has run until now. */
  ended(): void {
    for (const skin of this.#running) this.exchange.middlewareRan(skin.name, skin.ownMs());
    this.#running.clear();
  }
}

/** A middleware that runs. */
class Skin {
  readonly name: string;
  readonly #startedAt: number = performance.now();
  #insideMs = 0;
  #insideSince = -1;

  constructor(name: string) {
    this.name = name;
  }

  /** It calls `next()`. @returns what is to be called when that has come back */
  handsOn(): () => void {
    this.#insideSince = performance.now();
    return () => {
      this.#insideMs += performance.now() - this.#insideSince;
      this.#insideSince = -1;
    };
  }

  ownMs(): number {
    const now = performance.now();
    const inside = this.#insideMs + (this.#insideSince < 0 ? 0 : now - this.#insideSince);
    return Math.max(0, now - this.#startedAt - inside);
  }
}
