import { attach, type InstrumentOptions } from '../../../instrument/hooks/attach.ts';
import { jobRecorder } from '../../../instrument/job/recorder.ts';
import { type BullmqFlowProducer, type BullmqQueue, observeFlows, observeQueue } from './queue.ts';
import { type BullmqWorker, observeWorker } from './worker.ts';

export { uninstrument } from '../../../instrument/hooks/attach.ts';
export type { InstrumentOptions } from '../../../instrument/hooks/attach.ts';
export type { BullmqFlowProducer, BullmqQueue } from './queue.ts';
export type { BullmqWorker } from './worker.ts';

/**
 * Measures what goes through a queue of BullMQ 5 or 6: hand over each `Queue` (what is enqueued,
 * and the queue's size), `Worker` (runs) and `FlowProducer`.
 *
 *     const queue = instrumentBullmq(new Queue('mail', { connection }));
 *     const worker = instrumentBullmq(new Worker('mail', send, { connection }));
 *
 * `uninstrument` undoes it.
 *
 * @returns what was handed over.
 */
export function instrumentBullmq<T extends BullmqQueue | BullmqWorker | BullmqFlowProducer>(
  target: T,
  options: InstrumentOptions = {},
): T {
  return attach(target, 'bullmq', options, ({ registry, namespace }) => {
    const recorder = jobRecorder(registry, namespace);
    if ('getJobCounts' in target) return observeQueue(target, recorder);
    return 'getFlow' in target ? observeFlows(target, recorder) : observeWorker(target, recorder);
  });
}
