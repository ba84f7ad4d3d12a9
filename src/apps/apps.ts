import { setTimeout as delay } from 'node:timers/promises';
import { debuglog } from 'node:util';
import type { AnyMetric } from '../core/any-metric.ts';
import { Registry } from '../core/registry.ts';
import { MetricsError } from '../errors.ts';
import type { FamilySource } from '../core/page/sources.ts';
import type { FamilySnapshot } from '../snapshot/snapshot.ts';
import { type AppFamilies, defineAppFamilies } from './app-families.ts';
import { type CheckedCollector, collectorDifferences } from './collector.ts';
import { combine } from './combine.ts';
import { type CollectedRecord, decodeRecord } from './record.ts';
import { byKey, Runner, type RunnerContext } from './runner.ts';

const debug: ReturnType<typeof debuglog> = debuglog('promenade');

/** Maximum time that a scrape waits for all collectors together. */
const PATIENCE_MS = 500;
/**
 * Interval of checks for due runs between scrapes, in a shared directory: the process that serves
 * the page may have no collectors.
 */
const LOOK_MS = 5000;

/** The settings for apps. */
export interface AppSettings {
  /** METRICS_DISABLED_APPS */
  readonly disabledApps: readonly string[];
  /** METRICS_NAMESPACE */
  readonly namespace: string;
}

/** An app as its registry knows it. */
export interface RegisteredApp {
  readonly name: string;
  readonly runners: readonly Runner[];
  /** Metrics that the app has defined. */
  readonly metrics: Set<AnyMetric>;
}

/** The apps of a registry: their state, and the families of their collectors. */
export class Apps implements FamilySource {
  static readonly #byRegistry = new WeakMap<Registry, Apps>();

  readonly name = 'apps';
  readonly #registry: Registry;
  readonly #apps: Map<string, RegisteredApp> = new Map();
  /** Holds the metrics of disabled apps, on no page. */
  readonly #nowhere: Registry = new Registry();
  #disabled: ReadonlySet<string> = new Set();
  #namespace = '';
  #families: AppFamilies | 'taken' | undefined;
  #unknownTold = true;
  #starts = 0;
  #timer: NodeJS.Timeout | undefined;
  #shown: { readonly records: readonly CollectedRecord[]; readonly families: readonly FamilySnapshot[] } | undefined;

  /** Returns the apps of a registry, and adds them to its page. */
  static of(registry: Registry): Apps {
    let apps = Apps.#byRegistry.get(registry);
    if (!apps) {
      Apps.#byRegistry.set(registry, (apps = new Apps(registry)));
      registry.addSource(apps);
    }
    return apps;
  }

  private constructor(registry: Registry) {
    this.#registry = registry;
  }

  /**
   * Applies the settings; later calls win. Returns a function that stops runs between scrapes and
   * aborts current ones.
   */
  start({ disabledApps, namespace }: AppSettings): () => void {
    this.#disabled = new Set(disabledApps);
    this.#namespace = namespace;
    this.#unknownTold = false;
    for (const app of this.#apps.values()) this.#place(app);
    this.#hide();
    this.#starts++;
    this.#timer ??= setInterval(() => this.#look(), LOOK_MS).unref();
    let stopped = false;
    return () => {
      if (stopped) return;
      stopped = true;
      if (--this.#starts > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
      for (const { runners } of this.#apps.values()) for (const runner of runners) runner.abort();
    };
  }

  /**
   * Registers an app. A second registration with the same collectors joins the first, and the
   * newest functions run from then on.
   *
   * @throws MetricsError ERR_METRICS_DUPLICATE_NAME for an app of that name with other collectors.
   */
  add(name: string, collectors: readonly CheckedCollector[]): RegisteredApp {
    const known = this.#apps.get(name);
    const joined = known && this.#join(known, collectors);
    if (joined) return joined;
    const context: RunnerContext = {
      registry: this.#registry,
      families: () => this.#define(),
      others: ({ key }) => this.#records().filter(({ app, collector }) => `${app}.${collector}` !== key),
    };
    const runners = collectors.map((collector) => new Runner(collector, context));
    const app = { name, runners, metrics: new Set<AnyMetric>() };
    this.#apps.set(name, app);
    return app;
  }

  /**
   * Joins a registered app. Returns `undefined` if the collectors differ and the old app was
   * removed, as hot reload needs it.
   */
  #join(known: RegisteredApp, collectors: readonly CheckedCollector[]): RegisteredApp | undefined {
    const differences = collectorDifferences(
      known.runners.map(({ collector }) => collector),
      collectors,
    );
    if (differences.length === 0) {
      for (const runner of known.runners) {
        runner.follow(collectors.find(({ name }) => name === runner.collector.name)!);
      }
      return known;
    }
    if (!this.#registry.replaces) {
      throw new MetricsError(
        'ERR_METRICS_DUPLICATE_NAME',
        `an app ${known.name} is already registered with other collectors: ${differences.join('; ')}. ` +
          'Register it once, or choose another name',
      );
    }
    process.emitWarning(
      `the app ${known.name} was registered again with other collectors (${differences.join('; ')}): the newest counts. ` +
        'Outside of development this is an error.',
      { type: 'MetricsWarning', code: 'WARN_METRICS_REDEFINED' },
    );
    this.remove(known);
    return undefined;
  }

  remove(app: RegisteredApp): void {
    if (this.#apps.get(app.name) !== app) return;
    this.#apps.delete(app.name);
    const { store } = this.#registry;
    for (const runner of app.runners) {
      runner.abort();
      // In a shared store other processes may still run it.
      if (!store.shared) store.board.remove(runner.collector.key);
    }
    for (const metric of app.metrics) for (const one of [this.#registry, this.#nowhere]) one.unregister(metric);
    this.#hide();
  }

  isEnabled(name: string): boolean {
    return !this.#disabled.has(name);
  }

  list(): readonly RegisteredApp[] {
    return [...this.#apps.values()];
  }

  /** Returns the registry of an app's own metrics. */
  registryOf(app: RegisteredApp): Registry {
    return this.isEnabled(app.name) ? this.#registry : this.#nowhere;
  }

  /** Records that an app has defined a metric. */
  own(app: RegisteredApp, metric: AnyMetric): void {
    app.metrics.add(metric);
    this.#hide();
  }

  async read(): Promise<readonly FamilySnapshot[]> {
    this.#tellUnknown();
    const waits = this.#refresh();
    if (waits.length > 0) {
      const end = new AbortController();
      await Promise.race([Promise.all(waits), delay(PATIENCE_MS, undefined, { signal: end.signal, ref: false })]);
      end.abort();
    }
    const records = this.#records();
    const known = this.#shown;
    // Returns the same objects if nothing has changed: writers cache by object.
    if (known?.records.length === records.length && known.records.every((record, i) => record === records[i])) {
      return known.families;
    }
    const { families, refused } = combine(records);
    for (const { record, family, reason } of refused) debug('%s of %s is left out: %s', family, record.app, reason);
    this.#shown = { records, families };
    return families;
  }

  /** Starts due runs. Returns those that a scrape should wait for. */
  #refresh(): Promise<void>[] {
    const waits: Promise<void>[] = [];
    for (const { name, runners } of this.#apps.values()) {
      const families = this.#define();
      families?.enabled.labels({ app: name }).set(this.isEnabled(name) ? 1 : 0);
      if (!this.isEnabled(name)) continue;
      for (const runner of runners) {
        families?.errors.labels({ app: name, collector: runner.collector.name });
        const wait = runner.refresh();
        if (wait) waits.push(wait);
      }
    }
    return waits;
  }

  #look(): void {
    if (this.#apps.size === 0 || !this.#registry.isOpen || !this.#registry.store.shared) return;
    try {
      void this.#refresh();
      this.#clearAway();
    } catch (error) {
      debug('collectors were not looked after: %o', error);
    }
  }

  /** Returns the latest results that may be shown, in the order of combining. */
  #records(): CollectedRecord[] {
    const now = this.#registry.clock.now();
    return this.#notes()
      .filter((record) => this.isEnabled(record.app) && !this.#isGone(record))
      .filter(({ collectedAt, keepMs }) => collectedAt !== undefined && now - collectedAt < keepMs)
      .sort(byKey);
  }

  #notes(): CollectedRecord[] {
    const { board } = this.#registry.store;
    return board.names().flatMap((name) => {
      const note = board.read(name);
      return (note && decodeRecord(note)) ?? [];
    });
  }

  /**
   * True if an app that is registered here no longer has the collector, and no other process has
   * run it when it was due.
   */
  #isGone({ app, collector, attemptedAt, refreshMs, tookMs }: CollectedRecord): boolean {
    const registered = this.#apps.get(app);
    if (!registered || registered.runners.some((runner) => runner.collector.name === collector)) return false;
    return this.#registry.clock.now() - attemptedAt > 2 * (refreshMs + tookMs + LOOK_MS);
  }

  /** Removes results that no process shows any more. */
  #clearAway(): void {
    const now = this.#registry.clock.now();
    for (const record of this.#notes()) {
      const { app, collector, attemptedAt, keepMs } = record;
      if (this.#isGone(record) || now - attemptedAt > 2 * keepMs + LOOK_MS) {
        this.#registry.store.board.remove(`${app}.${collector}`);
      }
    }
  }

  /**
   * Returns the families about collectors; `undefined` if the application has metrics of these
   * names.
   */
  #define(): AppFamilies | undefined {
    if (this.#families === undefined) {
      try {
        this.#families = defineAppFamilies(this.#registry, this.#namespace);
      } catch (error) {
        debug('nothing is said about apps: %o', error);
        this.#families = 'taken';
      }
    }
    return this.#families === 'taken' ? undefined : this.#families;
  }

  /** Moves the metrics of an app to the page, or off it. */
  #place(app: RegisteredApp): void {
    for (const metric of app.metrics) {
      try {
        this.registryOf(app).adopt(metric);
      } catch (error) {
        debug('%s stays where it is: %o', metric.name, error);
      }
    }
  }

  /** Hides what a disabled app counted earlier, or counts in other processes. */
  #hide(): void {
    const hidden = new Set<string>();
    for (const { name, metrics } of this.#apps.values()) {
      if (!this.isEnabled(name)) for (const metric of metrics) hidden.add(metric.name);
    }
    this.#registry.page.hidden = hidden;
  }

  /** Warns of unknown names at the first scrape, when all apps have registered. */
  #tellUnknown(): void {
    if (this.#unknownTold) return;
    this.#unknownTold = true;
    const known = [...new Set([...this.#apps.keys(), ...this.#notes().map(({ app }) => app)])].sort();
    debug('apps: %s', known.map((name) => (this.isEnabled(name) ? name : `${name} (disabled)`)).join(', ') || 'none');
    const unknown = [...this.#disabled].filter((name) => !known.includes(name));
    if (unknown.length === 0) return;
    process.emitWarning(
      `METRICS_DISABLED_APPS names ${unknown.map((name) => JSON.stringify(name)).join(', ')}, which no app is called; ` +
        (known.length > 0 ? `there are ${known.join(', ')}.` : 'none is registered.'),
      { type: 'MetricsWarning', code: 'WARN_METRICS_UNKNOWN_APP' },
    );
  }
}
