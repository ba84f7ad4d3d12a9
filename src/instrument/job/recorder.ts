import { performance } from 'node:perf_hooks';
import type { BoundCounter } from '../../core/counter.ts';
import type { BoundGauge } from '../../core/gauge.ts';
import type { BoundHistogram } from '../../core/bound-histogram.ts';
import type { Registry } from '../../core/registry.ts';
import { hookFailed } from '../hooks/guard.ts';
import { defineJobFamilies, type JobFamilies } from './families.ts';
import { QueueSizes, type ReadQueue } from './queue-sizes.ts';

/** The queue or job past the limit. */
const OVERFLOW = '<overflow>';

/**
 * More jobs than this are no program's, but ids that somebody took for names; what comes later is
 * one of its queue.
 */
const JOB_LIMIT = 1000;

/** How many queues are told apart once there are too many jobs. */
const QUEUE_LIMIT = 200;

/**
 * How a run ended: well; for good; to be run again (it failed, or was put off); because somebody
 * wanted it to stop; or with its process, or the connection that kept it alive.
 */
export type JobOutcome = 'succeeded' | 'failed' | 'retried' | 'cancelled' | 'stalled';

export const JOB_OUTCOMES: readonly JobOutcome[] = ['succeeded', 'failed', 'retried', 'cancelled', 'stalled'];

const recorders: WeakMap<Registry, JobRecorder> = new WeakMap();

/**
 * The recorder of a registry, made when the first asks. The first also decides on the namespace.
 */
export function jobRecorder(registry: Registry, namespace: string): JobRecorder {
  let recorder = recorders.get(registry);
  if (recorder === undefined) recorders.set(registry, (recorder = new JobRecorder(registry, namespace)));
  return recorder;
}

/**
 * Turns what happens to jobs into numbers of one registry: families, labels and semantics. It knows
 * no library.
 */
export class JobRecorder {
  readonly #families: JobFamilies;
  readonly #sizes: QueueSizes;
  readonly #registry: Registry;
  readonly #queues: Map<string, Map<string, JobSeries>> = new Map();
  #jobs = 0;

  constructor(registry: Registry, namespace: string) {
    this.#registry = registry;
    this.#sizes = new QueueSizes(registry);
    this.#families = defineJobFamilies({ registry, namespace, readQueues: () => this.#sizes.read(this.#families) });
  }

  /** Jobs were put into a queue. */
  enqueued(queue: string, job: string, count: number = 1): void {
    if (count > 0) this.#series(queue, job).enqueued(count);
  }

  /**
   * A run begins.
   *
   * @param waitSeconds How long the job had been ready to run. Left out where that is not known;
   *   below zero (clocks differ) is 0.
   */
  started(queue: string, job: string, waitSeconds?: number): JobRun {
    const series = this.#series(queue, job);
    series.started(waitSeconds);
    return new JobRun(series);
  }

  /**
   * A run that another process began, and that ended with it: found by the one who calls this, and
   * nobody else.
   */
  diedElsewhere(queue: string, job: string, outcome: 'stalled' | 'failed' = 'stalled'): void {
    this.#series(queue, job).outcome(outcome).inc();
  }

  /**
   * Ends the runs that a process began which had this one's slot before, and which ended with it:
   * as `stalled`. For queues that tell nobody when that happens. Only what the slot held when this
   * process took it over is looked at, so that calling it again does nothing.
   */
  endRunsOfThePast(queue: string, job?: string): void {
    const { started, finished } = this.#families;
    const ended = new Map<string, string[]>();
    for (const [itsQueue, itsJob, outcome] of finished.family.series() as Iterable<readonly [string, string, string]>) {
      if (itsQueue === queue) ended.set(itsJob, [...(ended.get(itsJob) ?? []), outcome]);
    }
    for (const values of [...started.family.series()]) {
      const [itsQueue, itsJob] = values as [string, string];
      if (itsQueue !== queue || (job !== undefined && itsJob !== job)) continue;
      const series = this.#series(itsQueue, itsJob);
      if (!series.lookAtThePast()) continue;
      let open = started.labels({ queue, job_name: itsJob }).value;
      for (const outcome of ended.get(itsJob) ?? [])
        open -= finished.labels({ queue, job_name: itsJob, outcome }).value;
      if (open > 0) series.outcome('stalled').inc(open);
    }
  }

  /** A worker takes jobs from a queue, until the function that is returned is called. */
  workerUp(queue: string): () => void {
    const workers = this.#families.workers.labels({ queue: this.#queueName(queue) });
    workers.inc();
    let up = true;
    return () => {
      if (up) workers.dec();
      up = false;
    };
  }

  /**
   * Shows how many jobs are in a queue, by state, until the function that is returned is called.
   * `read` asks the queue itself: in one process of a directory only, before scrapes, at most every
   * few seconds.
   */
  watchQueue(queue: string, read: ReadQueue): () => void {
    return this.#sizes.watch(queue, read);
  }

  #series(queue: string, job: string): JobSeries {
    return this.#queues.get(queue)?.get(job) ?? this.#makeSeries(queue, job);
  }

  #makeSeries(queue: string, job: string): JobSeries {
    const full = this.#jobs >= JOB_LIMIT;
    if (full && job !== OVERFLOW) return this.#series(this.#queueName(queue), OVERFLOW);
    let jobs = this.#queues.get(queue);
    if (jobs === undefined) this.#queues.set(queue, (jobs = new Map()));
    const series = new JobSeries(this.#families, this.#registry, queue, job);
    jobs.set(job, series);
    this.#jobs++;
    return series;
  }

  #queueName(queue: string): string {
    return this.#queues.has(queue) || this.#queues.size < QUEUE_LIMIT ? queue : OVERFLOW;
  }
}

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
    try {
      this.#series.finished(outcome, (performance.now() - this.#startedAt) / 1000);
    } catch (error) {
      hookFailed(error);
    }
  }

  /**
   * The run is over here, but somebody else says how it ended: the queue has given the job away.
   */
  leave(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#series.left();
  }
}

/**
 * How a run ended that threw: stopped on purpose, or failed. `retried` where the queue will run it
 * again.
 */
export function outcomeOf(error: unknown, willRunAgain: boolean = false): JobOutcome {
  if (willRunAgain) return 'retried';
  return isAbort(error) ? 'cancelled' : 'failed';
}

function isAbort(error: unknown): boolean {
  return typeof error === 'object' && error !== null && (error as { name?: unknown }).name === 'AbortError';
}

/**
 * The bound series of a job, each made when it is first needed, since a series that exists shows as
 * zero.
 */
class JobSeries {
  readonly #families: JobFamilies;
  readonly #registry: Registry;
  readonly #labels: { readonly queue: string; readonly job_name: string };
  readonly #outcomes: Map<JobOutcome, BoundCounter> = new Map();
  readonly #durations: Map<JobOutcome, BoundHistogram> = new Map();
  #enqueued: BoundCounter | undefined;
  #started: BoundCounter | undefined;
  #running: BoundGauge | undefined;
  #wait: BoundHistogram | undefined;
  #lastSuccess: BoundGauge | undefined;
  #lookedAtThePast = false;

  constructor(families: JobFamilies, registry: Registry, queue: string, job: string) {
    this.#families = families;
    this.#registry = registry;
    this.#labels = { queue, job_name: job };
  }

  enqueued(count: number): void {
    this.#enqueued ??= this.#families.enqueued.labels(this.#labels);
    this.#enqueued.inc(count);
  }

  started(waitSeconds: number | undefined): void {
    // From now on what has not ended is of this process.
    this.#lookedAtThePast = true;
    this.#started ??= this.#families.started.labels(this.#labels);
    this.#running ??= this.#families.running.labels(this.#labels);
    this.#started.inc();
    this.#running.inc();
    if (waitSeconds === undefined || Number.isNaN(waitSeconds)) return;
    this.#wait ??= this.#families.wait.labels(this.#labels);
    this.#wait.observe(Math.max(0, waitSeconds));
  }

  finished(outcome: JobOutcome, seconds: number): void {
    this.#running?.dec();
    this.outcome(outcome).inc();
    let duration = this.#durations.get(outcome);
    if (duration === undefined) {
      duration = this.#families.duration.labels({ ...this.#labels, outcome });
      this.#durations.set(outcome, duration);
    }
    duration.observe(seconds);
    if (outcome !== 'succeeded') return;
    this.#lastSuccess ??= this.#families.lastSuccess.labels(this.#labels);
    this.#lastSuccess.set(this.#registry.clock.now() / 1000);
  }

  left(): void {
    this.#running?.dec();
  }

  /** Whether nobody has looked yet at what the slot's last owner left. */
  lookAtThePast(): boolean {
    const first = !this.#lookedAtThePast;
    this.#lookedAtThePast = true;
    return first;
  }

  outcome(outcome: JobOutcome): BoundCounter {
    let bound = this.#outcomes.get(outcome);
    if (bound === undefined) {
      bound = this.#families.finished.labels({ ...this.#labels, outcome });
      this.#outcomes.set(outcome, bound);
    }
    return bound;
  }
}
