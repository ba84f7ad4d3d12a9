import { warn } from '../warn.ts';

/**
 * A process warning that is given once until the trouble is over, so that a scrape every few
 * seconds doesn't fill a log.
 */
export class Warning {
  readonly #code: `WARN_METRICS_${string}`;
  #given = false;

  /** @param code a stable name for whoever filters warnings, `WARN_METRICS_*`. */
  constructor(code: `WARN_METRICS_${string}`) {
    this.#code = code;
  }

  give(message: string): void {
    if (this.#given) return;
    this.#given = true;
    warn(this.#code, message);
  }

  /** The trouble is over: the next one is worth a warning again. */
  rearm(): void {
    this.#given = false;
  }
}

/** An error's message for a warning; anything else that was thrown, by its type alone. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : `a thrown ${typeof error}`;
}
