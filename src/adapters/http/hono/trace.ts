import { type Exchange, exchangeOf } from '../../../instrument/http/exchange.ts';
import { hookFailed } from '../../../instrument/hooks/guard.ts';
import { Onion, type OnionNext } from '../../../instrument/http-server/onion.ts';
import { type HonoContextLike, type HonoEntry, type HonoHandler, nodeOf } from './types.ts';

/** What is known of a list of handlers that a router has found, in their order. */
export interface HonoStep {
  readonly path: string;
  readonly name: string;
  /** It belongs to a route, and not to `app.use`. */
  readonly isRoute: boolean;
  /** It takes no `next`, or nothing comes after it. */
  readonly isHandler: boolean;
}

const kTrace: unique symbol = Symbol('promenade.trace');

/** One request's way through the handlers that its path has matched. */
export class HonoTrace extends Onion {
  readonly #context: HonoContextLike;
  readonly #steps: readonly HonoStep[];
  readonly #otherRoute: () => string | undefined;
  /** The step that it has come to and that has not handed on; none once the last has. */
  #at: number | undefined = undefined;

  private constructor(
    exchange: Exchange,
    context: HonoContextLike,
    steps: readonly HonoStep[],
    otherRoute: () => string | undefined,
  ) {
    super(exchange);
    this.#context = context;
    this.#steps = steps;
    this.#otherRoute = otherRoute;
  }

  /** @param otherRoute the route that the path has for other methods */
  static begin(context: HonoContextLike, steps: readonly HonoStep[], otherRoute: () => string | undefined): void {
    try {
      const node = nodeOf(context);
      const exchange = node && exchangeOf(node.incoming);
      if (exchange === undefined || exchange.done) return;
      const trace = new HonoTrace(exchange, context, steps, otherRoute);
      exchange.follow(trace);
      (context as Carrier)[kTrace] = trace;
    } catch (error) {
      hookFailed(error);
    }
  }

  static of(context: HonoContextLike): HonoTrace | undefined {
    return (context as Carrier)[kTrace];
  }

  /** Runs a step. */
  run(i: number, next: OnionNext, call: (next: OnionNext) => unknown): unknown {
    const { isHandler, name } = this.#steps[i]!;
    this.#at = i;
    const on = (): unknown => {
      this.#at = undefined;
      return next();
    };
    return isHandler ? this.handler(on, call) : this.middleware(name, on, call);
  }

  protected override caught(): unknown {
    return this.#context.error;
  }

  override ended(): void {
    super.ended();
    const route = this.#route();
    if (route !== undefined) this.exchange.routed(route);
  }

  /**
   * The route that has answered; of a request that a middleware has answered, the first that it
   * would have come to.
   */
  #route(): string | undefined {
    if (this.#at !== undefined) {
      const step = this.#steps[this.#at]!;
      if (step.isRoute) return step.path;
      const behind = this.#steps.slice(this.#at).filter(({ isRoute }) => isRoute);
      const route = behind.find(({ isHandler }) => isHandler) ?? behind[0];
      if (route !== undefined) return route.path;
      // What is mounted there, or files: `app.mount('/old', ...)`,
      // `app.use('/static/*', serveStatic(...))`.
      if (!isCatchAll(step.path)) return step.path;
    }
    const { statusCode, req } = this.exchange.response;
    return statusCode === 404 || statusCode === 405 || req.method === 'OPTIONS' ? this.#otherRoute() : undefined;
  }
}

interface Carrier extends HonoContextLike {
  [kTrace]?: HonoTrace;
}

/** What the entries of a match are. */
export function stepsOf(entries: readonly HonoEntry[], nameless: (route: object) => string): HonoStep[] {
  return entries.map(([[handler, route]], i) => {
    const target = targetOf(handler);
    const takesNext = target.length > 1;
    const isRoute = route.method !== 'ALL' || !takesNext;
    return {
      path: route.path,
      name: target.name === '' ? nameless(route) : target.name,
      isRoute,
      isHandler: !takesNext || (isRoute && i === entries.length - 1),
    };
  });
}

function targetOf(handler: HonoHandler): HonoHandler {
  const { __COMPOSED_HANDLER: composed } = handler;
  return typeof composed === 'function' ? targetOf(composed as HonoHandler) : handler;
}

/** Whether a pattern says nothing about a path. */
export function isCatchAll(path: string): boolean {
  return path === '*' || path === '/*';
}
