import type { LabelValues } from '../snapshot/snapshot.ts';

/** The lines of one series up to their values, in the order of the family's layout. */
export type MakeLines = (labels: LabelValues) => readonly string[];

/**
 * What {@link FamilyLines} leaves for the next scrape: `lines.length / width` series have their
 * lines here.
 */
export interface KeptLines {
  readonly series: readonly LabelValues[];
  readonly lines: readonly string[];
}

const NOTHING: KeptLines = { series: [], lines: [] };

/**
 * The lines of a family's series, one series after the other, taken from an earlier scrape where
 * they were on it: a series is known by its LabelValues object. Both scrapes are sorted, so that
 * one pass over both finds what came and went.
 */
export class FamilyLines {
  /** Set once there is no more room: lines that are not kept already will not be. */
  full = false;
  readonly #series: readonly LabelValues[];
  readonly #width: number;
  readonly #make: MakeLines;
  readonly #old: KeptLines;
  #index = 0;
  #oldIndex = 0;
  /** The kept lines of the series read so far; the old ones as long as those are the same. */
  #own: string[] | undefined;
  #lines: readonly string[];

  /** `width` is the number of lines a series. */
  constructor(series: readonly LabelValues[], width: number, make: MakeLines, old: KeptLines = NOTHING) {
    this.#series = series;
    this.#width = width;
    this.#make = make;
    this.#old = old;
    this.#lines = old.lines;
  }

  /** Goes to the next series. Returns where in `lines` its lines begin. */
  next(): number {
    const labels = this.#series[this.#index++]!;
    if (this.#own === undefined) {
      if (this.#isOld(labels)) return this.#oldIndex++ * this.#width;
      this.#own = this.#old.lines.slice(0, this.#oldIndex * this.#width);
    }
    const lines = this.#takeOld(labels) ?? this.#make(labels);
    this.#lines = this.full ? lines : this.#own;
    return this.full ? 0 : this.#own.push(...lines) - this.#width;
  }

  /** An array that holds the lines of the series that `next` went to. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  /** What the next scrape can take over, once all series have been read. */
  toKept(): KeptLines {
    const lines = this.#own ?? this.#old.lines.slice(0, this.#series.length * this.#width);
    return { series: this.#series, lines };
  }

  #takeOld(labels: LabelValues): readonly string[] | undefined {
    const { series, lines } = this.#old;
    while (this.#oldIndex * this.#width < lines.length && precedes(series[this.#oldIndex]!, labels)) this.#oldIndex++;
    if (!this.#isOld(labels)) return undefined;
    const start = this.#oldIndex++ * this.#width;
    return lines.slice(start, start + this.#width);
  }

  #isOld(labels: LabelValues): boolean {
    return this.#oldIndex * this.#width < this.#old.lines.length && this.#old.series[this.#oldIndex] === labels;
  }
}

function precedes(a: LabelValues, b: LabelValues): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return a[i]! < b[i]!;
  return false;
}
