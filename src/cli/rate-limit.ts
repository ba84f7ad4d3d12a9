/** A token bucket: each request takes one token, and time refills it. */
export class RateLimit {
  readonly #now: () => number;
  #tokens: number | undefined;
  #at: number;

  /** @param now a monotonic clock in milliseconds */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#at = now();
  }

  /** Takes a token. Returns false if there is none. */
  admits({ intervalMs, burst }: { readonly intervalMs: number; readonly burst: number }): boolean {
    const now = this.#now();
    const tokens = Math.min(burst, (this.#tokens ?? burst) + (now - this.#at) / intervalMs);
    this.#at = now;
    this.#tokens = tokens >= 1 ? tokens - 1 : tokens;
    return tokens >= 1;
  }
}
