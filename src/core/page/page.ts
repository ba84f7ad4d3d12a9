import { DefaultLabels } from '../../snapshot/default-labels.ts';
import { Merger } from '../../snapshot/merge.ts';
import type { FamilySnapshot, Snapshot } from '../../snapshot/snapshot.ts';
import type { Store } from '../../store/store.ts';
import { TimeSlice } from '../../time-slice.ts';
import type { AnyMetric } from '../any-metric.ts';
import type { Clock } from '../clock.ts';
import { toDefinition } from '../definition.ts';
import { type LabelSet, toLabelValue } from '../labels.ts';
import type { SelfObserver } from '../self-observer.ts';
import { Collectors } from './collectors.ts';
import { derive, type FamilyDerivation } from './derivations.ts';
import { type FamilySource, Sources, withoutClashes } from './sources.ts';

/** What a page shows. */
export interface PageContent {
  readonly clock: Clock;
  readonly store: Store;
  readonly self: SelfObserver | undefined;
  metrics(): Iterable<AnyMetric>;
}

/** How long a page waits, and how often it looks. */
export interface PageOptions {
  /** How long one `collect` or source may take before the scrape goes on without it. */
  readonly collectTimeoutMs: number;
  /** Under several processes: how often metrics with `collect` are brought up to date. */
  readonly refreshMs: number;
}

/**
 * What a scrape shows: the families of a registry over all processes, those of sources and
 * derivations, and what the registry knows of itself; without what is hidden, with the default
 * labels.
 */
export class Page {
  /** Families that are left out, by name, though some process counts them. */
  hidden: ReadonlySet<string> = new Set();
  readonly #content: PageContent;
  readonly #merger: Merger = new Merger();
  readonly #collectors: Collectors;
  readonly #sources: Sources;
  readonly #derivations: Set<FamilyDerivation> = new Set();
  readonly #refreshMs: number;
  #defaultLabels: DefaultLabels | undefined;
  #refresher: NodeJS.Timeout | undefined;
  #running: Promise<Snapshot> | undefined;

  constructor(content: PageContent, { collectTimeoutMs, refreshMs }: PageOptions) {
    const failed = (name: string): void => content.self?.collectFailed(name);
    this.#content = content;
    this.#refreshMs = refreshMs;
    this.#collectors = new Collectors(collectTimeoutMs, failed);
    this.#sources = new Sources(collectTimeoutMs, failed);
  }

  /** See Registry. */
  async snapshot(): Promise<Snapshot> {
    const snapshot = await this.collect();
    if (!this.#defaultLabels) return snapshot;
    return { ...snapshot, families: this.#defaultLabels.addTo(snapshot.families) };
  }

  /** {@link Page.snapshot} without default labels. */
  collect(): Promise<Snapshot> {
    this.#running ??= this.#collect().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** See Registry. */
  read(): Promise<Snapshot> {
    return this.#read([]);
  }

  /** See Registry. */
  setDefaultLabels(labels: LabelSet<string>): void {
    const { labelNames: names } = toDefinition('gauge', {
      name: 'default_labels',
      help: '',
      labelNames: Object.keys(labels),
    });
    const values = Object.fromEntries(names.map((name) => [name, toLabelValue(labels[name], name)]));
    this.#defaultLabels = names.length > 0 ? new DefaultLabels(values) : undefined;
  }

  /** See Registry. */
  addSource(source: FamilySource): () => void {
    return this.#sources.add(source);
  }

  /** See Registry. */
  addDerivation(derivation: FamilyDerivation): void {
    this.#derivations.add(derivation);
  }

  /**
   * Starts to bring metrics with `collect` up to date between scrapes, where other processes read
   * this one's values whenever they are asked. Idempotent.
   */
  keepFresh(): void {
    if (!this.#content.store.shared || this.#refresher) return;
    this.#refresher = setInterval(() => void this.#freshen(), this.#refreshMs).unref();
    // At once, too, so that no zeros show until the first turn; when all that is defined together
    // is defined.
    setImmediate(() => void this.#freshen()).unref();
  }

  /** Stops the timer. Idempotent. */
  close(): void {
    clearInterval(this.#refresher);
    this.#refresher = undefined;
  }

  async #collect(): Promise<Snapshot> {
    const [elsewhere] = await Promise.all([this.#sources.read(), this.#freshen()]);
    return this.#read(elsewhere);
  }

  async #read(elsewhere: readonly FamilySnapshot[]): Promise<Snapshot> {
    const { store, self } = this.#content;
    const slice = new TimeSlice();
    const slots = await store.read(slice);
    const merged = await this.#merger.merge(slots, slice);
    const shown = merged.families.filter(({ definition }) => !this.hidden.has(definition.name));
    const accepted = withoutClashes(elsewhere, shown);
    const read = [...shown, ...accepted];
    const derived = await derive(this.#derivations, read, slice, (name) => self?.collectFailed(name));
    const families = [...read, ...withoutClashes(derived, read)].sort(byName);
    const conflicts = merged.conflicts.length + elsewhere.length - accepted.length;
    const taken = new Set(families.map(({ definition }) => definition.name));
    const own = self?.families(families, store.status(), conflicts) ?? [];
    const page = [...families, ...own.filter(({ definition }) => !taken.has(definition.name))];
    return { families: page.sort(byName), startTimestamp: store.startTimestamp };
  }

  async #freshen(): Promise<void> {
    const metrics = [...this.#content.metrics()].map(({ series }) => series);
    const now = this.#content.clock.sharedMs();
    for (const series of metrics) series.sweep(now);
    await this.#collectors.run(metrics);
  }
}

function byName(a: FamilySnapshot, b: FamilySnapshot): number {
  return a.definition.name < b.definition.name ? -1 : 1;
}
