import { performance } from 'node:perf_hooks';
import { type Exchange, exchangeOf, type Trace } from '../../../instrument/http/exchange.ts';
import { nameHooks } from './names.ts';
import { type FastifyHook, type FastifyRequestLike, lifecycleHooks, type RouteContext } from './types.ts';

/** Hooks of ours are not timed. */
export const OWN_HOOK = 'promenadeHook';

/**
 * Times the hooks of a route from now on: those of plugins and those of the route itself, added
 * before or after, of all encapsulated instances. To be called once for each route.
 *
 * @param instance The instance of the route.
 * @param pattern The route; `undefined` for what matches none.
 * @param untimed Names of hooks that only call functions which are timed themselves.
 */
export function timeHooks(
  context: RouteContext,
  instance: object,
  pattern: string | undefined,
  untimed: ReadonlySet<string>,
): void {
  for (const kind of lifecycleHooks) {
    const hooks = context[kind];
    if (!Array.isArray(hooks)) continue;
    const names = nameHooks(hooks, kind, instance, pattern);
    // In place: Fastify may be walking this very list.
    for (const [i, hook] of hooks.entries()) {
      const name = names[i]!;
      if (name !== OWN_HOOK && !untimed.has(name)) hooks[i] = timedHook(hook, `${kind}:${name}`);
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
    return exchange === undefined ? Reflect.apply(hook, this, args) : runTimed(hook, this, args, exchange, name);
  };
}

/**
 * Runs a function that takes a callback last, as a middleware of the exchange.
 *
 * @param mount Of a middleware: the path that it is mounted at, `''` for none. What it answers has
 *   that route, if no other.
 */
export function runTimed(
  call: FastifyHook,
  self: unknown,
  args: unknown[],
  exchange: Exchange,
  name: string,
  mount?: string,
): unknown {
  const next = args.at(-1);
  if (typeof next !== 'function' || exchange.answered) return Reflect.apply(call, self, args);
  const run = new HookRun(exchange, name, mount);
  args[args.length - 1] = function (this: unknown, ...result: unknown[]): unknown {
    run.over();
    return Reflect.apply(next, this, result);
  };
  const runs = PendingHooks.of(exchange);
  runs.add(run);
  const result = Reflect.apply(call, self, args);
  // Fastify handles the promise itself: these listeners don't hide a rejection from anyone. A
  // middleware's promise is nobody's.
  if (isThenable(result) && mount === undefined) result.then(run.over, run.over);
  return result;
}

class HookRun {
  readonly mount: string | undefined;
  #isOver = false;
  readonly #exchange: Exchange;
  readonly #name: string;
  readonly #startedAt: number = performance.now();

  constructor(exchange: Exchange, name: string, mount: string | undefined) {
    this.#exchange = exchange;
    this.#name = name;
    this.mount = mount;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  readonly over = (): void => {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#exchange.middlewareRan(this.#name, performance.now() - this.#startedAt);
  };
}

/** Hooks that have begun; those that are not over at the end have answered. */
class PendingHooks implements Trace {
  readonly #exchange: Exchange;
  #runs: HookRun[] = [];

  private constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  static of(exchange: Exchange): PendingHooks {
    let hooks = exchange.traceOf(PendingHooks);
    if (hooks === undefined) exchange.follow((hooks = new PendingHooks(exchange)));
    return hooks;
  }

  add(run: HookRun): void {
    if (this.#runs.length > 0) this.#runs = this.#runs.filter(({ isOver }) => !isOver);
    this.#runs.push(run);
  }

  ended(): void {
    for (const run of this.#runs) {
      if (run.isOver) continue;
      run.over();
      const { mount = '' } = run;
      if (mount !== '' && this.#exchange.route === undefined) this.#exchange.routed(mount);
    }
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | undefined)?.then === 'function';
}
