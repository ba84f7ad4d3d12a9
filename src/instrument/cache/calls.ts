import { hookFailed } from '../hooks/guard.ts';
import { wrapMethod } from '../hooks/wrap.ts';

type AnyFunction = (this: unknown, ...args: unknown[]) => unknown;

/** Is told how a call ended. */
export interface CallObserver {
  ended(result: unknown, seconds: number): void;
  failed(error: unknown, seconds: number): void;
  /** Told last, also where other calls stand for it. */
  done?(): void;
}

/** How the calls of a method are observed. */
export interface CacheMethod {
  /**
   * It may work by means of the cache's other methods: those count then, and it does not. Else it
   * counts, and they don't.
   */
  readonly composite: boolean;
  /** Who observes a call that begins. It may replace arguments. */
  begin(args: unknown[]): CallObserver;
}

/** A call that has begun. */
class Call {
  readonly composite: boolean;
  readonly #observer: CallObserver;
  readonly #start: number = performance.now();
  /** It has called another method of the same cache. */
  nested: boolean = false;

  constructor({ composite }: CacheMethod, observer: CallObserver) {
    this.composite = composite;
    this.#observer = observer;
  }

  ended(result: unknown): void {
    this.#end(() => this.#observer.ended(result, (performance.now() - this.#start) / 1000));
  }

  failed(error: unknown): void {
    this.#end(() => this.#observer.failed(error, (performance.now() - this.#start) / 1000));
  }

  #end(tell: () => void): void {
    try {
      if (!this.composite || !this.nested) tell();
      this.#observer.done?.();
    } catch (error) {
      hookFailed(error);
    }
  }
}

/** The calls of one cache's methods, so that what one does by means of others counts once. */
export class CacheCalls {
  /**
   * The call whose own code runs. What it calls at once is part of it; what it calls later can't be
   * told from others' calls.
   */
  #current: Call | undefined;

  /** Observes a method of the cache, where it has one of that name. Returns what restores it. */
  observe(target: object, name: string, method: CacheMethod): () => void {
    return wrapMethod(target as Record<string, unknown>, name, (original: AnyFunction): AnyFunction => {
      const run = (self: unknown, args: unknown[]): unknown => this.#run(self, original, args, method);
      return function (this: unknown, ...args: unknown[]): unknown {
        return run(this, args);
      };
    });
  }

  /** Runs what a method was given to call: what that asks of the cache is no part of the method. */
  apart<R>(run: () => R): R {
    const outer = this.#current;
    this.#current = undefined;
    try {
      return run();
    } finally {
      this.#current = outer;
    }
  }

  #run(self: unknown, original: AnyFunction, args: unknown[], method: CacheMethod): unknown {
    const outer = this.#current;
    if (outer !== undefined) {
      outer.nested = true;
      if (!outer.composite) return original.apply(self, args);
    }
    const call = new Call(method, method.begin(args));
    let result: unknown;
    this.#current = call;
    try {
      result = original.apply(self, args);
    } catch (error) {
      call.failed(error);
      throw error;
    } finally {
      this.#current = outer;
    }
    if (!isThenable(result)) {
      call.ended(result);
      return result;
    }
    // The caller gets the promise that tells us: with two of them, an unhandled rejection would be
    // handled.
    return result.then(
      (value) => {
        call.ended(value);
        return value;
      },
      (error: unknown) => {
        call.failed(error);
        throw error;
      },
    );
  }
}

function isThenable(result: unknown): result is PromiseLike<unknown> {
  return typeof result === 'object' && result !== null && typeof (result as { then?: unknown }).then === 'function';
}
