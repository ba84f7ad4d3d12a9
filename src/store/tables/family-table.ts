import { keepsSparseBuckets, strideOf } from '../../snapshot/snapshot.ts';
import type { FamilyDefinition, LabelValues, SlotFamily, SparseBuckets } from '../../snapshot/snapshot.ts';
import { LabelIndex } from '../../snapshot/label-index.ts';
import type { TimeSlice } from '../../time-slice.ts';
import { rangeIn } from '../format/cells-file.ts';
import type { ExemplarKeeper } from './exemplar-ring.ts';
import { fence } from '../format/fence.ts';
import { cellsOf, countsEnd, OVERFLOW, readSeries, readSummary } from '../format/layout.ts';
import { readNativeHistogram } from '../format/native-histogram.ts';

/** A series in a table: where its cells are (see CellAllocator), and when it began. */
export interface SeriesEntry {
  readonly labelValues: LabelValues;
  readonly cell: number;
  /** In ms of the Unix epoch; `undefined` for one that the first version of the format wrote. */
  startedAt: number | undefined;
  /** Summaries and native histograms: the cells of each block of buckets, by the block's key. */
  readonly blocks: Map<number, number>;
}

/** What the series of a reading have in common; the same object until a series comes or goes. */
interface Columns {
  readonly entries: readonly SeriesEntry[];
  readonly series: readonly LabelValues[];
  /** In seconds of the Unix epoch; NaN where a series does not say. */
  readonly starts: Float64Array;
}

function columnsOf(entries: Iterable<SeriesEntry>): Columns {
  const list = [...entries];
  return {
    entries: list,
    series: list.map(({ labelValues }) => labelValues),
    starts: Float64Array.from(list, ({ startedAt }) => (startedAt ?? Number.NaN) / 1000),
  };
}

const NONE_SKIPPED: ReadonlySet<SeriesEntry> = new Set();

/** For the series of families that have no such buckets, of which there are many. */
const NO_BLOCKS: Map<number, number> = new Map();

/**
 * The series of one family in one slot: what the owner keeps in memory, and what a reader builds
 * from the slot's names.
 */
export class FamilyTable {
  readonly id: number;
  readonly fallback: SeriesEntry;
  readonly #entries: LabelIndex<SeriesEntry> = new LabelIndex();
  #definition: FamilyDefinition;
  #definedAt: number;
  #columns: Columns | undefined;
  #fallbackShown = false;
  #behind = false;
  #damaged = 0;
  /** The last reading, for cells that are damaged since. */
  #last: { readonly columns: Columns; readonly values: Float64Array } | undefined;

  constructor(id: number, definition: FamilyDefinition, definedAt: number, fallbackCell: number, startedAt?: number) {
    this.id = id;
    this.#definition = definition;
    this.#definedAt = definedAt;
    const labelValues = Object.freeze(definition.labelNames.map(() => OVERFLOW));
    this.fallback = { labelValues, cell: fallbackCell, startedAt, blocks: new Map() };
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

  /** How many cells were damaged at the last reading. */
  get damaged(): number {
    return this.#damaged;
  }

  /** Updates the definition when only its texts changed, or the fallback's start. */
  redefine(
    definition: FamilyDefinition,
    definedAt: number,
    startedAt: number | undefined = this.fallback.startedAt,
  ): void {
    this.#definition = definition;
    this.#definedAt = definedAt;
    this.fallback.startedAt = startedAt;
    this.#columns = undefined;
  }

  /** Notes that the fallback began again. */
  restart(startedAt: number): void {
    this.fallback.startedAt = startedAt;
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
    const entry = this.#entries.get(labelValues);
    return entry ?? (this.#isFallback(labelValues) ? this.fallback : undefined);
  }

  /** @param labelValues are frozen, and kept as they are */
  add(labelValues: LabelValues, cell: number, startedAt: number | undefined): SeriesEntry {
    const blocks = keepsSparseBuckets(this.#definition) ? new Map<number, number>() : NO_BLOCKS;
    const entry = { labelValues: Object.freeze(labelValues), cell, startedAt, blocks };
    this.#entries.set(entry);
    this.#columns = undefined;
    return entry;
  }

  delete(labelValues: LabelValues): SeriesEntry | undefined {
    const entry = this.#entries.delete(labelValues);
    if (entry) this.#columns = undefined;
    return entry;
  }

  /**
   * Reads the family's numbers from the cells in `chunks`. `series` is the same list from call to
   * call until a series comes or goes. Copies, so the snapshot stays as it is.
   *
   * @param skipped series that are left out, since their cells changed hands during the reading
   */
  async read(
    chunks: readonly Float64Array[],
    slice: TimeSlice,
    kept: Pick<ExemplarKeeper, 'of' | 'isEmpty'>,
    skipped: ReadonlySet<SeriesEntry> = NONE_SKIPPED,
  ): Promise<SlotFamily> {
    const { definition, definedAt } = this;
    this.#behind = false;
    this.#damaged = 0;
    const columns = this.#list(chunks, skipped);
    const { entries, series, starts } = columns;
    const last = this.#last?.columns === columns ? this.#last.values : undefined;
    const stride = strideOf(definition);
    const values = new Float64Array(entries.length * stride);
    const sparse: SparseBuckets[] | undefined = keepsSparseBuckets(definition) ? [] : undefined;
    for (let i = 0; i < entries.length; i++) {
      const { cell, blocks } = entries[i]!;
      const { cells, index } = rangeIn(chunks, cell);
      if (sparse) {
        const ranges = new Map([...blocks].map(([key, block]) => [key, rangeIn(chunks, block)]));
        if (definition.native) {
          const reading = readNativeHistogram(definition, cells, index, ranges, values, i * stride);
          sparse.push(reading.buckets);
          this.#behind ||= reading.behind;
          this.#damaged += reading.damaged;
        } else {
          const summary = readSummary(cells, index, ranges);
          values[i] = summary.sum;
          sparse.push(summary.buckets);
          this.#damaged += summary.damaged;
        }
      } else {
        readSeries(definition, cells, index, values, i * stride);
      }
      this.#damaged += fence(definition, values, i * stride, last);
      if ((i & 255) === 255 && slice.spent) await slice.rest();
    }
    this.#last = { columns, values };
    const exemplars = kept.isEmpty ? [] : entries.map(({ cell }) => kept.of(cell));
    const exemplified = exemplars.some((list) => list.length > 0);
    return {
      definition,
      definedAt,
      series,
      starts,
      values,
      ...(sparse && { sparse }),
      ...(exemplified && { exemplars }),
    };
  }

  #list(chunks: readonly Float64Array[], skipped: ReadonlySet<SeriesEntry>): Columns {
    const shown = this.definition.labelNames.length === 0 || this.#hasCounted(chunks);
    if (skipped.size > 0) {
      const all = columnsOf(shown ? this.all() : this.entries());
      if (all.entries.some((entry) => skipped.has(entry))) {
        return columnsOf(all.entries.filter((entry) => !skipped.has(entry)));
      }
    }
    if (!this.#columns || shown !== this.#fallbackShown) {
      this.#fallbackShown = shown;
      this.#columns = columnsOf(shown ? this.all() : this.entries());
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
