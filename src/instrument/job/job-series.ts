import type { BoundHistogram } from '../../core/bound-histogram.ts';
import type { BoundCounter } from '../../core/counter.ts';
import type { BoundGauge } from '../../core/gauge.ts';
import type { Registry } from '../../core/registry.ts';
import { Handles } from '../recorder-kit/handles.ts';
import type { JobFamilies } from './families.ts';
import type { JobOutcome } from './outcome.ts';

/**
 * Outcomes that show as 0 from the first start of a job on. A series that first appears as 1 has no
 * increase for Prometheus, so that an alert would miss the first failure of every job.
 */
const SHOWN_FROM_THE_START: readonly JobOutcome[] = ['succeeded', 'failed', 'stalled'];

/** The bound series of one job of one queue, made when they are first needed. */
export class JobSeries {
  readonly #families: JobFamilies;
  readonly #registry: Registry;
  readonly #labels: { readonly queue: string; readonly job_name: string };
  readonly #outcomes: Handles<BoundCounter>;
  readonly #durations: Handles<BoundHistogram>;
  #enqueued: BoundCounter | undefined;
  #started: BoundCounter | undefined;
  #running: BoundGauge | undefined;
  #wait: BoundHistogram | undefined;
  #lastSuccess: BoundGauge | undefined;
  #lookedAtThePast = false;

  constructor(families: JobFamilies, registry: Registry, queue: string, job: string) {
    this.#families = families;
    this.#registry = registry;
    const labels = { queue, job_name: job };
    this.#labels = labels;
    this.#outcomes = new Handles((outcome) => families.finished.labels({ ...labels, outcome }));
    this.#durations = new Handles((outcome) => families.duration.labels({ ...labels, outcome }));
  }

  enqueued(count: number): void {
    this.#enqueued ??= this.#families.enqueued.labels(this.#labels);
    this.#enqueued.inc(count);
  }

  /** @param waitSeconds Not observed unless it is a finite number; below 0 is 0. */
  started(waitSeconds: number | undefined): void {
    // From here on, a run that has not ended is one of this process.
    this.#lookedAtThePast = true;
    if (this.#started === undefined) {
      this.showOutcomes();
      this.#started = this.#families.started.labels(this.#labels);
    }
    this.#running ??= this.#families.running.labels(this.#labels);
    this.#started.inc();
    this.#running.inc();
    if (typeof waitSeconds !== 'number' || !Number.isFinite(waitSeconds)) return;
    this.#wait ??= this.#families.wait.labels(this.#labels);
    this.#wait.observe(Math.max(0, waitSeconds));
  }

  finished(outcome: JobOutcome, seconds: number): void {
    this.#running?.dec();
    this.outcome(outcome).inc();
    this.#durations.of(outcome).observe(seconds);
    if (outcome !== 'succeeded') return;
    this.#lastSuccess ??= this.#families.lastSuccess.labels(this.#labels);
    this.#lastSuccess.set(this.#registry.clock.now() / 1000);
  }

  /** A run is no longer under way here, and another process counts its outcome. */
  left(): void {
    this.#running?.dec();
  }

  /** Makes the series that alerts look at, so that they start at 0. */
  showOutcomes(): void {
    for (const outcome of SHOWN_FROM_THE_START) this.outcome(outcome);
  }

  /** True once: if nobody has looked yet at the runs that the slot's last owner left open. */
  lookAtThePast(): boolean {
    const first = !this.#lookedAtThePast;
    this.#lookedAtThePast = true;
    return first;
  }

  /** The counter of runs that ended so. */
  outcome(outcome: JobOutcome): BoundCounter {
    return this.#outcomes.of(outcome);
  }
}
