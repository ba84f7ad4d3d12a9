import type { LabelValues } from '../snapshot/snapshot.ts';

/** The lines of one series up to their values, in the order of the family's layout. */
export type MakeLines = (labels: LabelValues) => readonly string[];

/** What {@link FamilyLines} leaves for the next scrape: `lines.length / width` series have their lines here. */
export interface KeptLines {
  readonly series: readonly LabelValues[];
  readonly lines: readonly string[];
}

const NOTHING: KeptLines = { series: [], lines: [] };

/**
 * The lines of a family's series, one series after the other, taken from an earlier scrape where they were on it:
 * a series is known by its LabelValues object. Both scrapes are sorted, so that one pass over both finds what came and went.
 */
export class FamilyLines {
  /** The lines of the series read so far; of those that were not kept only the last one's. */
  readonly lines: string[] = [];
  /** Set once there is no more room: from then on nothing is kept. */
  full = false;
  readonly #series: readonly LabelValues[];
  readonly #width: number;
  readonly #make: MakeLines;
  readonly #old: KeptLines;
  readonly #oldCount: number;
  #oldIndex = 0;
  #index = 0;

  /** `width` is the number of lines a series. */
  constructor(series: readonly LabelValues[], width: number, make: MakeLines, old: KeptLines = NOTHING) {
    this.#series = series;
    this.#width = width;
    this.#make = make;
    this.#old = old;
    this.#oldCount = old.lines.length / width;
  }

  /** Goes to the next series. Returns where in `lines` its lines begin. */
  next(): number {
    const { lines } = this;
    const width = this.#width;
    if (this.full) lines.length -= width;
    const start = lines.length;
    const labels = this.#series[this.#index++]!;
    const old = this.#old.series;
    while (
      this.#oldIndex < this.#oldCount &&
      old[this.#oldIndex] !== labels &&
      precedes(old[this.#oldIndex]!, labels)
    ) {
      this.#oldIndex++;
    }
    if (this.#oldIndex < this.#oldCount && old[this.#oldIndex] === labels) {
      const from = this.#oldIndex++ * width;
      for (let i = 0; i < width; i++) lines.push(this.#old.lines[from + i]!);
    } else {
      lines.push(...this.#make(labels));
    }
    return start;
  }

  /** What the next scrape can take over, once all series have been read. */
  toKept(): KeptLines {
    return { series: this.#series, lines: this.lines };
  }
}

function precedes(a: LabelValues, b: LabelValues): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return a[i]! < b[i]!;
  return false;
}
