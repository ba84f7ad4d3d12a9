import { type FamilyDefinition, type FamilySnapshot, type LabelValues, strideOf } from '../snapshot/snapshot.ts';

/**
 * The label values of the derived series that a series counts in, or `undefined` where it counts in
 * none.
 *
 * @param value gives the series' own label values by name.
 * @param views names of routes.
 */
export type ToLabels = (
  value: (label: string) => string,
  views: ReadonlyMap<string, string>,
) => readonly string[] | undefined;

/**
 * Gives the series of one family the labels that they have in another, and its histograms that
 * one's buckets.
 */
export class Relabelling {
  readonly #target: FamilyDefinition;
  readonly #toLabels: ToLabels;
  #known: WeakMap<LabelValues, { readonly labels: LabelValues | undefined }> = new WeakMap();
  #views: ReadonlyMap<string, string> | undefined;
  #from: readonly LabelValues[] | undefined;
  #series: readonly LabelValues[] = [];
  /** Where in `#from` each of `#series` is. */
  #places: readonly number[] = [];

  constructor(target: FamilyDefinition, toLabels: ToLabels) {
    this.#target = target;
    this.#toLabels = toLabels;
  }

  /**
   * Several series can have the same labels now. The same lists as the last time where nothing came
   * or went, so that a merge's plan holds.
   */
  apply(family: FamilySnapshot, views: ReadonlyMap<string, string>): Pick<FamilySnapshot, 'series' | 'values'> {
    if (views !== this.#views) this.#known = new WeakMap();
    if (views !== this.#views || family.series !== this.#from) this.#relabel(family, views);
    return { series: this.#series, values: this.#take(family) };
  }

  #relabel({ definition, series: from }: FamilySnapshot, views: ReadonlyMap<string, string>): void {
    const series: LabelValues[] = [];
    const places: number[] = [];
    for (const [i, values] of from.entries()) {
      let known = this.#known.get(values);
      if (known === undefined) {
        const labels = this.#toLabels((name) => values[definition.labelNames.indexOf(name)] ?? '', views);
        this.#known.set(values, (known = { labels: labels && Object.freeze([...labels]) }));
      }
      if (known.labels === undefined) continue;
      series.push(known.labels);
      places.push(i);
    }
    this.#from = from;
    this.#views = views;
    this.#series = Object.freeze(series);
    this.#places = places;
  }

  #take({ definition, values: from }: FamilySnapshot): Float64Array {
    const stride = strideOf(this.#target);
    const fromStride = strideOf(definition);
    const cells = cellsOf(definition, this.#target);
    const places = this.#places;
    const values = new Float64Array(places.length * stride);
    for (let to = 0; to < places.length; to++) {
      const first = places[to]! * fromStride;
      for (let i = 0; i < cells.length; i++) values[to * stride + cells[i]!]! += from[first + i]!;
    }
    return values;
  }
}

/**
 * For each number of a source's series, its place in the derived one's. A bucket's place is that of
 * the first bound that is not below its own: exact where the source has all of the target's bounds.
 */
function cellsOf(source: FamilyDefinition, target: FamilyDefinition): readonly number[] {
  if (source.bounds === undefined || target.bounds === undefined) return [0];
  const bounds = target.bounds;
  const places = [...source.bounds, Infinity].map((bound) => {
    const place = bounds.findIndex((other) => bound <= other);
    return 1 + (place < 0 ? bounds.length : place);
  });
  return [0, ...places];
}
