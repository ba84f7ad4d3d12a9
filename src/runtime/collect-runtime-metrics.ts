import { isMainThread } from 'node:worker_threads';
import { defaultRegistry } from '../core/default-registry.ts';
import type { LabelSet } from '../core/labels.ts';
import type { Registry } from '../core/registry.ts';
import { collectActiveResources, nameActiveTotals, type TotalNames } from './active-resources.ts';
import { collectEventLoopLag } from './event-loop-lag.ts';
import { collectEventLoopTime } from './event-loop-time.ts';
import { collectGarbageCollection } from './garbage-collection.ts';
import { collectHeapSize } from './heap-size.ts';
import { collectHeapSpaces } from './heap-spaces.ts';
import { collectNodeVersion } from './node-version.ts';
import { collectProcessCpu } from './process-cpu.ts';
import { collectProcessFileDescriptors } from './process-file-descriptors.ts';
import { collectProcessMemory } from './process-memory.ts';
import { collectProcessStartTime } from './process-start-time.ts';
import { type RuntimeCollector, RuntimeFamilies } from './runtime-families.ts';

/** Values of the whole process: only the main thread reports them. */
const PROCESS: readonly RuntimeCollector[] = [
  collectProcessCpu,
  collectProcessStartTime,
  collectProcessMemory,
  collectProcessFileDescriptors,
];

/** Values of each thread. */
const THREAD: readonly RuntimeCollector[] = [
  collectEventLoopLag,
  collectEventLoopTime,
  collectActiveResources,
  collectHeapSize,
  collectHeapSpaces,
  collectNodeVersion,
  collectGarbageCollection,
];

/** Options of `collectRuntimeMetrics`. */
export interface RuntimeMetricsOptions {
  /** @default the default registry */
  readonly registry?: Registry;
  /** Put before every family's name. @default '' */
  readonly prefix?: string;
  /** Labels that every series gets. @default none */
  readonly labels?: LabelSet<string>;
  /**
   * Names three gauges as prom-client does, `nodejs_active_handles_total` and its like, for
   * dashboards that ask for them; `promtool check metrics` complains of such names. Else they are
   * `nodejs_active_handles_all_types` and its like.
   * @default false
   */
  readonly promClientNames?: boolean;
}

const known: WeakMap<Registry, RuntimeMetrics> = new WeakMap();

/**
 * Puts the `process_*` and `nodejs_*` families on a registry's page: CPU, memory, file descriptors,
 * event loop, heap, garbage collection. Under the names that prom-client gives them, but for three. They are
 * brought up to date when the page is read; between that, one timer that does not keep the process
 * alive measures the event loop every 100 ms.
 *
 * Idempotent: a registry has these families once, as the first call defined them, until they are
 * unregistered. Returns what stops the timer and the observer once everyone who called has stopped;
 * the families stay, so that no sum over processes falls.
 *
 *     const stop = collectRuntimeMetrics();
 *
 * @throws MetricsError ERR_METRICS_DUPLICATE_NAME where the application has a family of its own by
 *   one of the names; ERR_METRICS_INVALID_NAME or ERR_METRICS_INVALID_LABEL for a prefix or labels
 *   that can't be.
 */
export function collectRuntimeMetrics(options: RuntimeMetricsOptions = {}): () => void {
  const { registry = defaultRegistry, prefix = '', labels = {}, promClientNames = false } = options;
  let metrics = known.get(registry);
  if (!metrics?.areOn(registry)) {
    metrics = new RuntimeMetrics(new RuntimeFamilies(registry, prefix, labels));
    known.set(registry, metrics);
  }
  metrics.nameTotals(promClientNames ? 'nodejs_active_x_total' : 'nodejs_active_x_all_types');
  return metrics.use();
}

/** The runtime families of one registry, measured while they are in use. */
class RuntimeMetrics {
  readonly #families: RuntimeFamilies;
  readonly #starts: readonly (() => () => void)[];
  #stops: readonly (() => void)[] = [];
  #users = 0;

  constructor(families: RuntimeFamilies) {
    this.#families = families;
    const collectors = isMainThread ? [...PROCESS, ...THREAD] : THREAD;
    this.#starts = collectors.map((collect) => collect(families)).filter((start) => start !== undefined);
  }

  /** True if the registry still has any of the families. */
  areOn(registry: Registry): boolean {
    return this.#families.defined.some((metric) => registry.has(metric));
  }

  /** Defines the gauges that have two possible names, in addition to existing ones. */
  nameTotals(names: TotalNames): void {
    nameActiveTotals(this.#families, names);
  }

  use(): () => void {
    if (this.#users++ === 0) this.#start();
    let inUse = true;
    return () => {
      if (!inUse) return;
      inUse = false;
      if (--this.#users === 0) this.stop();
    };
  }

  /**
   * Stops each collector after a last measurement, which outlives the process in a shared
   * directory.
   */
  stop(): void {
    for (const stop of this.#stops) stop();
    atWork.delete(this);
    if (atWork.size === 0) process.off('exit', stopAll);
  }

  #start(): void {
    // Must run before the store closes.
    if (atWork.size === 0) process.prependListener('exit', stopAll);
    atWork.add(this);
    this.#stops = this.#starts.map((start) => start());
  }
}

const atWork: Set<RuntimeMetrics> = new Set();

function stopAll(): void {
  for (const metrics of atWork) metrics.stop();
}
