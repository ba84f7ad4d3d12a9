import { defaultRegistry, directoryOf } from '../core/default-registry.ts';
import type { Registry as CoreRegistry } from '../core/registry.ts';
import type { FamilySnapshot } from '../snapshot/snapshot.ts';
import { aggregateFamilies } from './aggregators.ts';
import { enterPage, isPageMetric, leavePage } from './page.ts';
import { toFamily } from './core-family.ts';
import { flatten, formatFamily, joinFamilies } from './text.ts';
import { turnOn } from './turn-on.ts';
import type {
  Family,
  Metric,
  MetricObject,
  MetricObjectWithValues,
  MetricValueWithName,
  OpenMetricsContentType,
  PrometheusContentType,
  Readable,
  RegistryContentType,
} from './types.ts';

const PROMETHEUS: PrometheusContentType = 'text/plain; version=0.0.4; charset=utf-8';
const OPEN_METRICS: OpenMetricsContentType = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

/**
 * prom-client's registry: metrics by name, and what writes them. The global one, {@link register},
 * is Promenade's default registry under another name: what is registered there is on the page, is
 * shared with other processes, and whatever else is on the page is on its pages too. Others count
 * aside, each process by itself.
 */
// The type parameter is prom-client's: code that gives it one has to compile.
export class Registry<_ContentType extends RegistryContentType = RegistryContentType> {
  static readonly PROMETHEUS_CONTENT_TYPE: PrometheusContentType = PROMETHEUS;
  static readonly OPENMETRICS_CONTENT_TYPE: OpenMetricsContentType = OPEN_METRICS;
  /** @internal */
  static globalRegistry: Registry;
  readonly #metrics: Map<string, Readable> = new Map();
  #defaultLabels: Readonly<Record<string, unknown>> = {};
  #contentType: RegistryContentType;
  #page: CoreRegistry | undefined;
  /** Families of the page that `clear` took off this registry's pages. */
  #hidden: ReadonlySet<string> = new Set();

  /** @throws TypeError for another content type than the two. */
  constructor(contentType: RegistryContentType = PROMETHEUS) {
    if (!isSupported(contentType)) throw new TypeError(`Content type ${String(contentType)} is unsupported`);
    this.#contentType = contentType;
  }

  /** @internal The registry whose page this one's metrics are on. */
  get page(): CoreRegistry | undefined {
    return this.#page;
  }

  /** @internal From now on this registry's metrics are on the page. Idempotent. */
  joinPage(page: CoreRegistry = defaultRegistry): this {
    if (!this.#page) {
      this.#page = page;
      for (const metric of this.#metrics.values()) enterPage(metric, page);
    }
    return this;
  }

  /** What goes into the Content-Type header of {@link Registry.metrics}. */
  get contentType(): RegistryContentType {
    return this.#contentType;
  }

  /** @throws Error for another content type than the two. */
  setContentType(type: RegistryContentType): void {
    if (!isSupported(type)) throw new Error(`Content type ${String(type)} is unsupported`);
    this.#contentType = type;
    if (this === register) contentType = type;
  }

  /** All metrics as text. Runs their `collect`, and throws what one of them throws. */
  async metrics(): Promise<string> {
    return this.#write(this.#contentType);
  }

  /** @internal The page in a format, whatever the registry's own is. */
  async metricsAs(contentType: RegistryContentType): Promise<string> {
    return this.#write(contentType);
  }

  /** All metrics as objects, or those of one aggregator. */
  async getMetricsAsJSON(aggregator?: string): Promise<MetricObjectWithValues<MetricValueWithName<string>>[]> {
    const families = await this.#families();
    return families
      .filter((family) => aggregator === undefined || aggregator === (family.aggregator ?? 'sum'))
      .map((family) => flatten(family, this.#defaultLabels)) as MetricObjectWithValues<MetricValueWithName<string>>[];
  }

  /** The metrics themselves, or those of one aggregator. */
  getMetricsAsArray(aggregator?: string): MetricObject[] {
    const metrics = [...this.#metrics.values()] as unknown as MetricObject[];
    return metrics.filter((metric) => aggregator === undefined || aggregator === (metric.aggregator ?? 'sum'));
  }

  /** One metric as text. */
  async getMetricsAsString(metric: Metric | Readable): Promise<string> {
    return formatFamily(await read(metric), this.#defaultLabels, this.#contentType === OPEN_METRICS);
  }

  /** One metric as text. @throws TypeError where there is none of that name. */
  async getSingleMetricAsString(name: string): Promise<string> {
    return this.getMetricsAsString(this.#metrics.get(name)!);
  }

  getSingleMetric<T extends string>(name: string): Metric<T> | undefined {
    return this.#metrics.get(name) as unknown as Metric<T> | undefined;
  }

  /** @throws Error where another metric has the name. */
  registerMetric(metric: Metric | Readable): void {
    const { name } = metric;
    const other = this.#metrics.get(name);
    if (other === metric) return;
    if (other) throw new Error(`A metric with the name ${name} has already been registered.`);
    this.#metrics.set(name, metric);
    if (this.#page) enterPage(metric, this.#page);
  }

  removeSingleMetric(name: string): void {
    const metric = this.#metrics.get(name);
    if (!metric) return;
    this.#metrics.delete(name);
    if (this.#page) leavePage(metric, this.#page);
  }

  /**
   * Removes all metrics and the default labels. What others have put on the page stays there, but
   * not on this registry's pages.
   */
  clear(): void {
    for (const name of [...this.#metrics.keys()]) this.removeSingleMetric(name);
    this.setDefaultLabels({});
    if (this.#page?.isOpen)
      this.#hidden = new Set(Array.from(this.#page.metrics(), ({ definition }) => definition.name));
  }

  /** Sets all metrics to zero. In this process: others keep what they counted. */
  resetMetrics(): void {
    for (const metric of this.#metrics.values()) metric.reset?.();
  }

  /** Labels that every sample gets that does not have them already. */
  setDefaultLabels(labels: object): void {
    this.#defaultLabels = { ...labels };
    this.#page?.setDefaultLabels(this.#defaultLabels as Readonly<Record<string, string>>);
  }

  /**
   * A registry with the metrics of several.
   * @throws Error for registries of different content types, or a name that two have.
   */
  static merge(registers: readonly Registry[]): Registry {
    const contentType = registers[0]!.contentType;
    if (registers.some((registry) => registry.contentType !== contentType)) {
      throw new Error('Registers can only be merged if they have the same content type');
    }
    const merged = new Registry(contentType);
    for (const registry of registers) for (const metric of registry.#metrics.values()) merged.registerMetric(metric);
    return merged;
  }

  /**
   * A registry with the numbers of several processes, each as `getMetricsAsJSON` gives them, merged
   * as their aggregators say. Processes that share a directory each tell the numbers of all: of
   * these the newest count, once.
   */
  static aggregate(processes: readonly (readonly object[])[], contentType: RegistryContentType = PROMETHEUS): Registry {
    const registry = new Registry(contentType);
    for (const family of aggregateFamilies(processes as readonly (readonly Family[])[])) {
      registry.registerMetric({ ...family, get: () => family });
    }
    return registry;
  }

  async #write(contentType: RegistryContentType): Promise<string> {
    const openMetrics = contentType === OPEN_METRICS;
    const families = await this.#families();
    return joinFamilies(
      families.map((family) => formatFamily(family, this.#defaultLabels, openMetrics)),
      openMetrics,
    );
  }

  async #families(): Promise<readonly Family[]> {
    const page = this.#page;
    if (!page) return Promise.all(Array.from(this.#metrics.values(), read));
    if (page === defaultRegistry) turnOn();
    const readAt = page.clock.sharedMs();
    const snapshot = await page.page.collect();
    const directory = directoryOf(page);
    const shared =
      directory === undefined ? {} : { shared: { directory: `${directory} ${snapshot.startTimestamp}`, readAt } };
    const left = new Map<string, FamilySnapshot>(snapshot.families.map((family) => [family.definition.name, family]));
    const families: Family[] = [];
    for (const metric of this.#metrics.values()) {
      if (isPageMetric(metric) && page.has(metric.core)) {
        families.push({ ...metric.fromSnapshot(left.get(metric.core.name)), ...shared });
        left.delete(metric.core.name);
      } else {
        const family = await read(metric);
        families.push(family);
        // On the page a summary from elsewhere is three families.
        for (const suffix of ['', '_sum', '_count']) left.delete(family.name + suffix);
      }
    }
    for (const family of left.values()) {
      if (!this.#hidden.has(family.definition.name)) families.push({ ...toFamily(family), ...shared });
    }
    return families;
  }
}

function isSupported(contentType: unknown): contentType is RegistryContentType {
  return contentType === PROMETHEUS || contentType === OPEN_METRICS;
}

async function read(metric: Readable): Promise<Family> {
  return metric.getForPromString ? metric.getForPromString() : metric.get();
}

/** The content types, by the names that the module exports them under. */
export const prometheusContentType: PrometheusContentType = PROMETHEUS;
export const openMetricsContentType: OpenMetricsContentType = OPEN_METRICS;

/** The global registry: the page. */
export const register: Registry = new Registry().joinPage();
Registry.globalRegistry = register;

/** The global registry's content type, always the present one. */
export let contentType: RegistryContentType = register.contentType;
