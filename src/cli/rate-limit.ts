/** A bucket of tokens, one for each request, that fills up with time. */
export class RateLimit {
  readonly #now: () => number;
  #tokens: number | undefined;
  #at: number;

  /** @param now a monotonic clock in milliseconds */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#at = now();
  }

  /** Whether there is a token, which is then taken. */
  admits({ intervalMs, burst }: { readonly intervalMs: number; readonly burst: number }): boolean {
    const now = this.#now();
    const tokens = Math.min(burst, (this.#tokens ?? burst) + (now - this.#at) / intervalMs);
    this.#at = now;
    this.#tokens = tokens >= 1 ? tokens - 1 : tokens;
    return tokens >= 1;
  }
}
