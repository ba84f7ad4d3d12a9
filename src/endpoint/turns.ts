import { setImmediate as nextTurn } from 'node:timers/promises';

/**
 * Hands out the turns of the event loop one at a time, so that many pages rendered at once hold it no longer than one:
 * whoever has awaited `next()` does one short step, and the step after it belongs to somebody else.
 */
export class Turns {
  #last: Promise<void> = Promise.resolve();

  next(): Promise<void> {
    this.#last = this.#last.then(() => nextTurn());
    return this.#last;
  }
}
