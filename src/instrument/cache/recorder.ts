import type { BoundHistogram } from '../../core/bound-histogram.ts';
import type { BoundCounter } from '../../core/counter.ts';
import { hookFailed } from '../hooks/guard.ts';
import type { FamilyPlace } from '../recorder-kit/family-group.ts';
import { Handles } from '../recorder-kit/handles.ts';
import { perRegistry } from '../recorder-kit/per-registry.ts';
import { type CacheFamilies, defineCacheFamilies } from './families.ts';

/** Operations on a cache: the values of the label `operation`. */
export type CacheOperation = 'get' | 'get_many' | 'set' | 'set_many' | 'delete' | 'delete_many' | 'has' | 'clear';

/** Reasons for dropping entries: the values of the label `reason`. */
export type InvalidationReason = 'delete' | 'clear' | 'expire' | 'evict';

/** The current content of a cache in this process. */
export interface CacheContent {
  readonly entries?: number | undefined;
  /** In bytes. */
  readonly size?: number | undefined;
}

/** Records the caches of one registry. */
export class CacheRecorder {
  readonly #families: CacheFamilies;
  readonly #caches: Map<string, Map<string, CacheSeries>> = new Map();

  /**
   * Returns the one recorder of a registry.
   *
   * @throws MetricsError ERR_METRICS_DUPLICATE_NAME if the registry has another family of a name.
   */
  static readonly of: (place: FamilyPlace) => CacheRecorder = perRegistry(
    'cache',
    (place: FamilyPlace) => new CacheRecorder(place),
  );

  private constructor(place: FamilyPlace) {
    this.#families = defineCacheFamilies({ ...place, collect: () => this.#measure() });
  }

  /**
   * Returns the series of a cache. Caches of one name and backend are added up.
   *
   * @param shared True for a connection that may carry something else, such as a queue. Its zeros
   *   are on the page unless it carries nothing but that. @default false
   */
  cache(cache: string, backend: string, shared: boolean = false): CacheSeries {
    let backends = this.#caches.get(cache);
    if (backends === undefined) this.#caches.set(cache, (backends = new Map()));
    let series = backends.get(backend);
    if (series === undefined) backends.set(backend, (series = new CacheSeries(this.#families, cache, backend)));
    if (!shared) series.show();
    return series;
  }

  #measure(): void {
    for (const backends of this.#caches.values()) for (const series of backends.values()) series.measure();
  }
}

interface GetCounters {
  readonly hit: BoundCounter;
  readonly miss: BoundCounter;
  readonly sets: BoundCounter;
}

/** The series of one cache, or of several caches with one name. */
export class CacheSeries {
  readonly #families: CacheFamilies;
  readonly #labels: { readonly cache: string; readonly backend: string };
  /** They appear together, so that ratios start from 0. */
  #gets: GetCounters | undefined;
  #carriesOther = false;
  readonly #invalidations: Handles<BoundCounter>;
  readonly #errors: Handles<BoundCounter>;
  readonly #durations: Handles<BoundHistogram>;
  readonly #contents: Set<() => CacheContent | undefined> = new Set();

  constructor(families: CacheFamilies, cache: string, backend: string) {
    this.#families = families;
    const labels = { cache, backend };
    this.#labels = labels;
    this.#invalidations = new Handles((reason) => families.invalidations.labels({ ...labels, reason }));
    this.#errors = new Handles((operation) => families.errors.labels({ ...labels, operation }));
    this.#durations = new Handles((operation) => families.duration.labels({ ...labels, operation }));
  }

  /** Puts hits, misses and sets on the page, as zeros. */
  show(): GetCounters {
    return (this.#gets ??= {
      hit: this.#families.gets.labels({ ...this.#labels, result: 'hit' }),
      miss: this.#families.gets.labels({ ...this.#labels, result: 'miss' }),
      sets: this.#families.sets.labels(this.#labels),
    });
  }

  /** The connection carries commands that no cache uses. */
  carriesOther(): void {
    this.#carriesOther = true;
  }

  /** A key was asked for. */
  got(hit: boolean): void {
    const { hit: hits, miss: misses } = this.#gets ?? this.show();
    (hit ? hits : misses).inc();
  }

  /** Entries were stored. */
  stored(entries: number): void {
    if (entries > 0) (this.#gets ?? this.show()).sets.inc(entries);
  }

  /** Entries were dropped. */
  invalidated(reason: InvalidationReason, entries: number): void {
    if (entries > 0) this.#invalidations.of(reason).inc(entries);
  }

  /** An operation has ended, with or without an error. */
  took(operation: CacheOperation, seconds: number): void {
    this.#durations.of(operation).observe(seconds);
  }

  /** An operation has failed. Its duration is reported by `took`. */
  failed(operation: CacheOperation): void {
    this.#errors.of(operation).inc();
  }

  /**
   * Shows the content of a cache, which is read before each scrape. The cache itself is held
   * weakly.
   *
   * @returns a function that takes it off again.
   */
  holds<T extends object>(target: T, read: (target: T) => CacheContent): () => void {
    const reference = new WeakRef(target);
    const content = (): CacheContent | undefined => {
      const held = reference.deref();
      return held && read(held);
    };
    this.#contents.add(content);
    return () => {
      this.#contents.delete(content);
      this.measure();
    };
  }

  /** Brings the gauges up to date. */
  measure(): void {
    if (!this.#carriesOther) this.show();
    let entries: number | undefined;
    let size: number | undefined;
    for (const read of this.#contents) {
      try {
        const content = read();
        if (content === undefined) this.#contents.delete(read);
        if (content?.entries !== undefined) entries = (entries ?? 0) + content.entries;
        if (content?.size !== undefined) size = (size ?? 0) + content.size;
      } catch (error) {
        hookFailed(error);
      }
    }
    this.#show('entries', entries);
    this.#show('size', size);
  }

  #show(gauge: 'entries' | 'size', value: number | undefined): void {
    if (value === undefined) this.#families[gauge].remove(this.#labels);
    else this.#families[gauge].labels(this.#labels).set(value);
  }
}
