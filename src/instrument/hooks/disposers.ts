import { attempt } from './guard.ts';

/** Returns a function that runs `run` when it is first called, and does nothing later. */
export function once(run: () => void): () => void {
  let pending = true;
  return () => {
    if (!pending) return;
    pending = false;
    run();
  };
}

/**
 * A stack of functions that undo something. They run once, the last added first; one that throws
 * does not keep the others from running.
 */
export class Disposers {
  readonly #stack: (() => unknown)[] = [];
  #disposed = false;

  /** Adds functions. After `dispose` they run at once, since nobody would call them. */
  add(...disposers: readonly (() => unknown)[]): void {
    this.#stack.push(...disposers);
    if (this.#disposed) this.#run();
  }

  /** Runs all of them. Bound, so that it can be returned as it is. */
  readonly dispose: () => void = () => {
    this.#disposed = true;
    this.#run();
  };

  #run(): void {
    for (let next = this.#stack.pop(); next !== undefined; next = this.#stack.pop()) attempt(next);
  }
}
