import type { AnyMetric } from '../core/any-metric.ts';
import { Counter, type CounterOptions } from '../core/counter.ts';
import { defaultRegistry } from '../core/default-registry.ts';
import { Gauge, type GaugeOptions } from '../core/gauge.ts';
import { Histogram, type HistogramOptions } from '../core/histogram.ts';
import { Info } from '../core/info.ts';
import type { MetricOptions } from '../core/metric.ts';
import type { Registry } from '../core/registry.ts';
import { StateSet, type StateSetOptions } from '../core/state-set.ts';
import { Summary, type SummaryOptions } from '../core/summary.ts';
import { MetricsError } from '../errors.ts';
import { Apps, type RegisteredApp } from './apps.ts';
import { checkCollector, checkName, type Collector } from './collector.ts';

/** Options of `registerApp`. */
export interface AppOptions {
  /**
   * Collectors of the app.
   * @default none
   */
  readonly collectors?: readonly Collector[] | undefined;
  /**
   * The registry that shows the app.
   * @default the default registry
   */
  readonly registry?: Registry | undefined;
}

/** The description of a registered app. */
export interface AppInfo {
  readonly name: string;
  /** False if METRICS_DISABLED_APPS names it. */
  readonly enabled: boolean;
  /** The names of its collectors. */
  readonly collectors: readonly string[];
}

/** The options of a metric of an app, whose registry is the app's. */
type Own<O> = Omit<O, 'registry'>;

/**
 * A registered app. METRICS_DISABLED_APPS takes its metrics off the page along with its collectors.
 */
export class App implements AppInfo {
  readonly #apps: Apps;
  readonly #app: RegisteredApp;

  /** @internal */
  constructor(apps: Apps, app: RegisteredApp) {
    this.#apps = apps;
    this.#app = app;
  }

  get name(): string {
    return this.#app.name;
  }

  /**
   * False if METRICS_DISABLED_APPS names it. Recording in a disabled app costs an addition and
   * shows nowhere.
   */
  get enabled(): boolean {
    return this.#apps.isEnabled(this.name);
  }

  get collectors(): readonly string[] {
    return this.#app.runners.map(({ collector }) => collector.name);
  }

  /** As `new Counter`. @throws MetricsError */
  counter<L extends string = never>(options: Own<CounterOptions<L>>): Counter<L> {
    return this.#own(new Counter<L>(this.#in(options)));
  }

  /** As `new Gauge`. @throws MetricsError */
  gauge<L extends string = never>(options: Own<GaugeOptions<L>>): Gauge<L> {
    return this.#own(new Gauge<L>(this.#in(options)));
  }

  /** As `new Histogram`. @throws MetricsError */
  histogram<L extends string = never>(options: Own<HistogramOptions<L>>): Histogram<L> {
    return this.#own(new Histogram<L>(this.#in(options)));
  }

  /** As `new Summary`. @throws MetricsError */
  summary<L extends string = never>(options: Own<SummaryOptions<L>>): Summary<L> {
    return this.#own(new Summary<L>(this.#in(options)));
  }

  /** As `new Info`. @throws MetricsError */
  info<L extends string = never>(options: Own<MetricOptions<L>>): Info<L> {
    return this.#own(new Info<L>(this.#in(options)));
  }

  /** As `new StateSet`. @throws MetricsError */
  stateSet<L extends string = never>(options: Own<StateSetOptions<L>>): StateSet<L> {
    return this.#own(new StateSet<L>(this.#in(options)));
  }

  /** Takes the app and its metrics off the page, and frees its name. Idempotent. */
  unregister(): void {
    this.#apps.remove(this.#app);
  }

  #in<O>(options: O): O & { readonly registry: Registry } {
    return { ...options, registry: this.#apps.registryOf(this.#app) };
  }

  #own<M>(metric: M): M {
    this.#apps.own(this.#app, metric as AnyMetric);
    return metric;
  }
}

/**
 * Registers an app: a part of the application, or a plug-in of it, that measures something of its
 * own and that an operator can leave out by METRICS_DISABLED_APPS. Its collectors run when the page
 * is asked for: each for itself, one run at a time among all processes that share a directory,
 * never delaying the page.
 *
 *     const ipam = registerApp('ipam', {
 *       collectors: [{ name: 'prefixes', async *collect({ signal }) { yield { name: 'ipam_prefixes', help: 'Prefixes.', samples: [{ value: 2 }] } } }],
 *     });
 *     const allocated = ipam.counter({ name: 'ipam_allocated_total', help: 'Addresses handed out.' });
 *
 * @throws MetricsError ERR_METRICS_DUPLICATE_NAME for a name that another app or collector has;
 *   ERR_METRICS_INVALID_NAME, ERR_METRICS_INVALID_OPTION.
 */
export function registerApp(name: string, options: AppOptions = {}): App {
  checkName('an app', name);
  const { collectors = [], registry = defaultRegistry } = options;
  if (!Array.isArray(collectors)) {
    throw new MetricsError('ERR_METRICS_INVALID_OPTION', `the app ${name}: collectors must be an array`);
  }
  const checked = (collectors as readonly Collector[]).map((collector) => checkCollector(name, collector));
  const repeated = checked.find((one, i) => checked.findIndex((other) => other.name === one.name) < i);
  if (repeated) {
    throw new MetricsError(
      'ERR_METRICS_DUPLICATE_NAME',
      `the app ${name} has two collectors ${repeated.name}: give each a name of its own`,
    );
  }
  const apps = Apps.of(registry);
  return new App(apps, apps.add(name, checked));
}

/** The apps that are registered, in the order in which they were. */
export function registeredApps(registry: Registry = defaultRegistry): readonly AppInfo[] {
  const apps = Apps.of(registry);
  return apps.list().map(({ name, runners }) => ({
    name,
    enabled: apps.isEnabled(name),
    collectors: runners.map(({ collector }) => collector.name),
  }));
}
