import { performance } from 'node:perf_hooks';
import { type Exchange, exchangeOf, type Trace } from '../../../instrument/http/exchange.ts';
import { type FastifyHook, type FastifyRequestLike, lifecycleHooks, type RouteContext } from './types.ts';

/** Hooks of ours are not timed. */
export const OWN_HOOK = 'promenadeHook';

/**
 * Times the hooks of a route from now on: those of plugins and those of the route itself, added
 * before or after, of all encapsulated instances. To be called once for each route.
 */
export function timeHooks(context: RouteContext): void {
  for (const name of lifecycleHooks) {
    const hooks = context[name];
    if (!Array.isArray(hooks)) continue;
    let anonymous = 0;
    // In place: Fastify may be walking this very list.
    for (const [i, hook] of hooks.entries()) {
      const own = hook.name.replace(/^(bound )+/, '');
      if (own !== OWN_HOOK) hooks[i] = timedHook(hook, `${name}:${own === '' ? `<anonymous ${++anonymous}>` : own}`);
    }
  }
}

/**
 * Calls the hook just as Fastify does, and notes when it is through: when it calls back, when its
 * promise settles, or when it has answered.
 */
function timedHook(hook: FastifyHook, name: string): FastifyHook {
  return function (this: unknown, ...args: unknown[]): unknown {
    const request = args[0] as Partial<FastifyRequestLike> | undefined;
    const exchange = request?.raw && exchangeOf(request.raw);
    const next = args.at(-1);
    if (exchange === undefined || typeof next !== 'function') return Reflect.apply(hook, this, args);
    const run = new HookRun(exchange, name);
    args[args.length - 1] = function (this: unknown, ...result: unknown[]): unknown {
      run.over();
      return Reflect.apply(next, this, result);
    };
    const result = Reflect.apply(hook, this, args);
    // Fastify handles the promise itself: these listeners don't hide a rejection from anyone.
    if (isThenable(result)) result.then(run.over, run.over);
    else if (exchange.response.writableEnded) run.over();
    else if (!run.isOver) PendingHooks.of(exchange).add(run);
    return result;
  };
}

class HookRun {
  isOver: boolean = false;
  readonly #exchange: Exchange;
  readonly #name: string;
  readonly #startedAt: number = performance.now();

  constructor(exchange: Exchange, name: string) {
    this.#exchange = exchange;
    this.#name = name;
  }

  readonly over = (): void => {
    if (this.isOver) return;
    this.isOver = true;
    this.#exchange.middlewareRan(this.#name, performance.now() - this.#startedAt);
  };
}

/** Hooks that have neither called back nor answered yet. */
class PendingHooks implements Trace {
  readonly #runs: HookRun[] = [];

  static of(exchange: Exchange): PendingHooks {
    let hooks = exchange.traceOf(PendingHooks);
    if (hooks === undefined) exchange.follow((hooks = new PendingHooks()));
    return hooks;
  }

  add(run: HookRun): void {
    this.#runs.push(run);
  }

  ended(): void {
    for (const run of this.#runs) run.over();
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | undefined)?.then === 'function';
}
