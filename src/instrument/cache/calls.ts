import { attempt } from '../hooks/guard.ts';
import type { Method } from '../hooks/method.ts';
import { observeCall, type Outcome } from '../hooks/observe.ts';
import { wrapMethod } from '../hooks/wrap.ts';

/** Observes one call and receives how it ended. */
export interface CallObserver {
  ended(result: unknown, seconds: number): void;
  failed(error: unknown, seconds: number): void;
  /** Called last, also if other calls are counted in place of this one. */
  done?(): void;
}

/** How the calls of a method are observed. */
export interface CacheMethod {
  /**
   * True if the method may work by calling the cache's other methods: then those count, and it does
   * not. A method that is not composite counts itself, and the calls that it makes do not.
   */
  readonly composite: boolean;
  /** Returns the observer of a call that begins. May replace arguments. */
  begin(args: unknown[]): CallObserver;
}

/** A call whose own code runs. */
interface Call {
  readonly composite: boolean;
  /** It has called another method of the same cache. */
  nested: boolean;
}

/** The calls of one cache's methods. A call that a method makes through another counts once. */
export class CacheCalls {
  /**
   * The call whose own code runs. What it calls at once is part of it; what it calls later can't be
   * told from calls of others.
   */
  #current: Call | undefined;

  /** Observes a method of the cache, if it has one of that name. Returns a function that restores it. */
  observe(target: object, name: string, method: CacheMethod): () => void {
    return wrapMethod(target, name, (original) => {
      const run = (self: unknown, args: unknown[]): unknown => this.#run(self, original, args, method);
      return function (this: unknown, ...args) {
        return run(this, args);
      };
    });
  }

  /** Runs a function that a method was given to call: what it asks of the cache counts by itself. */
  apart<R>(run: () => R): R {
    return this.#within(undefined, run);
  }

  #run(self: unknown, original: Method, args: unknown[], method: CacheMethod): unknown {
    const outer = this.#current;
    if (outer !== undefined) {
      outer.nested = true;
      if (!outer.composite) return Reflect.apply(original, self, args);
    }
    const observer = attempt(() => method.begin(args));
    if (observer === undefined) return Reflect.apply(original, self, args);
    const call: Call = { composite: method.composite, nested: false };
    return observeCall(
      () => this.#within(call, () => Reflect.apply(original, self, args)),
      (outcome) => tell(observer, call, outcome),
    );
  }

  #within<R>(call: Call | undefined, run: () => R): R {
    const outer = this.#current;
    this.#current = call;
    try {
      return run();
    } finally {
      this.#current = outer;
    }
  }
}

function tell(observer: CallObserver, { composite, nested }: Call, outcome: Outcome<unknown>): void {
  if (!composite || !nested) {
    if (outcome.failed) observer.failed(outcome.error, outcome.seconds);
    else observer.ended(outcome.result, outcome.seconds);
  }
  observer.done?.();
}
