/**
 * Looks at the clock in every turn of the event loop, and so knows the longest time for which
 * nothing else could run.
 */
export class LoopWatch {
  #last = performance.now();
  #longestMs = 0;
  #stopped = false;

  constructor() {
    this.#next();
  }

  /** Ends the watch. Returns the longest turn, in milliseconds. */
  stop(): number {
    this.#stopped = true;
    this.#look();
    return this.#longestMs;
  }

  #next(): void {
    setImmediate(() => {
      if (this.#stopped) return;
      this.#look();
      this.#next();
    });
  }

  #look(): void {
    const now = performance.now();
    this.#longestMs = Math.max(this.#longestMs, now - this.#last);
    this.#last = now;
  }
}

/**
 * What some work took, and the longest time for which it held the event loop at a stretch;
 * milliseconds.
 */
export interface Watched {
  readonly ms: number;
  readonly heldMs: number;
}

export async function watched(work: () => Promise<unknown>): Promise<Watched> {
  const watch = new LoopWatch();
  const start = performance.now();
  await work();
  const ms = performance.now() - start;
  return { ms, heldMs: watch.stop() };
}
