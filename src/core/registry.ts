import { MetricsError } from '../errors.ts';
import { isDevelopment } from '../settings/development.ts';
import { sampleNames } from '../snapshot/names.ts';
import type { FamilyDefinition, Snapshot } from '../snapshot/snapshot.ts';
import { HeapStore } from '../store/heap-store.ts';
import type { Intent, Store, StoredFamily, StoreStatus } from '../store/store.ts';
import type { AnyMetric } from './any-metric.ts';
import type { Bound } from './bound.ts';
import { type Clock, systemClock } from './clock.ts';
import { definitionDifferences } from './definition-differences.ts';
import { ExemplarSampler, type ExemplarSource } from './exemplars.ts';
import type { LabelSet } from './labels.ts';
import type { FamilyDerivation } from './page/derivations.ts';
import { Page } from './page/page.ts';
import type { FamilySource } from './page/sources.ts';
import type { SelfObserver } from './self-observer.ts';
import type { SeriesLimits, SeriesSet } from './series-set.ts';

/** Options for {@link Registry}. */
export interface RegistryOptions {
  /**
   * Opens the store for the numbers, when the first metric is defined.
   * @default the heap of this process
   */
  readonly openStore?: () => Store;
  /** @default the system's */
  readonly clock?: Clock;
  /** How long a metric's `collect` may take before the scrape goes on without it. @default 2000 */
  readonly collectTimeoutMs?: number;
  /**
   * Under several processes: how often each brings the metrics with `collect` up to date between
   * scrapes.
   * @default 5
   */
  readonly refreshSeconds?: number;
  /** See `setExemplarSource`. @default none */
  readonly exemplarSource?: ExemplarSource;
  /**
   * Whether a family that is defined again with other options replaces the one before, with a
   * warning, as hot reload needs it.
   * @default true if NODE_ENV is `development`
   */
  readonly replaces?: boolean;
}

/**
 * The families of an application by name, and the store that their numbers are in. To its families
 * it is a FamilyHome, which its published type does not say: most of that is internal.
 */
export class Registry {
  readonly clock: Clock;
  /** @internal What a scrape shows. */
  readonly page: Page;
  /** @internal Set by `observeSelf`. */
  self: SelfObserver | undefined;
  readonly #metrics: Map<string, AnyMetric> = new Map();
  /** Which family has taken which sample name. */
  readonly #names: Map<string, string> = new Map();
  readonly #openStore: () => Store;
  readonly #replaces: boolean | undefined;
  /** Families of which a warning has said that they were replaced. */
  readonly #replaced: Set<string> = new Set();
  #replacing = false;
  #sampler: ExemplarSampler | undefined;
  #store: Store | undefined;

  constructor(options: RegistryOptions = {}) {
    const { collectTimeoutMs = 2000, refreshSeconds = 5 } = options;
    this.clock = options.clock ?? systemClock;
    this.#openStore = options.openStore ?? (() => new HeapStore());
    this.#replaces = options.replaces;
    this.page = new Page(this, { collectTimeoutMs, refreshMs: refreshSeconds * 1000 });
    this.setExemplarSource(options.exemplarSource);
  }

  /** The family of that name (with or without `_total` or `_info`), if it is defined. */
  get(name: string): AnyMetric | undefined {
    return this.#metrics.get(name) ?? this.#metrics.get(this.#names.get(name) ?? '');
  }

  /** True if the metric's family is in this registry. */
  has(metric: AnyMetric): boolean {
    return this.#metrics.get(metric.name)?.series === metric.series;
  }

  /** @internal True if a second definition that differs replaces the first. */
  get replaces(): boolean {
    return this.#replaces ?? isDevelopment();
  }

  /** @internal Runs `define`, whose definitions replace those of the same names, in silence. */
  replacing(define: () => void): void {
    const before = this.#replacing;
    this.#replacing = true;
    try {
      define();
    } finally {
      this.#replacing = before;
    }
  }

  /** All metrics, in the order of their definition. */
  metrics(): Iterable<AnyMetric> {
    return this.#metrics.values();
  }

  /**
   * @internal Called by a metric that is being made. Returns the family that it joins, which has
   *   the same definition; `undefined`: the names are free.
   * @throws MetricsError ERR_METRICS_DUPLICATE_NAME
   */
  reserve(definition: FamilyDefinition, limits: SeriesLimits): SeriesSet<Bound> | undefined {
    const known = this.#metrics.get(definition.name);
    if (known) {
      const differences = definitionDifferences(known.series, { definition, limits });
      if (differences.length === 0) return known.series;
      if (!this.#replacing) {
        if (!this.replaces) throw otherDefinition(limits.givenName, differences);
        this.#warnReplaced(limits.givenName, differences);
      }
      this.unregister(known);
    }
    this.#checkNames(definition, limits.givenName);
    return undefined;
  }

  /** @internal Called by a metric that is made: its family is on the page from now on. */
  enter(metric: AnyMetric): void {
    const { name, definition } = metric;
    if (!this.#metrics.has(name)) {
      for (const taken of sampleNames(definition)) this.#names.set(taken, name);
      this.#metrics.set(name, metric);
    }
    if (metric.series.collect) this.page.keepFresh();
  }

  /**
   * Takes a family over from the registry that it is in, with all that this process has counted.
   * Handles on it stay good.
   *
   * @throws MetricsError ERR_METRICS_DUPLICATE_NAME; the family then stays where it is.
   */
  adopt(metric: AnyMetric): void {
    const { definition, series } = metric;
    const { home: from, family } = series;
    if (from === this) return;
    this.#checkNames(definition, series.name);
    series.moveTo(this);
    from.leave(definition, family);
    this.enter(metric);
  }

  /**
   * @internal Replaces the prefix of a family's name. Handles stay good, and what this process has
   *   counted moves along.
   * @throws MetricsError ERR_METRICS_DUPLICATE_NAME; the family then keeps its name.
   */
  rename(metric: AnyMetric, from: string, to: string): void {
    const { definition, series } = metric;
    const { family } = series;
    const renamed = { ...definition, name: to + definition.name.slice(from.length) };
    const givenName = to + series.name.slice(from.length);
    this.#checkNames(renamed, givenName);
    series.rename(renamed, givenName);
    this.leave(definition, family);
    this.enter(metric);
  }

  /** @internal See FamilyHome. */
  leave(definition: FamilyDefinition, family: StoredFamily): void {
    this.#metrics.delete(definition.name);
    for (const name of sampleNames(definition)) this.#names.delete(name);
    this.store.undefine(family);
  }

  /**
   * Takes a family off the page, with all its series; the name is free again. Existing handles keep
   * counting but no longer show.
   */
  unregister(metric: AnyMetric): void {
    // Its cells will serve other families, so that handles need new ones.
    if (this.has(metric)) new Registry().adopt(metric);
  }

  /**
   * Returns the numbers of all processes at this moment. Brings metrics with `collect` up to date
   * first; one that fails or hangs keeps its last values. Calls that overlap share one collection.
   */
  snapshot(): Promise<Snapshot> {
    return this.page.snapshot();
  }

  /** Returns the numbers of all processes as they are, without bringing any up to date. */
  read(): Promise<Snapshot> {
    return this.page.read();
  }

  /**
   * Labels that every series on the page gets that does not have them already: those that name the
   * application, say. They belong to the page, so give the same in all processes: what differs from
   * process to process is a label of a metric.
   *
   * @throws MetricsError ERR_METRICS_INVALID_LABEL for an invalid name, or a value that is no
   *   string, number or boolean.
   */
  setDefaultLabels(labels: LabelSet<string>): void {
    this.page.setDefaultLabels(labels);
  }

  /**
   * Shows on the page what is counted elsewhere, read each time when the page is. What has a name
   * that the page has already is left out. Returns a function that removes it again.
   */
  addSource(source: FamilySource): () => void {
    return this.page.addSource(source);
  }

  /**
   * @internal Shows families that are computed from the page's others, over all processes. What has
   *   a name that the page has already is left out.
   */
  addDerivation(derivation: FamilyDerivation): void {
    this.page.addDerivation(derivation);
  }

  /**
   * Moves all metrics to another store, with what they have counted: what counts is added to what
   * the store holds.
   */
  moveTo(store: Store): void {
    const old = this.#store;
    this.#store = store;
    if (!old) return;
    for (const { series } of this.#metrics.values()) series.moveTo(this);
    old.close();
    this.page.close();
    if ([...this.#metrics.values()].some(({ series }) => series.collect)) this.page.keepFresh();
  }

  /**
   * From now on each counter series and each histogram bucket gets an exemplar from `source` at
   * times, at most one in a second; `undefined`: no longer. The source is asked while something is
   * recorded, so that it can tell what goes on. See `promenade/opentelemetry` for one.
   */
  setExemplarSource(source: ExemplarSource | undefined): void {
    this.#sampler?.close();
    this.#sampler = source && new ExemplarSampler(source);
    for (const { series } of this.#metrics.values()) series.followSampler();
  }

  /** @internal */
  get sampler(): ExemplarSampler | undefined {
    return this.#sampler;
  }

  /** Returns how the store is. */
  status(): StoreStatus {
    return this.store.status();
  }

  /**
   * Stops timers and gives the store up; what was counted stays where it was written. Idempotent.
   */
  close(): void {
    this.page.close();
    this.setExemplarSource(undefined);
    this.#store?.close();
  }

  /** @internal True if a metric was defined, so that the store is chosen. */
  get isOpen(): boolean {
    return this.#store !== undefined;
  }

  /**
   * @internal The intent of the store, for numbers that have to survive a kill at a certain moment;
   *   `undefined` where they end with the process anyway.
   */
  get intent(): Intent | undefined {
    const { store } = this;
    return store.shared ? store.intent() : undefined;
  }

  /** @internal */
  get store(): Store {
    return (this.#store ??= this.#openStore());
  }

  #checkNames(definition: FamilyDefinition, givenName: string): void {
    for (const name of sampleNames(definition)) {
      const owner = this.#names.get(name);
      if (owner === undefined) continue;
      const known = this.#metrics.get(owner)!.series.name;
      throw new MetricsError(
        'ERR_METRICS_DUPLICATE_NAME',
        owner === definition.name
          ? `${givenName} is already defined in this registry: define a family once and share it (registry.get finds it)`
          : `${givenName} would write ${name}, which ${known} has taken: choose another name`,
      );
    }
  }

  #warnReplaced(name: string, differences: readonly string[]): void {
    if (this.#replaced.has(name)) return;
    this.#replaced.add(name);
    process.emitWarning(
      `${name} was defined again with another definition (${differences.join('; ')}): the newest counts, and what the one before had counted is gone. Outside of development this is an error.`,
      { type: 'MetricsWarning', code: 'WARN_METRICS_REDEFINED' },
    );
  }
}

function otherDefinition(name: string, differences: readonly string[]): MetricsError {
  return new MetricsError(
    'ERR_METRICS_DUPLICATE_NAME',
    `${name} is already defined in this registry with another definition: ${differences.join('; ')}. ` +
      'Give both the same options, or one of them another name',
  );
}
