import { MetricsError } from '../errors.ts';
import { DefaultLabels } from '../snapshot/default-labels.ts';
import { Merger } from '../snapshot/merge.ts';
import { sampleNames } from '../snapshot/names.ts';
import type { FamilySnapshot, Snapshot } from '../snapshot/snapshot.ts';
import { HeapStore } from '../store/heap-store.ts';
import type { Store, StoredFamily, StoreStatus } from '../store/store.ts';
import { TimeSlice } from '../time-slice.ts';
import type { Bound } from './bound.ts';
import { type Clock, systemClock } from './clock.ts';
import { Collectors } from './page/collectors.ts';
import { ExemplarSampler, type ExemplarSource } from './exemplars.ts';
import type { Metric } from './metric.ts';
import { toDefinition } from './definition.ts';
import { type LabelSet, toLabelValue } from './labels.ts';
import { derive, type FamilyDerivation } from './page/derivations.ts';
import { type FamilySource, Sources, withoutClashes } from './page/sources.ts';

/** Any metric, whatever its labels. */
export type AnyMetric = Metric<string, Bound>;

/** What a registry is made with. */
export interface RegistryOptions {
  /**
   * Where the numbers live, asked for when the first metric is defined.
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
}

/** What the registry says of itself while it works; see self-metrics.ts. */
export interface SelfObserver {
  overflowed(family: string): void;
  truncated(family: string): void;
  collectFailed(family: string): void;
  /** Families computed from a finished merge. */
  families(merged: readonly FamilySnapshot[], status: StoreStatus, conflicts: number): readonly FamilySnapshot[];
}

/** The families of a page. */
export class Registry {
  readonly clock: Clock;
  /** @internal Set by `observeSelf`. */
  self: SelfObserver | undefined;
  /** @internal Families that are left out of the page, by name, though some process counts them. */
  hidden: ReadonlySet<string> = new Set();
  readonly #metrics: Map<string, AnyMetric> = new Map();
  /** Which family has taken which sample name. */
  readonly #names: Map<string, string> = new Map();
  readonly #openStore: () => Store;
  readonly #merger: Merger = new Merger();
  readonly #collectors: Collectors;
  readonly #sources: Sources;
  readonly #derivations: Set<FamilyDerivation> = new Set();
  readonly #refreshMs: number;
  #sampler: ExemplarSampler | undefined;
  #defaultLabels: DefaultLabels | undefined;
  #store: Store | undefined;
  #refresher: NodeJS.Timeout | undefined;
  #running: Promise<Snapshot> | undefined;

  constructor(options: RegistryOptions = {}) {
    this.clock = options.clock ?? systemClock;
    this.#openStore = options.openStore ?? (() => new HeapStore());
    this.#refreshMs = (options.refreshSeconds ?? 5) * 1000;
    this.#collectors = new Collectors(options.collectTimeoutMs ?? 2000, (family) => this.self?.collectFailed(family));
    this.setExemplarSource(options.exemplarSource);
    this.#sources = new Sources(options.collectTimeoutMs ?? 2000, (source) => this.self?.collectFailed(source));
  }

  /** The family of that name (with or without `_total` or `_info`), if it is defined. */
  get(name: string): AnyMetric | undefined {
    return this.#metrics.get(name) ?? this.#metrics.get(this.#names.get(name) ?? '');
  }

  /** All metrics, in the order of their definition. */
  metrics(): Iterable<AnyMetric> {
    return this.#metrics.values();
  }

  /**
   * @internal Called by a metric that is being made.
   * @throws MetricsError ERR_METRICS_DUPLICATE_NAME
   */
  add(metric: AnyMetric): StoredFamily {
    const names = this.#freeNames(metric);
    return this.#enter(metric, names, this.store.define(metric.definition));
  }

  /**
   * Takes a family over from the registry that it is in, with all that this process has counted.
   * Handles on it stay good.
   *
   * @throws MetricsError ERR_METRICS_DUPLICATE_NAME; the family then stays where it is.
   */
  adopt(metric: AnyMetric): void {
    const { registry: from, family } = metric;
    if (from === this) return;
    const names = this.#freeNames(metric);
    metric.moveTo(this.store, this);
    from.#leave(metric, family);
    this.#enter(metric, names, metric.family);
  }

  #freeNames(metric: AnyMetric): readonly string[] {
    const names = sampleNames(metric.definition);
    for (const name of names) {
      const owner = this.#names.get(name);
      if (owner === undefined) continue;
      throw new MetricsError(
        'ERR_METRICS_DUPLICATE_NAME',
        owner === metric.name
          ? `${owner} is already defined in this registry: define a family once and share it (registry.get finds it)`
          : `${metric.name} would write ${name}, which ${owner} has taken: choose another name`,
      );
    }
    return names;
  }

  #enter(metric: AnyMetric, names: readonly string[], family: StoredFamily): StoredFamily {
    for (const name of names) this.#names.set(name, metric.name);
    this.#metrics.set(metric.name, metric);
    if (metric.collector) this.#keepFresh();
    return family;
  }

  #leave(metric: AnyMetric, family: StoredFamily): void {
    this.#metrics.delete(metric.name);
    for (const name of sampleNames(metric.definition)) this.#names.delete(name);
    this.store.undefine(family);
  }

  /**
   * Takes a family off the page, with all its series; the name is free again. What its handles
   * record from now on is seen by nobody.
   */
  unregister(metric: AnyMetric): void {
    // Its cells will serve other families, so that handles need new ones.
    if (this.#metrics.get(metric.name) === metric) new Registry().adopt(metric);
  }

  /**
   * The numbers of all processes at this moment. Brings metrics with `collect` up to date first;
   * what fails or hangs is left as it was. Calls that overlap share one collection.
   */
  async snapshot(): Promise<Snapshot> {
    const snapshot = await this.collect();
    if (!this.#defaultLabels) return snapshot;
    return { ...snapshot, families: this.#defaultLabels.addTo(snapshot.families) };
  }

  /** @internal {@link Registry.snapshot} without default labels. */
  collect(): Promise<Snapshot> {
    this.#running ??= this.#collect().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /**
   * Moves all metrics to another store, with what they have counted: what counts is added to what
   * the store holds.
   */
  moveTo(store: Store): void {
    const old = this.#store;
    this.#store = store;
    if (!old) return;
    for (const metric of this.#metrics.values()) metric.moveTo(store);
    old.close();
    clearInterval(this.#refresher);
    this.#refresher = undefined;
    if ([...this.#metrics.values()].some((metric) => metric.collector)) this.#keepFresh();
  }

  /**
   * From now on each counter series and each histogram bucket gets an exemplar from `source` at
   * times, at most one in a second; `undefined`: no longer. The source is asked while something is
   * recorded, so that it can tell what goes on. See `promenade/opentelemetry` for one.
   */
  setExemplarSource(source: ExemplarSource | undefined): void {
    this.#sampler?.close();
    this.#sampler = source && new ExemplarSampler(source);
    for (const metric of this.#metrics.values()) metric.followSampler();
  }

  /** @internal */
  get sampler(): ExemplarSampler | undefined {
    return this.#sampler;
  }

  /** The numbers of all processes as they are, without bringing any up to date. */
  read(): Promise<Snapshot> {
    return this.#read([]);
  }

  /**
   * Labels that every series on the page gets that does not have them already: those that name the
   * application, say. They belong to the page, so give the same in all processes: what differs from
   * process to process is a label of a metric.
   *
   * @throws MetricsError ERR_METRICS_INVALID_LABEL for a name that is none, or a value that is no
   *   string, number or boolean.
   */
  setDefaultLabels(labels: LabelSet<string>): void {
    const { labelNames: names } = toDefinition('gauge', {
      name: 'default_labels',
      help: '',
      labelNames: Object.keys(labels),
    });
    const values = Object.fromEntries(names.map((name) => [name, toLabelValue(labels[name], name)]));
    this.#defaultLabels = names.length > 0 ? new DefaultLabels(values) : undefined;
  }

  /**
   * Shows on the page what is counted elsewhere, read each time when the page is. What has a name
   * that the page has already is left out. Returns what removes it again.
   */
  addSource(source: FamilySource): () => void {
    return this.#sources.add(source);
  }

  /**
   * @internal Shows families that are computed from the page's others, over all processes. What has
   *   a name that the page has already is left out.
   */
  addDerivation(derivation: FamilyDerivation): void {
    this.#derivations.add(derivation);
  }

  /** How the store is. */
  status(): StoreStatus {
    return this.store.status();
  }

  /**
   * Stops timers and gives the store up; what was counted stays where it was written. Idempotent.
   */
  close(): void {
    clearInterval(this.#refresher);
    this.setExemplarSource(undefined);
    this.#store?.close();
  }

  /** @internal Whether a metric was defined, so that it is decided where the numbers live. */
  get isOpen(): boolean {
    return this.#store !== undefined;
  }

  /** @internal */
  get store(): Store {
    return (this.#store ??= this.#openStore());
  }

  async #collect(): Promise<Snapshot> {
    const [elsewhere] = await Promise.all([this.#sources.read(), this.#freshen()]);
    return this.#read(elsewhere);
  }

  async #read(elsewhere: readonly FamilySnapshot[]): Promise<Snapshot> {
    const { store } = this;
    const slice = new TimeSlice();
    const slots = await store.read(slice);
    const merged = await this.#merger.merge(slots, slice);
    const shown = merged.families.filter(({ definition }) => !this.hidden.has(definition.name));
    const accepted = withoutClashes(elsewhere, shown);
    const read = [...shown, ...accepted];
    const derived = await derive(this.#derivations, read, slice, (name) => this.self?.collectFailed(name));
    const families = [...read, ...withoutClashes(derived, read)].sort(byName);
    const conflicts = merged.conflicts.length + elsewhere.length - accepted.length;
    const taken = new Set(families.map(({ definition }) => definition.name));
    const own = this.self?.families(families, store.status(), conflicts) ?? [];
    const page = [...families, ...own.filter(({ definition }) => !taken.has(definition.name))];
    return { families: page.sort(byName), startTimestamp: store.startTimestamp };
  }

  async #freshen(): Promise<void> {
    const now = this.clock.sharedMs();
    for (const metric of this.#metrics.values()) metric.sweep(now);
    await this.#collectors.run(this.#metrics.values());
  }

  /**
   * Other processes read this one's values whenever they are asked, so what is collected may not
   * grow old.
   */
  #keepFresh(): void {
    if (!this.store.shared || this.#refresher) return;
    this.#refresher = setInterval(() => void this.#freshen(), this.#refreshMs).unref();
    // At once, too, so that no zeros show until the first turn; when all that is defined together
    // is defined.
    setImmediate(() => void this.#freshen()).unref();
  }
}

function byName(a: FamilySnapshot, b: FamilySnapshot): number {
  return a.definition.name < b.definition.name ? -1 : 1;
}
