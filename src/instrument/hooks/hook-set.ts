import { hookFailed } from './guard.ts';
import { wrapMethod } from './wrap.ts';

/** What takes the hooks off an object. */
const hooked: WeakMap<object, () => void> = new WeakMap();

type Method = (this: unknown, ...args: never[]) => unknown;

/**
 * The hooks that one instrumented target has brought about: a pool's on all its connections, a
 * module's on all that its classes make. An object has hooks of one set at a time.
 */
export class HookSet {
  readonly #removers: Set<() => void> = new Set();

  /** Whether an object has hooks, of whatever set. */
  static has(target: object): boolean {
    return hooked.has(target);
  }

  /**
   * Keeps what takes the hooks off an object; those that it had from elsewhere are taken off.
   *
   * @returns what forgets them, for an object that has come to its end.
   */
  put(target: object, hook: () => readonly (() => unknown)[]): () => void {
    hooked.get(target)?.();
    const restores = hook();
    const remove = (): void => {
      for (const restore of restores) restore();
      this.#removers.delete(remove);
      if (hooked.get(target) === remove) hooked.delete(target);
    };
    this.#removers.add(remove);
    hooked.set(target, remove);
    return () => this.#removers.delete(remove);
  }

  /**
   * Watches methods of a class for objects that have no hooks yet: `adopt` puts them on when a
   * method is called, and the call then goes by them. Objects with hooks of their own keep them.
   *
   * @param core What of an instance gets the hooks, where it only wraps it.
   */
  discover<T extends object, C extends object = T>(
    prototype: T,
    names: readonly string[],
    adopt: (core: C) => void,
    core: (instance: T) => C = (instance) => instance as unknown as C,
  ): void {
    const methods = prototype as Record<string, unknown>;
    for (const name of names) {
      const restore = wrapMethod(methods, name, (original: Method): Method => {
        return function (this: unknown, ...args) {
          const target = core(this as T);
          if (hooked.has(target)) return Reflect.apply(original, this, args);
          try {
            adopt(target);
          } catch (error) {
            hookFailed(error);
          }
          const own = hooked.has(target) && (target as unknown) === this;
          return Reflect.apply(own ? (this as Record<string, Method>)[name]! : original, this, args);
        };
      });
      this.#removers.add(restore);
    }
  }

  /** Takes all of them off. */
  remove(): void {
    for (const remove of this.#removers) remove();
    this.#removers.clear();
  }
}
