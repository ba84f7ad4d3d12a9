import type { Counter } from '../../core/counter.ts';
import type { Gauge } from '../../core/gauge.ts';
import type { Histogram } from '../../core/histogram.ts';
import { FamilyGroup, type FamilyPlace } from '../recorder-kit/family-group.ts';

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
export interface JobFamilyOptions extends FamilyPlace {
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
export function defineJobFamilies({ readQueues, ...place }: JobFamilyOptions): JobFamilies {
  const group = new FamilyGroup(place, 'job', MAX_SERIES);
  const labels = ['queue', 'job_name'] as const;
  const seconds = { unit: 'seconds', buckets: [...JOB_BUCKETS] };
  return {
    enqueued: group.counter('enqueued', 'Jobs that this application put into a queue.', labels),
    started: group.counter('started', 'Runs of jobs that began.', labels),
    finished: group.counter('finished', 'Runs of jobs that ended, each with one outcome.', [...labels, 'outcome']),
    duration: group.histogram('duration_seconds', 'Time that runs of jobs took.', [...labels, 'outcome'], seconds),
    wait: group.histogram('wait_seconds', 'Time that jobs were ready to run and waited for a worker.', labels, seconds),
    running: group.gauge('running', 'Runs of jobs that are under way.', labels),
    queueSize: group.gauge('queue_size', 'Jobs in a queue, by state, as the queue itself says.', ['queue', 'state'], {
      aggregation: 'mostRecent',
      idleSeconds: STALE_SECONDS,
      ...(readQueues && { collect: readQueues }),
    }),
    workers: group.gauge('workers', 'Workers that take jobs from a queue.', ['queue']),
    lastSuccess: group.gauge('last_success_timestamp_seconds', 'When a run of the job last succeeded.', labels, {
      unit: 'seconds',
      aggregation: 'mostRecent',
      liveOnly: false,
    }),
  };
}
