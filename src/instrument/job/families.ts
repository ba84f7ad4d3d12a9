import { Counter } from '../../core/counter.ts';
import { Gauge } from '../../core/gauge.ts';
import { Histogram } from '../../core/histogram.ts';
import type { Registry } from '../../core/registry.ts';

/** Upper bounds for runs and waits, in seconds: 10 ms to 12 hours. */
export const JOB_BUCKETS: readonly number[] = [
  0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 14_400, 43_200,
];

/**
 * Higher than the default, since queues, jobs and outcomes multiply. The recorder bounds the names.
 */
const MAX_SERIES = 10_000;

/** Hides sizes that could not be read for so long: an old number would look like a current one. */
const STALE_SECONDS = 60;

/** Options for `defineJobFamilies`. */
export interface JobFamilyOptions {
  readonly registry: Registry;
  /** Prefix of every family, without the underscore that follows it. @default '' */
  readonly namespace?: string | undefined;
  /** Called before a scrape, to read the queues. @default nothing is read */
  readonly readQueues?: (() => Promise<void>) | undefined;
}

/** The families of background jobs. */
export interface JobFamilies {
  readonly enqueued: Counter<'queue' | 'job_name'>;
  readonly started: Counter<'queue' | 'job_name'>;
  readonly finished: Counter<'queue' | 'job_name' | 'outcome'>;
  readonly duration: Histogram<'queue' | 'job_name' | 'outcome'>;
  readonly wait: Histogram<'queue' | 'job_name'>;
  readonly running: Gauge<'queue' | 'job_name'>;
  readonly queueSize: Gauge<'queue' | 'state'>;
  readonly workers: Gauge<'queue'>;
  readonly lastSuccess: Gauge<'queue' | 'job_name'>;
}

/**
 * Defines the families of background jobs.
 * @throws MetricsError ERR_METRICS_DUPLICATE_NAME if the registry has another family of that name.
 */
export function defineJobFamilies({ registry, namespace = '', readQueues }: JobFamilyOptions): JobFamilies {
  const prefix = namespace === '' ? 'job_' : `${namespace}_job_`;
  const common = <L extends string>(name: string, help: string, labelNames: readonly L[]) => ({
    name: prefix + name,
    help,
    labelNames,
    registry,
    maxSeries: MAX_SERIES,
  });
  const seconds = { unit: 'seconds', buckets: [...JOB_BUCKETS] };
  return {
    enqueued: new Counter(common('enqueued', 'Jobs that this application put into a queue.', ['queue', 'job_name'])),
    started: new Counter(common('started', 'Runs of jobs that began.', ['queue', 'job_name'])),
    finished: new Counter(
      common('finished', 'Runs of jobs that ended, each with one outcome.', ['queue', 'job_name', 'outcome']),
    ),
    duration: new Histogram({
      ...common('duration_seconds', 'Time that runs of jobs took.', ['queue', 'job_name', 'outcome']),
      ...seconds,
    }),
    wait: new Histogram({
      ...common('wait_seconds', 'Time that jobs were ready to run and waited for a worker.', ['queue', 'job_name']),
      ...seconds,
    }),
    running: new Gauge(common('running', 'Runs of jobs that are under way.', ['queue', 'job_name'])),
    queueSize: new Gauge({
      ...common('queue_size', 'Jobs in a queue, by state, as the queue itself says.', ['queue', 'state']),
      aggregation: 'mostRecent',
      idleSeconds: STALE_SECONDS,
      ...(readQueues && { collect: readQueues }),
    }),
    workers: new Gauge(common('workers', 'Workers that take jobs from a queue.', ['queue'])),
    lastSuccess: new Gauge({
      ...common('last_success_timestamp_seconds', 'When a run of the job last succeeded.', ['queue', 'job_name']),
      unit: 'seconds',
      aggregation: 'mostRecent',
      liveOnly: false,
    }),
  };
}
