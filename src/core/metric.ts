import { MetricsError } from '../errors.ts';
import { shownName } from '../snapshot/names.ts';
import type { Exemplar } from '../snapshot/exemplar.ts';
import type { FamilyDefinition, LabelValues } from '../snapshot/snapshot.ts';
import { BLOCK_CELLS, carrySeries, cellsOf, OVERFLOW } from '../store/format/layout.ts';
import { carryNativeHistogram } from '../store/tables/native-buckets.ts';
import type { CellRange, Store, StoredFamily } from '../store/store.ts';
import type { Bound, BoundOwner } from './bound.ts';
import { defaultRegistry } from './default-registry.ts';
import type { DefinitionOptions } from './definition.ts';
import type { ExemplarSampler } from './exemplars.ts';
import { type LabelSet, type LabelValue, MAX_LABEL_BYTES, toLabelValue, wrongLabels } from './labels.ts';
import type { Registry } from './registry.ts';

/** What all metrics are made with. */
export interface MetricOptions<L extends string = string> extends DefinitionOptions<L> {
  /** @default the default registry */
  readonly registry?: Registry;
  /**
   * How many series the family may have in a process; what comes later counts in one overflow
   * series.
   * @default 2000
   */
  readonly maxSeries?: number;
  /** Series to which nothing was recorded for so long are removed. @default never */
  readonly idleSeconds?: number;
  /**
   * Called before a scrape is read, to bring the values up to date; under several processes also
   * every few seconds in each.
   */
  readonly collect?: () => void | Promise<void>;
}

const DEFAULT_MAX_SERIES = 2000;

/** Longer than a label value can be. */
const NO_LABEL: string = '-'.repeat(MAX_LABEL_BYTES + 1);

type Branch<B> = Map<string, Branch<B> | B>;

/** A family and its series: the common part of all kinds of metric. */
export abstract class Metric<L extends string, B extends Bound> implements BoundOwner {
  readonly definition: FamilyDefinition;
  readonly maxSeries: number;
  /** The label names again: V8 reads the elements of a frozen array slowly. */
  readonly #names: readonly string[];
  #registry: Registry;
  readonly #idleMs: number | undefined;
  readonly #collect: (() => void | Promise<void>) | undefined;
  #family: StoredFamily;
  /** Label values, one level a label, down to the handles. */
  readonly #tree: Branch<B> = new Map();
  readonly #idleSince: Map<B, number> = new Map();
  #size = 0;
  /** The only series of a family without labels; else the one for what is past the limit. */
  readonly #fallback: B;

  constructor(definition: FamilyDefinition, options: MetricOptions<L>) {
    this.definition = definition;
    this.#names = [...definition.labelNames];
    this.maxSeries = positive(definition.name, 'maxSeries', options.maxSeries) ?? DEFAULT_MAX_SERIES;
    const idleSeconds = positive(definition.name, 'idleSeconds', options.idleSeconds);
    this.#idleMs = idleSeconds === undefined ? undefined : idleSeconds * 1000;
    this.#collect = options.collect;
    this.#registry = options.registry ?? defaultRegistry;
    this.#family = this.#registry.add(this);
    this.#fallback = this.bind(Object.freeze(definition.labelNames.map(() => OVERFLOW)));
    this.#fallback.attach(this.#family.fallback);
    this.#takeUp();
  }

  /** The family's name, without `_total` or `_info`. */
  get name(): string {
    return this.definition.name;
  }

  get registry(): Registry {
    return this.#registry;
  }

  /** Makes a handle that has no cells yet. */
  protected abstract bind(labelValues: LabelValues): B;

  /**
   * The series with these labels, made if need be (it then shows as zero). Some 100 ns; keep the
   * handle where a path is hot.
   *
   * @throws MetricsError ERR_METRICS_INVALID_LABEL for a missing, unknown or extra name, or a value
   *   that is no string, number or boolean.
   */
  labels(values: LabelSet<L>): B {
    if (typeof values !== 'object' || values === null) return this.#resolve(values);
    const names = this.#names;
    let node: Branch<B> | B | undefined = this.#tree;
    let i = 0;
    // One loop checks the names, counts them and loads the values: V8 has all three at hand here,
    // and twice the time is lost elsewhere.
    for (const name in values) {
      if (name !== names[i++]) return this.#inAnyOrder(values);
      node = (node as Branch<B>).get(textOf(values[name]));
      if (node === undefined) return this.#resolve(values);
    }
    return i === names.length && i > 0 ? (node as B) : this.#resolve(values);
  }

  /**
   * Takes a series off the page. Handles on it stay good: what they record brings it back, from
   * zero.
   */
  remove(values: LabelSet<L>): void {
    const labelValues = this.#toLabelValues(values);
    const handle = this.#find(labelValues);
    if (handle) this.#drop(handle);
  }

  /** Takes all series off the page, and sets that of a family without labels to zero. */
  clear(): void {
    for (const handle of [...this.handles()]) this.#drop(handle);
    const { fallback } = this.#family;
    fallback.cells.fill(0, fallback.index, fallback.index + cellsOf(this.definition));
    for (const key of this.#family.blocks(this.#fallback.labelValues)) {
      const { cells, index } = this.#family.block(this.#fallback.labelValues, key)!;
      cells.fill(0, index, index + BLOCK_CELLS);
    }
    this.#family.forgetExemplars(this.#fallback.labelValues);
    this.#fallback.attach(fallback);
  }

  /**
   * The series without labels.
   * @throws MetricsError ERR_METRICS_INVALID_LABEL where the family has labels.
   */
  protected get sole(): B {
    if (this.definition.labelNames.length > 0) throw wrongLabels(this.name, this.definition.labelNames, {});
    return this.#fallback;
  }

  /** @internal */
  get family(): StoredFamily {
    return this.#family;
  }

  /** @internal What `options.collect` was. */
  get collector(): (() => void | Promise<void>) | undefined {
    return this.#collect;
  }

  /** @internal Of a handle's series that was removed. */
  readmit(handle: Bound): B {
    return this.#find(handle.labelValues) ?? this.#admit(handle.labelValues, handle as B);
  }

  /** @internal Tells the handles that the registry has got a source of exemplars, or lost it. */
  followSampler(): void {
    this.#fallback.followSampler();
    for (const handle of this.handles()) handle.followSampler();
  }

  /** @internal */
  get sampler(): ExemplarSampler | undefined {
    return this.#registry.sampler;
  }

  /** @internal */
  keepExemplar(labelValues: LabelValues, exemplar: Omit<Exemplar, 'timestamp'>, timestamp: number | undefined): void {
    this.#family.exemplify(labelValues, { ...exemplar, timestamp: timestamp ?? this.#registry.clock.now() / 1000 });
  }

  /** @internal Moves to another store, and maybe registry, with all that was counted. */
  moveTo(store: Store, registry: Registry = this.#registry): void {
    this.#registry = registry;
    const old = this.#family;
    this.#family = store.define(this.definition);
    this.#carry(old, this.#fallback, old.fallback, this.#family.fallback);
    for (const handle of [...this.handles()]) {
      const to = this.#family.allocate(handle.labelValues);
      if (to) this.#carry(old, handle, old.allocate(handle.labelValues)!, to);
      else this.#drop(handle);
    }
    this.#takeUp();
    this.followSampler();
  }

  /** @internal Removes what was idle for too long. */
  sweep(nowMs: number): void {
    if (this.#idleMs === undefined) return;
    for (const handle of [...this.handles()]) {
      if (!handle.dormant) {
        handle.doze();
        this.#idleSince.set(handle, nowMs);
      } else if (nowMs - (this.#idleSince.get(handle) ?? nowMs) >= this.#idleMs) {
        this.#drop(handle);
      }
    }
  }

  /** All handles but the fallback's. */
  protected *handles(branch: Branch<B> = this.#tree): Iterable<B> {
    for (const node of branch.values()) {
      if (node instanceof Map) yield* this.handles(node);
      else yield node;
    }
  }

  /** Removes a handle's series. */
  protected removeHandle(handle: B): void {
    this.#drop(handle);
  }

  #carry(old: StoredFamily, handle: B, from: CellRange, to: CellRange): void {
    const { labelValues } = handle;
    if (this.definition.native) {
      const target = { family: this.#family, home: to };
      carryNativeHistogram(this.definition, labelValues, { family: old, home: from }, target);
      handle.attach(to);
      return;
    }
    const blocks = old.blocks(labelValues).flatMap((key) => {
      const target = this.#family.block(labelValues, key);
      return target ? [{ from: old.block(labelValues, key)!, to: target }] : [];
    });
    carrySeries(this.definition, from, to, blocks);
    handle.attach(to);
  }

  #toLabelValues(values: LabelSet<L>): LabelValues {
    const names = this.definition.labelNames;
    if (typeof values !== 'object' || values === null) {
      throw new MetricsError(
        'ERR_METRICS_INVALID_LABEL',
        `labels of ${this.name}: give an object with ${names.join(', ')}`,
      );
    }
    const given = Object.keys(values);
    if (given.length !== names.length || names.some((name) => !Object.hasOwn(values, name))) {
      throw wrongLabels(this.name, names, values);
    }
    return names.map((name) => {
      const raw: LabelValue = values[name as L];
      const value = toLabelValue(raw, name);
      if (typeof raw === 'string' && value.length < raw.length)
        this.#registry.self?.truncated(shownName(this.definition));
      return value;
    });
  }

  /** As `labels`, for an object whose keys stand in another order than the family's names. */
  #inAnyOrder(values: LabelSet<L>): B {
    const names = this.#names;
    let node: Branch<B> | B | undefined = this.#tree;
    for (const name of names) {
      node = (node as Branch<B>).get(textOf(values[name as L]));
      if (node === undefined) return this.#resolve(values);
    }
    let given = 0;
    for (const _ in values) given++;
    return given === names.length ? (node as B) : this.#resolve(values);
  }

  #resolve(values: LabelSet<L>): B {
    const labelValues = this.#toLabelValues(values);
    return this.#find(labelValues) ?? this.#admit(labelValues);
  }

  #find(labelValues: LabelValues): B | undefined {
    if (labelValues.every((value) => value === OVERFLOW)) return this.#fallback;
    let node: Branch<B> | B | undefined = this.#tree;
    for (const value of labelValues) node = (node as Branch<B> | undefined)?.get(value);
    return node as B | undefined;
  }

  /**
   * Makes a series, or points to the overflow series where there are too many or there is no space.
   */
  #admit(labelValues: LabelValues, handle: B = this.bind(Object.freeze(labelValues))): B {
    const range = this.#size < this.maxSeries ? this.#family.allocate(labelValues) : undefined;
    if (!range) {
      this.#registry.self?.overflowed(shownName(this.definition));
      return this.#fallback;
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
      if (!this.#find(labelValues)) this.#place(this.bind(labelValues), this.#family.allocate(labelValues)!);
    }
  }

  #place(handle: B, range: CellRange): void {
    const { labelValues } = handle;
    handle.attach(range);
    let branch = this.#tree;
    for (const value of labelValues.slice(0, -1)) {
      let next = branch.get(value) as Branch<B> | undefined;
      if (!next) branch.set(value, (next = new Map()));
      branch = next;
    }
    branch.set(labelValues.at(-1)!, handle);
    this.#size++;
  }

  #drop(handle: B): void {
    if (handle === this.#fallback) return; // the family itself shows it
    const path: Branch<B>[] = [this.#tree];
    for (const value of handle.labelValues.slice(0, -1)) path.push(path.at(-1)!.get(value) as Branch<B>);
    for (let i = path.length - 1; i >= 0; i--) {
      path[i]!.delete(handle.labelValues[i]!);
      if (path[i]!.size > 0) break;
    }
    this.#size--;
    this.#idleSince.delete(handle);
    handle.detach();
    this.#family.remove(handle.labelValues);
  }
}

/** A label value as the tree may know it; what no label can be is in no tree. */
function textOf(value: LabelValue): string {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : NO_LABEL;
}

function positive(family: string, option: string, value: number | undefined): number | undefined {
  if (value === undefined || (typeof value === 'number' && value > 0)) return value;
  throw new MetricsError('ERR_METRICS_INVALID_OPTION', `${family}: ${option} must be a positive number`);
}
