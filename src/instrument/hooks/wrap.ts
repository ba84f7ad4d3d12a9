import { hookFailed } from './guard.ts';

type Method = (this: unknown, ...args: never[]) => unknown;

/**
 * Replaces a method of an object by what `make` makes of it, which has to call it. Name, length and
 * properties stay.
 *
 * @returns what restores it. Where somebody else has wrapped the wrapper meanwhile it stays, and
 *   only hands calls on.
 */
export function wrapMethod<K extends PropertyKey, F extends Method>(
  object: { [key in K]?: unknown },
  name: K,
  make: (original: F) => F,
): () => void {
  const before = Object.getOwnPropertyDescriptor(object, name);
  const original = object[name] as F;
  if (typeof original !== 'function') return () => {};
  const made = make(original);
  let on = true;
  // Handed on without a copy of the arguments, since hot paths come by here.
  const wrapper = function (this: unknown): unknown {
    return Reflect.apply(on ? made : original, this, arguments);
  };
  Object.defineProperties(wrapper, Object.getOwnPropertyDescriptors(original));
  Object.defineProperty(object, name, {
    value: wrapper,
    writable: true,
    configurable: true,
    enumerable: before?.enumerable ?? false,
  });
  return () => {
    on = false;
    if (Object.getOwnPropertyDescriptor(object, name)?.value !== wrapper) return;
    if (before) Object.defineProperty(object, name, before);
    else delete object[name];
  };
}

/** How a call ended. */
export type Outcome<R> =
  | { readonly failed: false; readonly result: R; readonly seconds: number }
  | { readonly failed: true; readonly error: unknown; readonly seconds: number };

/**
 * Makes a call that throws, returns a value or a promise, and tells `done` once how it ended. A
 * promise comes back as one that settles alike: nobody's unhandled rejection is swallowed, as it
 * would be if the same promise were returned. Thenables that are no promises (lazy queries) come
 * back untouched and are `done` when called: observe what executes them instead.
 */
export function observeCall<R>(call: () => R, done: (outcome: Outcome<Awaited<R>>) => void): R {
  const start = performance.now();
  const end = (outcome: Outcome<Awaited<R>>): void => {
    try {
      done(outcome);
    } catch (error) {
      hookFailed(error);
    }
  };
  const seconds = (): number => (performance.now() - start) / 1000;
  let result: R;
  try {
    result = call();
  } catch (error) {
    end({ failed: true, error, seconds: seconds() });
    throw error;
  }
  if (result instanceof Promise) {
    return result.then(
      (value: Awaited<R>) => {
        end({ failed: false, result: value, seconds: seconds() });
        return value;
      },
      (error: unknown) => {
        end({ failed: true, error, seconds: seconds() });
        throw error;
      },
    ) as R;
  }
  end({ failed: false, result: result as Awaited<R>, seconds: seconds() });
  return result;
}
