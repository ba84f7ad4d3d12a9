import { observeCall } from '../../../instrument/hooks/observe.ts';
import { wrapMethod } from '../../../instrument/hooks/wrap.ts';
import type { JobRecorder } from '../../../instrument/job/recorder.ts';
import { redisPlace } from '../../../instrument/job/redis-place.ts';
import { type AddedJob, Arrivals, type Lookups, type NewJob } from './arrivals.ts';

/** The part of a `Queue` that is used, any 5.x or 6.x. */
export interface BullmqQueue {
  readonly name: string;
  add(name: never, data: never, options?: never): Promise<object>;
  addBulk(jobs: never[]): Promise<object[]>;
  getJobCounts(...states: never[]): Promise<{ [state: string]: number }>;
}

/** The part of a `FlowProducer` that is used, any 5.x or 6.x. */
export interface BullmqFlowProducer {
  add(flow: never, options?: never): Promise<object>;
  addBulk(flows: never[]): Promise<object[]>;
  getFlow(options: never): Promise<object>;
}

/** The options of queues, workers and flows. */
interface WithOptions {
  readonly opts?: { readonly prefix?: string | undefined; readonly connection?: unknown };
}

interface FlowJob extends AddedJob {
  readonly queueName: string;
  /** The prefix and the name. */
  readonly queueQualifiedName?: string;
}

interface AddedFlow {
  readonly job: FlowJob;
  readonly children?: readonly AddedFlow[];
}

type Method = (...args: unknown[]) => Promise<unknown>;

const DEFAULT_PREFIX = 'bull';

/** Returns the label of a queue. @param prefix @default the one that the target was made with */
export function labelOf(target: object, name: string, recorder: JobRecorder, prefix?: string): string {
  const { opts } = target as WithOptions;
  return recorder.queueName(
    name,
    redisPlace(prefix ?? opts?.prefix ?? DEFAULT_PREFIX, DEFAULT_PREFIX, opts?.connection),
  );
}

/** Counts what `add` and `addBulk` put into a queue, and shows its size. */
export function observeQueue(
  queue: BullmqQueue,
  recorder: JobRecorder,
  label: string = labelOf(queue, queue.name, recorder),
): () => void {
  const arrivals = new Arrivals(queue as Lookups, (job) => recorder.enqueued(label, job.name));
  const unwatch = recorder.watchQueue(label, () => queue.getJobCounts());
  const removers = [
    wrapMethod(queue, 'add', (add: Method): Method => {
      return function (this: unknown, ...args) {
        const [name, , opts] = args as [string, unknown, NewJob['opts']];
        const arrival = arrivals.expect([{ name, opts }]);
        return observeCall(
          () => add.apply(this, args),
          (outcome) => arrival(outcome.failed ? undefined : [outcome.result as AddedJob]),
        );
      };
    }),
    wrapMethod(queue, 'addBulk', (addBulk: Method): Method => {
      return function (this: unknown, ...args) {
        const arrival = arrivals.expect(args[0] as readonly NewJob[]);
        return observeCall(
          () => addBulk.apply(this, args),
          (outcome) => arrival(outcome.failed ? undefined : (outcome.result as AddedJob[])),
        );
      };
    }),
    wrapMethod(queue as { close?: unknown }, 'close', (close: Method): Method => {
      return function (this: unknown, ...args) {
        unwatch();
        return close.apply(this, args);
      };
    }),
    unwatch,
  ];
  return () => {
    for (const remove of removers) remove();
  };
}

/** Counts the jobs of each flow: BullMQ adds all of them, or none. */
export function observeFlows(producer: BullmqFlowProducer, recorder: JobRecorder): () => void {
  const count = ({ job, children = [] }: AddedFlow): void => {
    const { queueName, queueQualifiedName } = job;
    const prefix = queueQualifiedName?.endsWith(`:${queueName}`)
      ? queueQualifiedName.slice(0, -queueName.length - 1)
      : undefined;
    recorder.enqueued(labelOf(producer, queueName, recorder, prefix), job.name);
    for (const child of children) count(child);
  };
  const observe = (method: Method): Method => {
    return function (this: unknown, ...args) {
      return observeCall(
        () => method.apply(this, args),
        (outcome) => {
          if (outcome.failed) return;
          for (const flow of [outcome.result].flat() as AddedFlow[]) count(flow);
        },
      );
    };
  };
  const removers = [wrapMethod(producer, 'add', observe), wrapMethod(producer, 'addBulk', observe)];
  return () => {
    for (const remove of removers) remove();
  };
}
