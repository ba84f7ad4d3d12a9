import { Disposers } from './disposers.ts';
import { attempt } from './guard.ts';
import type { Method } from './method.ts';
import { wrapMethod } from './wrap.ts';

/** By object: the function that takes its hooks off. */
const hooked: WeakMap<object, () => void> = new WeakMap();

/**
 * The hooks that instrumenting one target has put on objects: for a pool on its connections, for a
 * module on everything that its classes make. An object has hooks of one set at a time.
 */
export class HookSet {
  readonly #removers: Set<() => void> = new Set();

  /** True if an object has hooks of any set. */
  static has(target: object): boolean {
    return hooked.has(target);
  }

  /**
   * Puts hooks on an object, after taking off those that it has.
   *
   * @param hook Puts them on, and returns functions that take them off.
   * @returns a function that forgets them, to be called when the object has come to its end.
   */
  put(target: object, hook: () => readonly (() => unknown)[]): () => void {
    hooked.get(target)?.();
    const disposers = new Disposers();
    disposers.add(...hook());
    const remove = (): void => {
      disposers.dispose();
      this.#removers.delete(remove);
      if (hooked.get(target) === remove) hooked.delete(target);
    };
    this.#removers.add(remove);
    hooked.set(target, remove);
    return () => this.#removers.delete(remove);
  }

  /**
   * Watches methods of a class for objects that have no hooks yet: `adopt` puts them on when a
   * method is first called, and that call then goes through them. Objects with hooks of their own
   * keep them.
   *
   * @param core Returns the part of an instance that gets the hooks, if the instance wraps another
   *   object. @default the instance
   */
  discover<T extends object, C extends object = T>(
    prototype: T,
    names: readonly string[],
    adopt: (core: C) => void,
    core: (instance: T) => C = (instance) => instance as unknown as C,
  ): void {
    for (const name of names) {
      const restore = wrapMethod(prototype, name, (original) => {
        return function (this: unknown, ...args) {
          const target = core(this as T);
          if (hooked.has(target)) return Reflect.apply(original, this, args);
          attempt(() => adopt(target));
          const own = hooked.has(target) && (target as unknown) === this;
          return Reflect.apply(own ? (this as Record<string, Method>)[name]! : original, this, args);
        };
      });
      this.add(restore);
    }
  }

  /** Adds a function that takes a hook off. */
  add(restore: () => void): void {
    this.#removers.add(restore);
  }

  /** Takes all of them off. */
  remove(): void {
    for (const remove of this.#removers) remove();
    this.#removers.clear();
  }
}
