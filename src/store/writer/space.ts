/** After a failure nothing is tried for so many times as long as it took: so that asking takes a small part of the time. */
const REST_FACTOR = 20;
const MAX_REST_MS = 5;

/**
 * Keeps a slot's owner from asking a full file system again and again: while it rests, a call that
 * finds no room costs nanoseconds.
 */
export class Space {
  readonly #directory: string;
  #full = false;
  #restUntil = 0;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** True if something found no space the last time it needed some. */
  get full(): boolean {
    return this.#full;
  }

  /**
   * Runs work that may find no space, unless it found none just before. The application goes on in
   * any case; it is warned once until there is space again.
   *
   * @returns whether the work was done
   */
  attempt(work: () => void): boolean {
    const start = this.#full ? performance.now() : 0;
    if (start < this.#restUntil) return false;
    try {
      work();
      this.#full = false;
      this.#restUntil = 0;
      return true;
    } catch (error) {
      this.#fail(error, start);
      return false;
    }
  }

  #fail(error: unknown, start: number): void {
    const now = performance.now();
    this.#restUntil = now + (start === 0 ? 1 : Math.min((now - start) * REST_FACTOR, MAX_REST_MS));
    if (this.#full) return;
    this.#full = true;
    process.emitWarning(
      `The metrics directory ${this.#directory} takes no more (${(error as NodeJS.ErrnoException).code ?? String(error)}): ` +
        'new series are counted in the overflow series of their families. Make room there.',
      { code: 'WARN_METRICS_STORE_FULL' },
    );
  }
}
