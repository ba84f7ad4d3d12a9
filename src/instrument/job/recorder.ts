import type { Registry } from '../../core/registry.ts';
import { once } from '../hooks/disposers.ts';
import type { FamilyPlace } from '../recorder-kit/family-group.ts';
import { OVERFLOW } from '../recorder-kit/handles.ts';
import { perRegistry } from '../recorder-kit/per-registry.ts';
import { defineJobFamilies, type JobFamilies } from './families.ts';
import { JobRun } from './job-run.ts';
import { JobSeries } from './job-series.ts';
import { type QueuePlace, QueueNames } from './queue-names.ts';
import { QueueSizes, type ReadQueue } from './queue-sizes.ts';

/**
 * No program has more jobs than this: these are ids that were taken for names. Later ones share the
 * series `<overflow>` of their queue.
 */
const JOB_LIMIT = 1000;

/** How many queues are told apart once there are too many jobs. */
const QUEUE_LIMIT = 200;

/** Turns what happens to jobs into the numbers of one registry. It knows no library. */
export class JobRecorder {
  readonly #families: JobFamilies;
  readonly #sizes: QueueSizes;
  readonly #names: QueueNames;
  readonly #registry: Registry;
  readonly #queues: Map<string, Map<string, JobSeries>> = new Map();
  #jobs = 0;

  /** Returns the one recorder of a registry. The first call makes it, and decides on the namespace. */
  static readonly of: (place: FamilyPlace) => JobRecorder = perRegistry(
    'job',
    (place: FamilyPlace) => new JobRecorder(place),
  );

  private constructor(place: FamilyPlace) {
    const { registry } = place;
    this.#registry = registry;
    this.#sizes = new QueueSizes(registry);
    this.#names = new QueueNames(registry);
    this.#families = defineJobFamilies({ ...place, readQueues: () => this.#sizes.read(this.#families) });
  }

  /**
   * Returns the label for a queue: its name, unless a queue of the same name in another place has
   * taken that. Costs a look-up in a map after the first call.
   */
  queueName(name: string, place: QueuePlace): string {
    return this.#names.labelOf(name, place);
  }

  /** Jobs were put into a queue. @param count Not counted unless it is finite and above 0. */
  enqueued(queue: string, job: string, count: number = 1): void {
    if (count > 0 && count < Infinity) this.#series(queue, job).enqueued(count);
  }

  /**
   * A run begins.
   *
   * @param waitSeconds How long the job had been ready to run. Not observed if it is missing or not
   *   finite; below 0, as clocks differ, is 0.
   */
  started(queue: string, job: string, waitSeconds?: number): JobRun {
    const series = this.#series(queue, job);
    series.started(waitSeconds);
    return new JobRun(series);
  }

  /**
   * A run ended with the process that began it. Only one process may call this for each such run:
   * the one that the queue told.
   */
  diedElsewhere(queue: string, job: string, outcome: 'stalled' | 'failed' = 'stalled'): void {
    const series = this.#series(queue, job);
    series.showOutcomes();
    series.outcome(outcome).inc();
  }

  /**
   * Ends the runs that this slot's last owner left open as `stalled`, for queues that tell nobody
   * when a worker dies. Looks at each job once, before its first run here: a second call is a
   * no-op.
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
      const labels = { queue, job_name: itsJob };
      let open = started.labels(labels).value;
      for (const outcome of ended.get(itsJob) ?? []) open -= finished.labels({ ...labels, outcome }).value;
      if (open > 0) series.outcome('stalled').inc(open);
    }
  }

  /** A worker takes jobs from a queue, until the returned function is called. */
  workerUp(queue: string): () => void {
    const workers = this.#families.workers.labels({ queue: this.#boundedQueue(queue) });
    workers.inc();
    return once(() => workers.dec());
  }

  /**
   * Shows how many jobs are in a queue, by state, until the returned function is called. `read`
   * asks the queue: in one process of a directory only, before scrapes, at most every few seconds.
   */
  watchQueue(queue: string, read: ReadQueue): () => void {
    return this.#sizes.watch(queue, read);
  }

  #series(queue: string, job: string): JobSeries {
    return this.#queues.get(queue)?.get(job) ?? this.#makeSeries(queue, job);
  }

  #makeSeries(queue: string, job: string): JobSeries {
    const full = this.#jobs >= JOB_LIMIT;
    if (full && job !== OVERFLOW) return this.#series(this.#boundedQueue(queue), OVERFLOW);
    let jobs = this.#queues.get(queue);
    if (jobs === undefined) this.#queues.set(queue, (jobs = new Map()));
    const series = new JobSeries(this.#families, this.#registry, queue, job);
    jobs.set(job, series);
    this.#jobs++;
    return series;
  }

  #boundedQueue(queue: string): string {
    return this.#queues.has(queue) || this.#queues.size < QUEUE_LIMIT ? queue : OVERFLOW;
  }
}
