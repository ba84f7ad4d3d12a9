import { MetricsError } from '../../../errors.ts';
import { attach, type InstrumentOptions } from '../../../instrument/hooks/attach.ts';
import { JobRecorder } from '../../../instrument/job/recorder.ts';
import { type BullmqFlowProducer, type BullmqQueue, observeFlows, observeQueue } from './queue.ts';
import { type BullmqWorker, observeWorker } from './worker.ts';

export { uninstrument } from '../../../instrument/hooks/attach.ts';
export type { InstrumentOptions } from '../../../instrument/hooks/attach.ts';
export type { BullmqFlowProducer, BullmqQueue } from './queue.ts';
export type { BullmqWorker } from './worker.ts';

/** Options for `instrumentBullmq`. */
export interface InstrumentBullmqOptions extends InstrumentOptions {
  /**
   * The label `queue` for a `Queue` or a `Worker`; give both the same. Not used for flows.
   *
   * @default the queue's name; with its prefix or database where another queue of that name is
   *   measured too
   */
  readonly queue?: string | undefined;
}

/**
 * Measures a queue of BullMQ 5 or 6. Hand over each `Queue` (counts what is enqueued, and shows the
 * queue's size), `Worker` (counts runs) and `FlowProducer`.
 *
 *     const queue = instrumentBullmq(new Queue('mail', { connection }));
 *     const worker = instrumentBullmq(new Worker('mail', send, { connection }));
 *
 * `uninstrument` undoes it.
 *
 * @returns the target.
 * @throws MetricsError ERR_METRICS_INVALID_OPTION if the target is none of these.
 */
export function instrumentBullmq<T extends BullmqQueue | BullmqWorker | BullmqFlowProducer>(
  target: T,
  options: InstrumentBullmqOptions = {},
): T {
  const kind = kindOf(target);
  return attach(target, 'bullmq', options, (instrumentation) => {
    const recorder = JobRecorder.of(instrumentation);
    if (kind === 'queue') return observeQueue(target as BullmqQueue, recorder, options.queue);
    if (kind === 'flows') return observeFlows(target as BullmqFlowProducer, recorder);
    return observeWorker(target as BullmqWorker, recorder, options.queue);
  });
}

/** `QueueEvents` has `run`, too, and a sandbox's job has a queue: so each is told by what it does. */
function kindOf(target: object): 'queue' | 'flows' | 'worker' {
  const has = (...methods: readonly string[]): boolean =>
    methods.every((method) => typeof (target as Record<string, unknown> | null)?.[method] === 'function');
  if (has('add', 'addBulk', 'getJobCounts')) return 'queue';
  if (has('add', 'addBulk', 'getFlow')) return 'flows';
  if (has('run', 'getNextJob', 'isRunning', 'prependListener')) return 'worker';
  const given = (target as object | null | undefined)?.constructor?.name ?? typeof target;
  throw new MetricsError(
    'ERR_METRICS_INVALID_OPTION',
    `instrumentBullmq() can't measure a ${given}: hand over a Queue, a Worker or a FlowProducer of BullMQ.`,
  );
}
