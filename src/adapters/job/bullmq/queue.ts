import { hookFailed } from '../../../instrument/hooks/guard.ts';
import type { JobRecorder } from '../../../instrument/job/recorder.ts';
import { observeCall } from '../../../instrument/hooks/observe.ts';
import { wrapMethod } from '../../../instrument/hooks/wrap.ts';

/** What is used of a `Queue`, any 5.x or 6.x. */
export interface BullmqQueue {
  readonly name: string;
  add(name: never, data: never, options?: never): Promise<object>;
  addBulk(jobs: never[]): Promise<object[]>;
  getJobCounts(...states: never[]): Promise<{ [state: string]: number }>;
}

/** What is used of a `FlowProducer`, any 5.x or 6.x. */
export interface BullmqFlowProducer {
  add(flow: never, options?: never): Promise<object>;
  addBulk(flows: never[]): Promise<object[]>;
  getFlow(options: never): Promise<object>;
}

interface AddedJob {
  readonly id?: string | undefined;
  readonly name: string;
  readonly queueName: string;
}

interface AddedFlow {
  readonly job: AddedJob;
  readonly children?: readonly AddedFlow[];
}

interface AddOptions {
  readonly jobId?: string | undefined;
  readonly repeat?: object | undefined;
  readonly deduplication?: { readonly id: string } | undefined;
  readonly debounce?: { readonly id: string } | undefined;
}

interface NewJob {
  readonly name: string;
  readonly opts?: AddOptions | undefined;
}

/** The part that says whether a job is there; versions differ in what they have. */
interface Lookups {
  getJob?(id: string): Promise<object | undefined>;
  getDeduplicationJobId?(id: string): Promise<string | null>;
  getDebounceJobId?(id: string): Promise<string | null>;
}

type Method = (...args: unknown[]) => Promise<unknown>;

/** Counts what a queue's `add` and `addBulk` add to it, and shows its size. */
export function observeQueue(queue: BullmqQueue, recorder: JobRecorder): () => void {
  const arrivals = new Arrivals(queue, recorder);
  const unwatch = recorder.watchQueue(queue.name, () => queue.getJobCounts());
  const removers = [
    wrapMethod(queue, 'add', (add: Method): Method => {
      return function (this: unknown, ...args) {
        const [name, , opts] = args as [string, unknown, AddOptions | undefined];
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
  const count = (flow: AddedFlow): void => {
    recorder.enqueued(flow.job.queueName, flow.job.name);
    for (const child of flow.children ?? []) count(child);
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

/** Jobs on their way into the queue. */
class Arrivals {
  readonly #queue: BullmqQueue & Lookups;
  readonly #recorder: JobRecorder;
  /** Ids of jobs that are being added. */
  readonly #ids: Set<string> = new Set();

  constructor(queue: BullmqQueue & Lookups, recorder: JobRecorder) {
    this.#queue = queue;
    this.#recorder = recorder;
  }

  /**
   * Called before jobs are added; what it returns is to be called with the jobs when they were, or
   * with nothing.
   */
  expect(jobs: readonly NewJob[]): (added: readonly AddedJob[] | undefined) => void {
    try {
      const looks = jobs.map((job) => this.#look(job));
      return (added) => {
        for (const [i, job] of (added ?? []).entries()) {
          const isNew = looks[i]!.isNew(job);
          if (isNew === true) this.#count(job);
          else if (isNew) void isNew.then((yes) => yes && this.#count(job)).catch(hookFailed);
        }
        for (const { id } of looks) if (id !== undefined) this.#ids.delete(id);
      };
    } catch (error) {
      hookFailed(error); // what is no list of jobs is refused by BullMQ itself
      return () => {};
    }
  }

  #count(job: AddedJob): void {
    this.#recorder.enqueued(this.#queue.name, job.name);
  }

  /**
   * Adding a job whose id, or whose deduplication's, is there gives a job back as if it had been
   * added. So the queue is asked for these, on the connection that then adds, in this order and
   * without waiting. Two processes that add the same id within the same moment can both be told
   * that it is not there.
   */
  #look({ opts = {} }: NewJob): Look {
    // Their jobs count when their time has come: see bullmq-worker.ts.
    if (opts.repeat) return NEVER;
    const deduplication = (opts.deduplication ?? opts.debounce)?.id;
    const id = deduplication === undefined ? opts.jobId : `deduplication ${deduplication}`;
    if (id === undefined) return ALWAYS;
    if (this.#ids.has(id)) return NEVER;
    this.#ids.add(id);
    if (deduplication !== undefined) {
      const held = (this.#queue.getDeduplicationJobId ?? this.#queue.getDebounceJobId)?.call(
        this.#queue,
        deduplication,
      );
      if (!held) return ALWAYS;
      // Another may take its place (`replace`): then the id is a new one.
      const known = held.catch(() => null);
      return { id, isNew: async (job) => (await known) !== job.id };
    }
    const there = this.#queue.getJob?.(id).catch(() => undefined);
    return there ? { id, isNew: async () => (await there) === undefined } : ALWAYS;
  }
}

/** What was found out about a job before it was added. */
interface Look {
  /** Under which it is on its way. */
  readonly id: string | undefined;
  isNew(added: AddedJob): boolean | Promise<boolean>;
}

const ALWAYS: Look = { id: undefined, isNew: () => true };
const NEVER: Look = { id: undefined, isNew: () => false };
