import type { Registry } from '../../src/core/registry.ts';
import { type FamilySnapshot, strideOf } from '../../src/snapshot/snapshot.ts';

/** One series, for tests to compare. Histograms: how many observations, and their sum. */
export interface SeriesNumbers {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  readonly count: number;
  readonly sum: number;
}

/** What a registry counts, by family. */
export class Numbers {
  readonly #families: ReadonlyMap<string, FamilySnapshot>;

  private constructor(families: readonly FamilySnapshot[]) {
    this.#families = new Map(families.map((family) => [family.definition.name, family]));
  }

  static async of(registry: Registry): Promise<Numbers> {
    return new Numbers((await registry.snapshot()).families);
  }

  static in(families: readonly FamilySnapshot[]): Numbers {
    return new Numbers(families);
  }

  has(name: string): boolean {
    return this.#families.has(name);
  }

  /** The series of a family that have these labels. */
  series(name: string, labels: Readonly<Record<string, string>> = {}): SeriesNumbers[] {
    const family = this.#families.get(name);
    if (family === undefined) throw new Error(`no family ${name}`);
    const { definition, series, values } = family;
    const stride = strideOf(definition);
    return series
      .map((labelValues, i) => {
        const numbers = values.subarray(i * stride, (i + 1) * stride);
        const [first = 0, ...buckets] = numbers;
        const own = Object.fromEntries(definition.labelNames.map((label, j) => [label, labelValues[j]!]));
        return { labels: own, value: first, sum: first, count: buckets.reduce((sum, count) => sum + count, 0) };
      })
      .filter(({ labels: own }) => Object.entries(labels).every(([label, value]) => own[label] === value));
  }

  /** The sum of the values (counters, gauges) of the series that have these labels; 0 for none. */
  value(name: string, labels?: Readonly<Record<string, string>>): number {
    return this.series(name, labels).reduce((sum, { value }) => sum + value, 0);
  }

  /** The number of observations (histograms) in the series that have these labels; 0 for none. */
  count(name: string, labels?: Readonly<Record<string, string>>): number {
    return this.series(name, labels).reduce((sum, { count }) => sum + count, 0);
  }

  /** The sum of what was observed (histograms) in the series that have these labels; 0 for none. */
  sum(name: string, labels?: Readonly<Record<string, string>>): number {
    return this.series(name, labels).reduce((sum, series) => sum + series.sum, 0);
  }

  /** The values that a label has in a family, sorted. */
  labelValues(name: string, label: string): string[] {
    return [...new Set(this.series(name).map(({ labels }) => labels[label]!))].sort();
  }
}
