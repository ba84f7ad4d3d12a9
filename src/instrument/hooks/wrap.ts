import { hookFailed } from './guard.ts';
import type { AnyMethod, Method } from './method.ts';

/**
 * Replaces a method of an object by the function that `make` returns, which has to call the
 * original. Name, length and properties stay. Does nothing if the object has no such method.
 *
 * Costs about a microsecond, and some 20 ns in each call: wrap an instance or a shared prototype
 * once, not what each call returns.
 *
 * @returns a function that restores the method. If other code has wrapped the wrapper meanwhile,
 *   the wrapper stays in place and only hands calls on.
 */
export function wrapMethod<F extends AnyMethod = Method>(
  object: object,
  name: PropertyKey,
  make: (original: F) => F,
): () => void {
  const descriptor = Object.getOwnPropertyDescriptor(object, name);
  const original = (object as Record<PropertyKey, unknown>)[name] as F;
  if (typeof original !== 'function') return () => {};
  const made = make(original);
  let on = true;
  // Hot path: hands the arguments on without a copy.
  const wrapper = function (this: unknown): unknown {
    return Reflect.apply(on ? made : original, this as never, arguments as never);
  };
  copyProperties(original, wrapper);
  Object.defineProperty(object, name, {
    value: wrapper,
    writable: true,
    configurable: true,
    enumerable: descriptor?.enumerable ?? false,
  });
  return () => {
    on = false;
    if (Object.getOwnPropertyDescriptor(object, name)?.value !== wrapper) return;
    if (descriptor) Object.defineProperty(object, name, descriptor);
    else Reflect.deleteProperty(object, name);
  };
}

/**
 * Copies a function's own properties, but for `arguments` and `caller`: native functions have them,
 * and reading them walks the stack, which takes longer than all else here.
 */
function copyProperties(from: object, to: object): void {
  for (const key of Reflect.ownKeys(from)) {
    if (key === 'arguments' || key === 'caller') continue;
    Object.defineProperty(to, key, Object.getOwnPropertyDescriptor(from, key)!);
  }
}

/**
 * Has a method tell what it is called with, before it runs. What `tell` throws is swallowed.
 *
 * @returns a function that restores the method.
 */
export function before(object: object, name: PropertyKey, tell: (...args: unknown[]) => void): () => void {
  return wrapMethod(object, name, (original) => {
    return function (this: unknown, ...args) {
      try {
        tell(...args);
      } catch (error) {
        hookFailed(error);
      }
      return Reflect.apply(original, this, args);
    };
  });
}

/**
 * Has a method tell what it returned, its arguments and its `this`. A promise is told as such: see
 * `observeMethod` for its outcome. What `tell` throws is swallowed.
 *
 * @returns a function that restores the method.
 */
export function after(
  object: object,
  name: PropertyKey,
  tell: (result: unknown, args: readonly unknown[], self: unknown) => void,
): () => void {
  return wrapMethod(object, name, (original) => {
    return function (this: unknown, ...args) {
      const result = Reflect.apply(original, this, args);
      try {
        tell(result, args, this);
      } catch (error) {
        hookFailed(error);
      }
      return result;
    };
  });
}
