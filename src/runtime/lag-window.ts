/** Event loop lag statistics, in ms. */
export interface LagStatistics {
  /** The lag of the latest timer. */
  readonly latest: number;
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly stddev: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
}

/**
 * By how much a timer that should fire every `everyMs` was late, at each of the last `size` moments
 * at which it was due. Of the moments that pass while the loop is blocked each has its own lag, as
 * whatever had come at that moment would have had to wait: two seconds of standstill weigh as much
 * as they lasted, not as one late timer.
 */
export class LagWindow {
  readonly #everyMs: number;
  readonly #lags: Float64Array;
  /** Number of lags ever written; modulo the size, the index of the next. */
  #written = 0;
  #latest = 0;
  #dueMs: number;

  constructor(everyMs: number, size: number, nowMs: number) {
    this.#everyMs = everyMs;
    this.#lags = new Float64Array(size);
    this.#dueMs = nowMs + everyMs;
  }

  /** Records that the timer fired. It fires next `everyMs` from now. */
  fire(nowMs: number): void {
    // Timers have whole ms, so one can fire slightly early.
    this.#latest = Math.max(0, nowMs - this.#dueMs);
    const passed = Math.min(Math.floor(this.#latest / this.#everyMs), this.#lags.length - 1);
    for (let i = 0; i <= passed; i++) {
      this.#lags[this.#written++ % this.#lags.length] = this.#latest - i * this.#everyMs;
    }
    this.#dueMs = nowMs + this.#everyMs;
  }

  /** Returns the statistics; all 0 before the first measurement. */
  statistics(): LagStatistics {
    const lags = this.#lags.slice(0, Math.min(this.#written, this.#lags.length)).sort();
    const count = lags.length;
    let sum = 0;
    for (const lag of lags) sum += lag;
    const mean = sum / (count || 1);
    let squares = 0;
    for (const lag of lags) squares += (lag - mean) ** 2;
    /** The nearest rank: a lag that was measured, none in between. */
    const quantile = (q: number): number => lags[Math.max(0, Math.ceil(q * count) - 1)] ?? 0;
    return {
      latest: this.#latest,
      min: quantile(0),
      max: quantile(1),
      mean,
      stddev: Math.sqrt(squares / (count || 1)),
      p50: quantile(0.5),
      p90: quantile(0.9),
      p99: quantile(0.99),
    };
  }
}
