import { attach, type InstrumentOptions } from '../../../instrument/hooks/attach.ts';
import { attempt } from '../../../instrument/hooks/guard.ts';
import type { JobOutcome } from '../../../instrument/job/outcome.ts';
import { JobRecorder } from '../../../instrument/job/recorder.ts';
import type { ReadQueue } from '../../../instrument/job/queue-sizes.ts';

/** Records what happens in a queue that the application implements. No method throws. */
export interface JobQueueMeter {
  /** Jobs were put into the queue. @param count How many. @default 1 */
  enqueued(job: string, count?: number): void;
  /**
   * A run begins.
   * @param waitSeconds For how long the job had been ready to run; left out where that is not
   *   known.
   */
  started(job: string, waitSeconds?: number): StartedRun;
  /** A worker takes jobs, until the function that is returned is called. */
  worker(): () => void;
  /**
   * Shows how many jobs the queue has by state, until the function that is returned is called.
   * `read` is asked in one of the processes that share a directory only, before scrapes, at most
   * every few seconds.
   */
  watch(read: ReadQueue): () => void;
}

/** A run that has begun. */
export interface StartedRun {
  /** Ends it; the first call decides. */
  end(outcome: JobOutcome): void;
}

const NO_RUN: StartedRun = { end: () => {} };

/** A worker or a watched queue. It may have begun before metrics were turned on. */
interface Lasting {
  readonly begin: (recorder: JobRecorder) => () => void;
  end: (() => void) | undefined;
}

/**
 * Measures a queue of your own: call its methods for what happens. Runs that end with their process
 * are counted as `stalled` when another process takes that one's place in the metrics directory and
 * measures the queue.
 *
 *     const meter = measureJobQueue('mail');
 *     meter.enqueued('welcome');
 *     const run = meter.started('welcome');
 *     run.end('succeeded');
 *
 * @param queue The label `queue`.
 */
export function measureJobQueue(queue: string, options: InstrumentOptions = {}): JobQueueMeter {
  let recorder: JobRecorder | undefined;
  const lasting: Set<Lasting> = new Set();

  function last(begin: Lasting['begin']): () => void {
    const one: Lasting = { begin, end: undefined };
    lasting.add(one);
    attempt(() => (one.end = recorder && begin(recorder)));
    return () => {
      if (lasting.delete(one)) attempt(() => one.end?.());
    };
  }

  const meter: JobQueueMeter = {
    enqueued: (job, count) => attempt(() => recorder?.enqueued(queue, job, count)),
    started: (job, waitSeconds) => attempt(() => recorder?.started(queue, job, waitSeconds)) ?? NO_RUN,
    worker: () => last((on) => on.workerUp(queue)),
    watch: (read) => last((on) => on.watchQueue(queue, read)),
  };
  return attach(meter, 'job', options, (instrumentation) => {
    const on = JobRecorder.of(instrumentation);
    recorder = on;
    on.endRunsOfThePast(queue);
    for (const one of lasting) one.end = one.begin(on);
    return () => {
      recorder = undefined;
      for (const one of lasting) one.end?.();
    };
  });
}
