import { exchangeOf } from '../../../instrument/http/exchange.ts';
import { hookFailed } from '../../../instrument/hooks/guard.ts';
import { wrapMethod } from '../../../instrument/hooks/wrap.ts';
import { runTimed } from './hooks.ts';
import { type FastifyHook, internal, prefixOf } from './types.ts';

type Use = (this: unknown, ...args: never[]) => unknown;
type Decorate = (this: unknown, name: string, value: unknown, ...rest: never[]) => unknown;

/** The hooks in which `@fastify/middie` and `@fastify/express` run their middlewares. */
const RUNNERS: readonly string[] = ['runMiddie', 'runMiddieWithPayload', 'runConnect', 'enhanceRequest'];

/** Lists of the middlewares that were used, by the description of their symbols. */
const LISTS: readonly string[] = ['fastify-middie-middlewares', 'fastify-express-middlewares'];

/**
 * Observes the middlewares of `@fastify/middie` and `@fastify/express` one by one: their time under
 * their own names, and their path as the route of what they answer where no route of Fastify does.
 */
export class ConnectObserver {
  readonly #undo: (() => void)[] = [];
  readonly #sawAll: boolean = true;
  #uses = false;

  /** Observes what is used from now on, wherever in the application. */
  constructor(root: object) {
    const instance = root as { use?: unknown; decorate?: unknown };
    if (typeof instance.use === 'function') {
      this.#uses = true;
      this.#sawAll = LISTS.every((list) => ((internal(root, list) as unknown[] | undefined)?.length ?? 0) === 0);
      this.#undo.push(wrapMethod(instance, 'use', observedUse));
    }
    const saw = (): void => {
      this.#uses = true;
    };
    this.#undo.push(
      wrapMethod(instance, 'decorate', (decorate: Decorate): Decorate => {
        return function (this, name, value, ...rest) {
          const isUse = name === 'use' && typeof value === 'function';
          if (isUse) saw();
          return decorate.call(this, name, isUse ? observedUse(value as Use) : value, ...rest);
        };
      }),
    );
  }

  /** True if the application has middlewares, so a request without a route may still get one. */
  get uses(): boolean {
    return this.#uses;
  }

  /** The hooks that need no time of their own: all that they call has been seen. */
  get untimed(): ReadonlySet<string> {
    return new Set(this.#sawAll ? RUNNERS : []);
  }

  close(): void {
    for (const undo of this.#undo.splice(0)) undo();
  }
}

/** The name of what is used at the moment, where a framework above Fastify knows it. */
let usedAs: string | undefined;

/** Gives the functions that are handed to `use` meanwhile a name. */
export function useAs<R>(name: string, use: () => R): R {
  usedAs = name;
  try {
    return use();
  } finally {
    usedAs = undefined;
  }
}

/** `use(path, ...functions)` or `use(...functions)`, as Express has it. */
function observedUse(use: Use): Use {
  let anonymous = 0;
  const next = (): number => ++anonymous;
  return function (this: unknown, ...args: never[]): unknown {
    let observed: unknown[] = args;
    try {
      const [first, ...rest] = args as unknown[];
      const hasPath = !isFunctions(first);
      const mount = hasPath ? mountOf(prefixOf(this as object), first) : '/';
      const functions = hasPath ? rest : args;
      observed = [...(hasPath ? [first] : []), ...functions.map((each) => observedFunctions(each, mount, next))];
    } catch (error) {
      hookFailed(error);
    }
    return Reflect.apply(use, this, observed);
  };
}

function isFunctions(argument: unknown): boolean {
  return (
    typeof argument === 'function' || (Array.isArray(argument) && argument.length > 0 && argument.every(isFunctions))
  );
}

function mountOf(prefix: string, path: unknown): string {
  if (Array.isArray(path)) return path.map((each) => mountOf(prefix, each)).join('|');
  if (typeof path !== 'string') return String(path);
  return path === '/' && prefix !== '' ? prefix : `${prefix}${path}`;
}

function observedFunctions(given: unknown, mount: string, next: () => number): unknown {
  if (Array.isArray(given)) return given.map((each) => observedFunctions(each, mount, next));
  // Error handlers are told by their arity; applications are mounted by what they can do.
  if (typeof given !== 'function' || given.length > 3 || ('handle' in given && 'set' in given)) return given;
  const place = mount === '/' ? '' : ` at ${mount}`;
  const name = usedAs ?? (given.name === '' ? `<anonymous ${next()}>${place}` : given.name);
  const at = mount === '/' ? '' : mount;
  const observed = function (this: unknown, ...args: unknown[]): unknown {
    const exchange = exchangeOf(args[0] as object);
    if (exchange === undefined) return Reflect.apply(given, this, args);
    return runTimed(given as FastifyHook, this, args, exchange, name, at);
  };
  return Object.defineProperties(observed, Object.getOwnPropertyDescriptors(given));
}
