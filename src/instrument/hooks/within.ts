/**
 * Tells calls of the application from those that a library makes in turn, so that each is counted
 * once: an observed call runs `within`, and hooks that are called meanwhile leave the call alone.
 *
 * It covers the synchronous part of a call. What a library calls after an `await` can't be told
 * from calls of others.
 */
export class Within {
  #active = false;

  /** True while a call runs. */
  get active(): boolean {
    return this.#active;
  }

  /** Makes a call; `active` is true until it returns or throws. */
  run<R>(call: () => R): R {
    const outer = this.#active;
    this.#active = true;
    try {
      return call();
    } finally {
      this.#active = outer;
    }
  }
}
