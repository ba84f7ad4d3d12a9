import { MetricsError } from '../errors.ts';
import { shownName } from '../snapshot/names.ts';
import type { FamilyDefinition, LabelValues } from '../snapshot/snapshot.ts';
import type { StoredFamily } from '../store/store.ts';
import type { AnyMetric } from './any-metric.ts';
import type { Bound } from './bound.ts';
import { defaultRegistry } from './default-registry.ts';
import type { DefinitionOptions } from './definition.ts';
import { type LabelSet, type LabelValue, MAX_LABEL_BYTES, toLabelValue, wrongLabels } from './labels.ts';
import type { Registry } from './registry.ts';
import { type Bind, type Collect, SeriesSet } from './series-set.ts';

/** Options of every kind of metric. */
export interface MetricOptions<L extends string = string> extends DefinitionOptions<L> {
  /** @default the default registry */
  readonly registry?: Registry;
  /**
   * How many series the family may have in a process; later label sets count in one overflow
   * series.
   * @default 2000
   */
  readonly maxSeries?: number;
  /** Removes a series that has recorded nothing for this long. @default never */
  readonly idleSeconds?: number;
  /**
   * Called before a scrape is read, to bring the values up to date; under several processes also
   * every few seconds in each.
   */
  readonly collect?: Collect;
}

const DEFAULT_MAX_SERIES = 2000;

/** Longer than a label value can be. */
const NO_LABEL: string = '-'.repeat(MAX_LABEL_BYTES + 1);

/**
 * A family and its series: the common part of all kinds of metric.
 *
 * A family that is defined again in the same registry, with the same options, is the same family:
 * both metrics give out the same handles. The newest `collect` replaces the one before.
 */
export abstract class Metric<L extends string, B extends Bound> implements AnyMetric {
  /** @internal */
  readonly series: SeriesSet<B>;
  /** The label names again: V8 reads the elements of a frozen array slowly. */
  readonly #names: readonly string[];

  /**
   * @throws MetricsError ERR_METRICS_DUPLICATE_NAME where the registry has the family with another
   *   definition, or another family would write one of its sample names.
   */
  protected constructor(definition: FamilyDefinition, options: MetricOptions<L>, bind: Bind<B>) {
    const { name, registry = defaultRegistry, collect } = options;
    const limits = {
      givenName: name,
      maxSeries: positive(name, 'maxSeries', options.maxSeries) ?? DEFAULT_MAX_SERIES,
      idleSeconds: positive(name, 'idleSeconds', options.idleSeconds),
    };
    const twin = registry.reserve(definition, limits) as SeriesSet<B> | undefined;
    this.series = twin ?? new SeriesSet(definition, limits, registry, bind);
    this.#names = [...definition.labelNames];
    if (collect) this.series.collect = collect;
    registry.enter(this);
  }

  get definition(): FamilyDefinition {
    return this.series.definition;
  }

  /** The family's name, without `_total` or `_info`. */
  get name(): string {
    return this.definition.name;
  }

  get maxSeries(): number {
    return this.series.limits.maxSeries;
  }

  get registry(): Registry {
    return this.series.home as Registry;
  }

  /**
   * Returns the series with these labels, made if need be (it then shows as zero). Some 100 ns;
   * keep the handle where a path is hot.
   *
   * @throws MetricsError ERR_METRICS_INVALID_LABEL for a missing, unknown or extra name, or a value
   *   that is no string, number or boolean.
   */
  labels(values: LabelSet<L>): B {
    if (typeof values !== 'object' || values === null) return this.#resolve(values);
    const names = this.#names;
    let node = this.series.index.root;
    let i = 0;
    // One loop checks the names, counts them and loads the values: V8 has all three at hand here,
    // and twice the time is lost elsewhere.
    for (const name in values) {
      if (name !== names[i]) return this.#inAnyOrder(values);
      const text = textOf(values[name]);
      if (node instanceof Map) node = node.get(text);
      else if (node === undefined || node.labelValues[i] !== text) return this.#resolve(values);
      i++;
    }
    return i === names.length && i > 0 && node !== undefined ? (node as B) : this.#resolve(values);
  }

  /**
   * Takes a series off the page. Handles on it stay good: what they record brings it back, from
   * zero.
   */
  remove(values: LabelSet<L>): void {
    const handle = this.series.find(this.#toLabelValues(values));
    if (handle) this.series.drop(handle);
  }

  /** Takes all series off the page, and sets that of a family without labels to zero. */
  clear(): void {
    this.series.clear();
  }

  /**
   * The series without labels.
   * @throws MetricsError ERR_METRICS_INVALID_LABEL where the family has labels.
   */
  protected get sole(): B {
    if (this.#names.length > 0) throw wrongLabels(this.series.name, this.#names, {});
    return this.series.fallback;
  }

  /** @internal */
  get family(): StoredFamily {
    return this.series.family;
  }

  #toLabelValues(values: LabelSet<L>): LabelValues {
    const names = this.definition.labelNames;
    const family = this.series.name;
    if (typeof values !== 'object' || values === null) {
      throw new MetricsError(
        'ERR_METRICS_INVALID_LABEL',
        `labels of ${family}: give an object with ${names.join(', ')}`,
      );
    }
    const given = Object.keys(values);
    if (given.length !== names.length || names.some((name) => !Object.hasOwn(values, name))) {
      throw wrongLabels(family, names, values);
    }
    return names.map((name) => {
      const raw: LabelValue = values[name as L];
      const value = toLabelValue(raw, name);
      if (typeof raw === 'string' && value.length < raw.length)
        this.series.home.self?.truncated(shownName(this.definition));
      return value;
    });
  }

  /** As `labels`, for an object whose keys stand in another order than the family's names. */
  #inAnyOrder(values: LabelSet<L>): B {
    const names = this.#names;
    let node = this.series.index.root;
    for (const [i, name] of names.entries()) {
      const text = textOf(values[name as L]);
      if (node instanceof Map) node = node.get(text);
      else if (node?.labelValues[i] !== text) return this.#resolve(values);
    }
    let given = 0;
    for (const _ in values) given++;
    return given === names.length && node !== undefined ? (node as B) : this.#resolve(values);
  }

  #resolve(values: LabelSet<L>): B {
    return this.series.findOrAdd(this.#toLabelValues(values));
  }
}

/** A label value as the index may know it; what no label can be is in no index. */
function textOf(value: LabelValue): string {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : NO_LABEL;
}

function positive(family: string, option: string, value: number | undefined): number | undefined {
  if (value === undefined || (typeof value === 'number' && value > 0)) return value;
  throw new MetricsError('ERR_METRICS_INVALID_OPTION', `${family}: ${option} must be a positive number`);
}
