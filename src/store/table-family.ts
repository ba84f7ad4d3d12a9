import type { FamilyDefinition, LabelValues, SlotFamily } from '../snapshot/snapshot.ts';
import type { TimeSlice } from '../time-slice.ts';
import type { CellAllocator } from './cell-allocator.ts';
import type { FamilyTable, SeriesEntry } from './family-table.ts';
import { BLOCK_CELLS, cellsOf } from './layout.ts';
import type { CellRange, StoredFamily } from './store.ts';

/**
 * Told of every series that comes, goes or grows, before it counts: the mapped store writes it down here.
 * `false`: there is no space, and the series must not be.
 */
export interface Journal {
  series(family: FamilyTable, labelValues: LabelValues, cell: number): boolean;
  block(family: FamilyTable, labelValues: LabelValues, key: number, cell: number): boolean;
  /** `false`: the series is still written down, so that its cells may serve no other. */
  removal(family: FamilyTable, labelValues: LabelValues): boolean;
}

const NO_JOURNAL: Journal = { series: () => true, block: () => true, removal: () => true };

/** A family whose series are kept in a table, with cells from an allocator: both stores' families. */
export class TableFamily implements StoredFamily {
  readonly table: FamilyTable;
  readonly #allocator: CellAllocator;
  readonly #journal: Journal;

  constructor(table: FamilyTable, allocator: CellAllocator, journal: Journal = NO_JOURNAL) {
    this.table = table;
    this.#allocator = allocator;
    this.#journal = journal;
  }

  get definition(): FamilyDefinition {
    return this.table.definition;
  }

  get fallback(): CellRange {
    return this.#allocator.range(this.table.fallback.cell);
  }

  allocate(labelValues: LabelValues): CellRange | undefined {
    const known = this.table.get(labelValues);
    if (known) return this.#allocator.range(known.cell);
    const width = cellsOf(this.definition);
    const cell = this.#allocator.allocate(width);
    if (cell === undefined) return undefined;
    if (!this.#journal.series(this.table, labelValues, cell)) {
      this.#allocator.free(cell, width);
      return undefined;
    }
    this.table.add(labelValues, cell);
    return this.#allocator.range(cell);
  }

  *series(): Iterable<LabelValues> {
    for (const { labelValues } of this.table.entries()) yield labelValues;
  }

  remove(labelValues: LabelValues): void {
    const entry = this.table.get(labelValues);
    if (!entry || entry === this.table.fallback) return;
    const gone = this.#journal.removal(this.table, labelValues);
    this.table.delete(labelValues);
    this.#release(entry, gone);
  }

  block(labelValues: LabelValues, key: number): CellRange | undefined {
    const entry = this.table.get(labelValues);
    if (!entry) return undefined;
    let cell = entry.blocks.get(key);
    if (cell === undefined) {
      cell = this.#allocator.allocate(BLOCK_CELLS);
      if (cell === undefined) return undefined;
      if (!this.#journal.block(this.table, labelValues, key, cell)) {
        this.#allocator.free(cell, BLOCK_CELLS);
        return undefined;
      }
      entry.blocks.set(key, cell);
    }
    return this.#allocator.range(cell);
  }

  blocks(labelValues: LabelValues): readonly number[] {
    return [...(this.table.get(labelValues)?.blocks.keys() ?? [])];
  }

  read(slice: TimeSlice): Promise<SlotFamily> {
    return this.table.read(this.#allocator.chunks, slice);
  }

  /** Empties the family, and gives its cells back if it is `gone` from all that is written down. */
  empty(gone: boolean): void {
    for (const entry of [...this.table.entries()]) {
      this.table.delete(entry.labelValues);
      this.#release(entry, gone);
    }
    this.#release(this.table.fallback, gone);
  }

  #release(entry: SeriesEntry, gone: boolean): void {
    const release = (cell: number, width: number): void =>
      gone ? this.#allocator.free(cell, width) : this.#allocator.zero(cell, width);
    release(entry.cell, cellsOf(this.definition));
    for (const cell of entry.blocks.values()) release(cell, BLOCK_CELLS);
    entry.blocks.clear();
  }
}
