import { type Exemplar, nativePlace } from './exemplar.ts';
import { bucketIndex } from './exponential-buckets.ts';
import { type FamilyDefinition, type FamilySnapshot, type SparseBuckets, strideOf } from './snapshot.ts';

/**
 * Rewrites what was counted under one definition of a histogram or summary so that it can be added
 * to what is counted under another: a deploy changed the buckets, and both are in the directory.
 *
 * Counts and sums stay exact. A bucket's count goes to the first bucket that surely holds all of it,
 * so bounds that both have stay exact, and no bucket ever falls: each number depends on the numbers
 * before it and on nothing else.
 *
 * Classic buckets go to native ones at their upper bound; native buckets, whose resolution can
 * change, go to classic ones beyond all bounds.
 */
export class Reshaping {
  readonly #from: FamilyDefinition;
  readonly #to: FamilyDefinition;
  /** By bucket of `from`, that of `to`. */
  readonly #buckets: Uint32Array;

  constructor(from: FamilyDefinition, to: FamilyDefinition) {
    this.#from = from;
    this.#to = to;
    const [old, bounds] = [from.bounds ?? [], to.bounds ?? []];
    this.#buckets = Uint32Array.from({ length: old.length + 1 }, (_, i) => placeOf(old[i] ?? Infinity, bounds));
  }

  /** The family's numbers under the other definition; the series stay what they are. */
  apply(family: FamilySnapshot): FamilySnapshot {
    const { series, values, sparse, exemplars, starts } = family;
    if (this.#to.type !== 'histogram') return { ...family, definition: this.#to };
    const [before, after] = [strideOf(this.#from), strideOf(this.#to)];
    const reshaped = new Float64Array(series.length * after);
    for (let i = 0; i < series.length; i++) {
      reshaped[i * after] = values[i * before]!;
      for (let b = 0; b < this.#buckets.length; b++) {
        reshaped[i * after + 1 + this.#buckets[b]!]! += values[i * before + 1 + b]!;
      }
    }
    const buckets = this.#to.native
      ? series.map((_, i) => sparse?.[i] ?? this.#toNative(values.subarray(i * before + 1, (i + 1) * before)))
      : undefined;
    return {
      definition: this.#to,
      series,
      ...(starts && { starts }),
      values: reshaped,
      ...(buckets && { sparse: buckets }),
      ...(exemplars && { exemplars: exemplars.map((list) => this.#placed(list)) }),
    };
  }

  #toNative(counts: Float64Array): SparseBuckets {
    const { schema, zeroThreshold } = this.#to.native!;
    const sides = { positive: new Map<number, number>(), negative: new Map<number, number>() };
    let zeroCount = 0;
    const bounds = this.#from.bounds!;
    for (const [b, count] of counts.entries()) {
      if (count === 0) continue;
      // Beyond the last bound it is only known to be larger: by one bucket at the least.
      const bound = bounds[b] ?? Math.max(bounds.at(-1) ?? 0, zeroThreshold);
      const beyond = b === bounds.length ? 1 : 0;
      if (Math.abs(bound) <= zeroThreshold && beyond === 0) zeroCount += count;
      else {
        const side = bound < 0 ? sides.negative : sides.positive;
        const index = bucketIndex(Math.abs(bound), schema) + beyond;
        side.set(index, (side.get(index) ?? 0) + count);
      }
    }
    const sorted = (side: ReadonlyMap<number, number>): [number, number][] => [...side].sort(([a], [b]) => a - b);
    return { schema, zeroThreshold, zeroCount, positive: sorted(sides.positive), negative: sorted(sides.negative) };
  }

  /** One exemplar a place, the latest. */
  #placed(exemplars: readonly Exemplar[]): readonly Exemplar[] {
    const bounds = this.#to.bounds!;
    const latest = new Map<number, Exemplar>();
    for (const exemplar of exemplars) {
      const place = bounds.length > 0 ? placeOf(exemplar.value, bounds) : nativePlace(exemplar.value);
      const held = latest.get(place);
      if (!held || held.timestamp < exemplar.timestamp) latest.set(place, { ...exemplar, place });
    }
    return [...latest.values()].sort((a, b) => a.place - b.place);
  }
}

/** The first bucket whose upper bound is not below the value. */
function placeOf(value: number, bounds: readonly number[]): number {
  const place = bounds.findIndex((bound) => bound >= value);
  return place < 0 ? bounds.length : place;
}
