import { types } from 'node:util';
import { attempt } from './guard.ts';
import type { Method } from './method.ts';
import { wrapMethod } from './wrap.ts';

/** The outcome of a call. */
export type Outcome<R> =
  | { readonly failed: false; readonly result: R; readonly seconds: number }
  | { readonly failed: true; readonly error: unknown; readonly seconds: number };

/**
 * Makes a call that throws, or returns a value, a promise or another thenable, and tells `done`
 * once how it ended. Returns what `whenSettled` returns for the result.
 *
 * @param done May throw: that is swallowed.
 */
export function observeCall<R>(call: () => R, done: (outcome: Outcome<Awaited<R>>) => void): R {
  const start = performance.now();
  const succeeded = (result: Awaited<R>): void =>
    done({ failed: false, result, seconds: (performance.now() - start) / 1000 });
  const failed = (error: unknown): void => done({ failed: true, error, seconds: (performance.now() - start) / 1000 });
  let result: R;
  try {
    result = call();
  } catch (error) {
    attempt(() => failed(error));
    throw error;
  }
  return whenSettled(result, succeeded, failed);
}

/**
 * Tells how a call ended: with an error, which is never undefined then, or with a result.
 *
 * @param more Further arguments of a callback, after the error and the result.
 */
export type End = (error: unknown, result: unknown, ...more: unknown[]) => void;

/**
 * Observes a method that takes a callback as its last function argument, or returns a value, a
 * promise or another thenable. Errors, results and `this` stay as they are.
 *
 * @param begin Is told the arguments and `this`. Returns a function that is told once how the call
 *   ended, or undefined for a call that is not observed. What either throws is swallowed.
 */
export function observed(
  original: Method,
  begin: (args: readonly unknown[], self: unknown) => End | undefined,
): Method {
  return function (this: unknown, ...args) {
    const end = attempt(() => begin(args, this));
    if (end === undefined) return Reflect.apply(original, this, args);
    let told = false;
    const tell: End = (error, result, ...more) => {
      if (told) return;
      told = true;
      attempt(() => end(error, result, ...more));
    };
    const at = lastFunction(args);
    if (at >= 0) {
      const callback = args[at] as Method;
      args[at] = function (this: unknown, error: unknown, ...answer: unknown[]): unknown {
        tell(error || undefined, answer[0], ...answer.slice(1));
        return Reflect.apply(callback, this, arguments);
      };
    }
    let result: unknown;
    try {
      result = Reflect.apply(original, this, args);
    } catch (error) {
      tell(error ?? 'unknown', undefined);
      throw error;
    }
    if (at >= 0) return result;
    return whenSettled(
      result,
      (value) => tell(undefined, value),
      (error) => tell(error ?? 'unknown', undefined),
    );
  };
}

/** Puts `observed` on a method of an object. Returns a function that restores it. */
export function observeMethod(
  object: object,
  name: PropertyKey,
  begin: (args: readonly unknown[], self: unknown) => End | undefined,
): () => void {
  return wrapMethod(object, name, (original) => observed(original, begin));
}

/** The position of the last function in a list of arguments; -1 if it has none. */
export function lastFunction(args: readonly unknown[]): number {
  for (let at = args.length - 1; at >= 0; at--) if (typeof args[at] === 'function') return at;
  return -1;
}

/**
 * Tells once how the result of a call settles: at once for a plain value. Returns what the caller
 * is to get in its place:
 *
 * - for a promise, of this realm, another one or another library (Bluebird), a promise derived from
 *   it. Observing the same promise on the side would mark its rejection as handled;
 * - for another thenable itself, its `then` watched: it may be lazy (a query builder), and calling
 *   `then` would run it. It tells nothing until somebody calls that;
 * - for any other value itself.
 *
 * What `fulfilled` and `rejected` throw is swallowed.
 */
export function whenSettled<R>(
  result: R,
  fulfilled: (value: Awaited<R>) => void,
  rejected: (error: unknown) => void,
): R {
  if (!isThenable(result)) {
    attempt(() => fulfilled(result as Awaited<R>));
    return result;
  }
  let told = false;
  const tell = <V>(hook: (value: V) => void, value: V): void => {
    if (!told) attempt(() => hook(value));
    told = true;
  };
  const onFulfilled = (value: unknown): unknown => {
    tell(fulfilled, value as Awaited<R>);
    return value;
  };
  const onRejected = (error: unknown): never => {
    tell(rejected, error);
    throw error;
  };
  if (!isPromise(result)) {
    if (!watchThen(result, onFulfilled, (error) => tell(rejected, error))) onFulfilled(result);
    return result;
  }
  const derived = result.then(onFulfilled, onRejected) as object;
  // Libraries hang methods on their promises (`cancel`); plain promises have no keys.
  for (const key of Object.keys(result)) {
    if (!(key in derived)) Object.defineProperty(derived, key, Object.getOwnPropertyDescriptor(result, key)!);
  }
  return derived as R;
}

/** An object or function with a method `then`. */
export function isThenable(value: unknown): value is PromiseLike<unknown> & object {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false;
  try {
    return typeof (value as { then?: unknown }).then === 'function';
  } catch {
    return false;
  }
}

/** A promise runs without being asked to. Libraries' own have the statics of the class Promise. */
function isPromise(thenable: object): boolean {
  if (types.isPromise(thenable)) return true;
  const { resolve, reject, all } = (thenable.constructor ?? {}) as unknown as Record<string, unknown>;
  return typeof resolve === 'function' && typeof reject === 'function' && typeof all === 'function';
}

/** Returns false for a thenable that can't be changed. */
function watchThen(thenable: object, fulfilled: (value: unknown) => void, rejected: (error: unknown) => void): boolean {
  if (!Object.isExtensible(thenable)) return false;
  wrapMethod(thenable, 'then', (original) => {
    return function (this: unknown, resolve, reject, ...more) {
      const resolved = (value: unknown): unknown => {
        fulfilled(value);
        return typeof resolve === 'function' ? Reflect.apply(resolve, undefined, [value]) : value;
      };
      const refused = (error: unknown): unknown => {
        rejected(error);
        if (typeof reject === 'function') return Reflect.apply(reject, undefined, [error]);
        throw error;
      };
      return original.call(this, resolved, refused, ...more);
    };
  });
  return true;
}
