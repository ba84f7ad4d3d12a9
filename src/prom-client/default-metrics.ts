import type { AnyMetric } from '../core/any-metric.ts';
import { shownName } from '../snapshot/names.ts';
import type { FamilySnapshot } from '../snapshot/snapshot.ts';
import { collectRuntimeMetrics } from '../runtime/collect-runtime-metrics.ts';
import { toFamily } from './core-family.ts';
import { createAside } from './aside.ts';
import { type PageMetric, readMetric } from './page.ts';
import { register, type Registry } from './registry.ts';
import { flatten } from './text.ts';
import type { Family, RegistryContentType } from './types.ts';

/** What default metrics are made with. */
export interface DefaultMetricsCollectorConfiguration<_ContentType extends RegistryContentType = RegistryContentType> {
  /** @default the global registry */
  register?: Registry;
  /** Put before every name. @default none */
  prefix?: string;
  /** Labels that every series gets. @default none */
  labels?: object;
  /**
   * Taken and not needed, as are those below: Promenade measures the event loop with its own timer
   * and has its own buckets.
   */
  gcDurationBuckets?: number[];
  eventLoopMonitoringPrecision?: number;
  eventLoopUtilizationTimeout?: number;
  eventLoopUtilizationBuckets?: number[];
  eventLoopUtilizationPercentiles?: number[];
  eventLoopUtilizationAgeBuckets?: number;
  eventLoopUtilizationMaxAgeSeconds?: number;
}

/**
 * Registers the `process_*` and `nodejs_*` metrics. Those that the page has already, since
 * Promenade itself measures them, are not registered again.
 *
 * @throws TypeError for a configuration that is no object.
 */
export const collectDefaultMetrics: {
  (config?: DefaultMetricsCollectorConfiguration | null): void;
  /** The names of what is collected. */
  metricsList: string[];
} = Object.assign(collect, {
  metricsList: [
    'processCpuTotal',
    'processStartTime',
    'osMemoryHeap',
    'processOpenFileDescriptors',
    'processMaxFileDescriptors',
    'eventLoopLag',
    'eventLoopUtilization',
    'processResources',
    'processHandles',
    'processRequests',
    'heapSizeAndUsed',
    'heapSpacesSizeAndUsed',
    'version',
    'gc',
  ],
});

function collect(config?: DefaultMetricsCollectorConfiguration | null): void {
  if (config !== undefined && typeof config !== 'object')
    throw new TypeError('config must be null, undefined, or an object');
  const { register: target = register, prefix = '', labels = {} } = config ?? {};
  // Under the usual names, what Promenade itself measures is the same: whoever comes second shares
  // it.
  const registry = (prefix === '' && target.page) || createAside();
  const before = new Set(registry.metrics());
  const options = {
    registry,
    prefix,
    labels: labels as Readonly<Record<string, string | number>>,
    promClientNames: true,
  };
  const stop = collectRuntimeMetrics(options);
  const group = new DefaultMetrics(
    [...registry.metrics()].filter((metric) => !before.has(metric)),
    stop,
  );
  for (const metric of group.metrics) target.registerMetric(new DefaultMetric(metric, labels, group));
}

/** What one call has registered. */
class DefaultMetrics {
  readonly metrics: readonly AnyMetric[];
  readonly #stop: () => void;
  #left = 0;
  #running: Promise<unknown> | undefined;

  constructor(metrics: readonly AnyMetric[], stop: () => void) {
    this.metrics = metrics;
    this.#stop = stop;
  }

  /**
   * Brings all up to date, as one look at the system serves several. Calls that overlap share one
   * look.
   */
  freshen(): Promise<unknown> {
    this.#running ??= Promise.all(this.metrics.map(async (metric) => metric.series.collect?.())).finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** With the last of them measuring ends. */
  left(): void {
    if (++this.#left === this.metrics.length) this.#stop();
  }
}

/** A metric of the core, to be read like one of this API. */
class DefaultMetric implements PageMetric {
  readonly core: AnyMetric;
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly aggregator = 'sum';
  readonly #labels: object;
  readonly #group: DefaultMetrics;

  constructor(core: AnyMetric, labels: object, group: DefaultMetrics) {
    this.core = core;
    this.name = shownName(core.definition);
    this.help = core.definition.help;
    this.type = core.definition.type === 'info' ? 'gauge' : core.definition.type;
    this.#labels = labels;
    this.#group = group;
  }

  async get(): Promise<Family> {
    return flatten(await this.getForPromString());
  }

  async getForPromString(): Promise<Family> {
    await this.#group.freshen();
    return this.fromSnapshot(await readMetric(this.core));
  }

  fromSnapshot(family: FamilySnapshot | undefined): Family {
    const { name, help, type, aggregator } = this;
    if (!family) return { name, help, type, aggregator, values: [] };
    // Labels are shown as they were given: numbers as numbers.
    const values = toFamily(family).values!.map((sample) => ({
      ...sample,
      labels: { ...sample.labels, ...this.#labels },
    }));
    return { name, help, type, aggregator, values };
  }

  left(): void {
    this.#group.left();
  }
}
