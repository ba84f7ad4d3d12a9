import { performance } from 'node:perf_hooks';
import { attempt } from '../hooks/guard.ts';
import type { JobSeries } from './job-series.ts';
import type { JobOutcome } from './outcome.ts';

/** A run of a job, from its start to its one outcome. */
export class JobRun {
  readonly #series: JobSeries;
  readonly #startedAt: number = performance.now();
  #ended = false;

  /** @internal */
  constructor(series: JobSeries) {
    this.#series = series;
  }

  /** Ends the run; the first call decides. Never throws. */
  end(outcome: JobOutcome): void {
    if (this.#ended) return;
    this.#ended = true;
    attempt(() => this.#series.finished(outcome, (performance.now() - this.#startedAt) / 1000));
  }

  /** Ends the run without an outcome: the queue has given the job to another, which counts one. */
  leave(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#series.left();
  }
}
