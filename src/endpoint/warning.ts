import { warn } from '../warn.ts';

/**
 * A process warning that is given once until the problem is over, so that frequent scrapes don't
 * fill a log.
 */
export class Warning {
  readonly #code: `WARN_METRICS_${string}`;
  #given = false;

  /** @param code a stable name for filters of warnings, `WARN_METRICS_*`. */
  constructor(code: `WARN_METRICS_${string}`) {
    this.#code = code;
  }

  give(message: string): void {
    if (this.#given) return;
    this.#given = true;
    warn(this.#code, message);
  }

  /** The problem is over: warn again next time. */
  rearm(): void {
    this.#given = false;
  }
}

/** Returns the message of an error, or the type of another thrown value. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : `a thrown ${typeof error}`;
}
