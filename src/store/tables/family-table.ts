import { keepsSparseBuckets, strideOf } from '../../snapshot/snapshot.ts';
import type { FamilyDefinition, LabelValues, SlotFamily, SparseBuckets } from '../../snapshot/snapshot.ts';
import type { TimeSlice } from '../../time-slice.ts';
import { rangeIn } from './cell-allocator.ts';
import type { ExemplarKeeper } from './exemplar-ring.ts';
import { cellsOf, countsEnd, OVERFLOW, readSeries, readSummary } from '../format/layout.ts';
import { readNativeHistogram } from '../format/native-histogram.ts';

/** Where a series' numbers are: the numbers of its cells (see CellAllocator). */
export interface SeriesEntry {
  readonly labelValues: LabelValues;
  readonly cell: number;
  /** Summaries and native histograms: the cells of each block of buckets, by the block's key. */
  readonly blocks: Map<number, number>;
}

/** For the series of families that have no such buckets, of which there are many. */
const NO_BLOCKS: Map<number, number> = new Map();

/**
 * The series of one family in one slot: what the owner keeps in memory, and what a reader builds
 * from the slot's names.
 */
export class FamilyTable {
  readonly id: number;
  readonly fallback: SeriesEntry;
  readonly #entries: Map<string, SeriesEntry> = new Map();
  #definition: FamilyDefinition;
  #definedAt: number;
  #columns: { readonly entries: readonly SeriesEntry[]; readonly series: readonly LabelValues[] } | undefined;
  #fallbackShown = false;
  #behind = false;

  constructor(id: number, definition: FamilyDefinition, definedAt: number, fallbackCell: number) {
    this.id = id;
    this.#definition = definition;
    this.#definedAt = definedAt;
    const labelValues = Object.freeze(definition.labelNames.map(() => OVERFLOW));
    this.fallback = { labelValues, cell: fallbackCell, blocks: new Map() };
  }

  get definition(): FamilyDefinition {
    return this.#definition;
  }

  get definedAt(): number {
    return this.#definedAt;
  }

  /** Whether the last reading was of cells that speak of blocks that are not known here. */
  get behind(): boolean {
    return this.#behind;
  }

  /** Another text for the same numbers: a help that a new version of the application words anew. */
  redefine(definition: FamilyDefinition, definedAt: number): void {
    this.#definition = definition;
    this.#definedAt = definedAt;
    this.#columns = undefined;
  }

  /** All series but the fallback. */
  entries(): Iterable<SeriesEntry> {
    return this.#entries.values();
  }

  /** All series and the fallback. */
  *all(): Iterable<SeriesEntry> {
    yield this.fallback;
    yield* this.#entries.values();
  }

  get(labelValues: LabelValues): SeriesEntry | undefined {
    const entry = this.#entries.get(keyOf(labelValues));
    return entry ?? (this.#isFallback(labelValues) ? this.fallback : undefined);
  }

  add(labelValues: LabelValues, cell: number): SeriesEntry {
    const blocks = keepsSparseBuckets(this.#definition) ? new Map<number, number>() : NO_BLOCKS;
    const entry = { labelValues: Object.freeze([...labelValues]), cell, blocks };
    this.#entries.set(keyOf(labelValues), entry);
    this.#columns = undefined;
    return entry;
  }

  delete(labelValues: LabelValues): SeriesEntry | undefined {
    const key = keyOf(labelValues);
    const entry = this.#entries.get(key);
    if (entry) {
      this.#entries.delete(key);
      this.#columns = undefined;
    }
    return entry;
  }

  /**
   * The family's numbers from the cells as they are in `chunks`. `series` is the same list from
   * call to call until a series comes or goes. Copies, so the snapshot stays what it is.
   */
  async read(
    chunks: readonly Float64Array[],
    slice: TimeSlice,
    kept: Pick<ExemplarKeeper, 'of' | 'isEmpty'>,
  ): Promise<SlotFamily> {
    const { definition, definedAt } = this;
    this.#behind = false;
    const { entries, series } = this.#list(chunks);
    const stride = strideOf(definition);
    const values = new Float64Array(entries.length * stride);
    const sparse: SparseBuckets[] | undefined = keepsSparseBuckets(definition) ? [] : undefined;
    for (let i = 0; i < entries.length; i++) {
      const { cell, blocks } = entries[i]!;
      const { cells, index } = rangeIn(chunks, cell);
      if (sparse) {
        const ranges = new Map([...blocks].map(([key, block]) => [key, rangeIn(chunks, block)]));
        if (definition.native) {
          const { buckets, behind } = readNativeHistogram(definition, cells, index, ranges, values, i * stride);
          sparse.push(buckets);
          this.#behind ||= behind;
        } else {
          const summary = readSummary(cells, index, ranges);
          values[i] = summary.sum;
          sparse.push(summary.buckets);
        }
      } else {
        readSeries(definition, cells, index, values, i * stride);
      }
      if ((i & 255) === 255 && slice.spent) await slice.rest();
    }
    const exemplars = kept.isEmpty ? [] : entries.map(({ cell }) => kept.of(cell));
    const exemplified = exemplars.some((list) => list.length > 0);
    return { definition, definedAt, series, values, ...(sparse && { sparse }), ...(exemplified && { exemplars }) };
  }

  #list(chunks: readonly Float64Array[]): {
    readonly entries: readonly SeriesEntry[];
    readonly series: readonly LabelValues[];
  } {
    const shown = this.definition.labelNames.length === 0 || this.#hasCounted(chunks);
    if (!this.#columns || shown !== this.#fallbackShown) {
      this.#fallbackShown = shown;
      const entries = shown ? [this.fallback, ...this.#entries.values()] : [...this.#entries.values()];
      this.#columns = { entries, series: entries.map((entry) => entry.labelValues) };
    }
    return this.#columns;
  }

  #hasCounted(chunks: readonly Float64Array[]): boolean {
    if (this.fallback.blocks.size > 0) return true;
    const { cells, index } = rangeIn(chunks, this.fallback.cell);
    const { definition } = this;
    const end = index + (definition.type === 'histogram' ? countsEnd(definition) : cellsOf(definition));
    for (let i = index; i < end; i++) if (cells[i] !== 0) return true;
    return false;
  }

  #isFallback(labelValues: LabelValues): boolean {
    return labelValues.every((value) => value === OVERFLOW);
  }
}

/** One string for a label set that no other has. */
function keyOf(labelValues: LabelValues): string {
  return labelValues.length === 1 ? labelValues[0]! : JSON.stringify(labelValues);
}
