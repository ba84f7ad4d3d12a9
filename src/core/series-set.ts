import { LabelIndex } from '../snapshot/label-index.ts';
import { shownName } from '../snapshot/names.ts';
import type { Exemplar } from '../snapshot/exemplar.ts';
import type { FamilyDefinition, LabelValues, Snapshot } from '../snapshot/snapshot.ts';
import { OVERFLOW } from '../store/format/layout.ts';
import type { CellRange, Store, StoredFamily } from '../store/store.ts';
import type { Bound, BoundOwner } from './bound.ts';
import type { Clock } from './clock.ts';
import type { ExemplarSampler } from './exemplars.ts';
import type { SelfObserver } from './self-observer.ts';

/** Brings a family's values up to date before they are read. */
export type Collect = () => void | Promise<void>;

/** What a family needs of the registry that it is in. */
export interface FamilyHome {
  readonly clock: Clock;
  // Internal like the registry's, which the declarations leave out: it must still fit them.
  /** @internal */
  readonly store: Store;
  /** @internal */
  readonly sampler: ExemplarSampler | undefined;
  /** @internal */
  readonly self: SelfObserver | undefined;
  /** The page as it is, without bringing any value up to date. */
  read(): Promise<Snapshot>;
  /** @internal Forgets a family that moved to another registry, and gives its cells back. */
  leave(definition: FamilyDefinition, family: StoredFamily): void;
}

/** What a family is defined with, beside what every page shows of it. */
export interface SeriesLimits {
  /** The name as the user wrote it, for messages. */
  readonly givenName: string;
  readonly maxSeries: number;
  /** `undefined`: series stay for ever. */
  readonly idleSeconds: number | undefined;
}

/** Makes a handle that has no cells yet. */
export type Bind<B extends Bound> = (owner: BoundOwner, labelValues: LabelValues) => B;

/**
 * The series of one family in this process: the handles by their labels, and the limits. Metrics
 * that were defined twice share one.
 */
export class SeriesSet<B extends Bound> implements BoundOwner {
  #definition: FamilyDefinition;
  #limits: SeriesLimits;
  /** The only series of a family without labels; else the one for what is past the limit. */
  readonly fallback: B;
  /** @internal All handles but the fallback, where `Metric.labels` looks them up. */
  readonly index: LabelIndex<B> = new LabelIndex();
  /** The newest `collect` callback that the family was defined with. */
  collect: Collect | undefined;
  readonly #bind: Bind<B>;
  readonly #idleSince: Map<B, number> = new Map();
  #home: FamilyHome;
  #family: StoredFamily;

  constructor(definition: FamilyDefinition, limits: SeriesLimits, home: FamilyHome, bind: Bind<B>) {
    this.#definition = definition;
    this.#limits = limits;
    this.#home = home;
    this.#bind = bind;
    this.#family = home.store.define(definition);
    this.fallback = bind(this, Object.freeze(definition.labelNames.map(() => OVERFLOW)));
    this.fallback.attach(this.#family.fallback);
    this.#takeUp();
  }

  get definition(): FamilyDefinition {
    return this.#definition;
  }

  get limits(): SeriesLimits {
    return this.#limits;
  }

  get name(): string {
    return this.#limits.givenName;
  }

  /** The registry that the family is in. */
  get home(): FamilyHome {
    return this.#home;
  }

  get family(): StoredFamily {
    return this.#family;
  }

  get clock(): Clock {
    return this.#home.clock;
  }

  get sampler(): ExemplarSampler | undefined {
    return this.#home.sampler;
  }

  keepExemplar(labelValues: LabelValues, exemplar: Omit<Exemplar, 'timestamp'>, timestamp: number | undefined): void {
    this.#family.exemplify(labelValues, { ...exemplar, timestamp: timestamp ?? this.clock.now() / 1000 });
  }

  readmit(handle: Bound): B {
    return this.find(handle.labelValues) ?? this.#admit(handle.labelValues, handle as B);
  }

  /** Tells the handles that the registry has got a source of exemplars, or lost it. */
  followSampler(): void {
    this.fallback.followSampler();
    for (const handle of this.handles()) handle.followSampler();
  }

  find(labelValues: LabelValues): B | undefined {
    return labelValues.every((value) => value === OVERFLOW) ? this.fallback : this.index.get(labelValues);
  }

  /** The series of these values, made if need be; the overflow series where there is no room. */
  findOrAdd(labelValues: LabelValues): B {
    return this.find(labelValues) ?? this.#admit(labelValues);
  }

  /** All handles but the fallback's. */
  handles(): Iterable<B> {
    return this.index.values();
  }

  /** Takes a handle's series off the page. The fallback stays: the family itself shows it. */
  drop(handle: B): void {
    if (handle === this.fallback) return;
    this.index.delete(handle.labelValues);
    this.#idleSince.delete(handle);
    handle.detach();
    this.#family.remove(handle.labelValues);
  }

  /** Takes all series off the page, and sets the fallback to zero. */
  clear(): void {
    for (const handle of [...this.handles()]) this.drop(handle);
    this.#family.restart();
    this.fallback.attach(this.#family.fallback);
  }

  /** Moves to another registry's store, or to another store of the same one, with all numbers. */
  moveTo(home: FamilyHome, store: Store = home.store): void {
    this.#home = home;
    const old = this.#family;
    this.#family = store.define(this.definition);
    this.fallback.attach(this.#family.takeOver(this.fallback.labelValues, old)!);
    for (const handle of [...this.handles()]) {
      const range = this.#family.takeOver(handle.labelValues, old);
      if (range) handle.attach(range);
      else this.drop(handle);
    }
    this.#takeUp();
    this.followSampler();
  }

  /** Takes another name, with all numbers. The definition differs in its name alone. */
  rename(definition: FamilyDefinition, givenName: string): void {
    this.#definition = definition;
    this.#limits = { ...this.#limits, givenName };
    this.moveTo(this.#home);
  }

  /** Removes what was idle for too long. */
  sweep(nowMs: number): void {
    const { idleSeconds } = this.limits;
    if (idleSeconds === undefined) return;
    for (const handle of [...this.handles()]) {
      if (!handle.dormant) {
        handle.doze();
        this.#idleSince.set(handle, nowMs);
      } else if (nowMs - (this.#idleSince.get(handle) ?? nowMs) >= idleSeconds * 1000) {
        this.drop(handle);
      }
    }
  }

  /**
   * Makes a series, or points to the overflow series where there are too many or there is no space.
   */
  #admit(labelValues: LabelValues, handle: B = this.#bind(this, Object.freeze(labelValues))): B {
    const range = this.index.size < this.limits.maxSeries ? this.#family.allocate(labelValues) : undefined;
    if (!range) {
      this.#home.self?.overflowed(shownName(this.definition));
      return this.fallback;
    }
    this.#place(handle, range);
    return handle;
  }

  /**
   * Takes up the series that the slot's last owner left: they count towards the limit, grow idle,
   * and can be removed.
   */
  #takeUp(): void {
    for (const labelValues of [...this.#family.series()]) {
      if (!this.find(labelValues)) this.#place(this.#bind(this, labelValues), this.#family.allocate(labelValues)!);
    }
  }

  #place(handle: B, range: CellRange): void {
    handle.attach(range);
    this.index.set(handle);
  }
}
