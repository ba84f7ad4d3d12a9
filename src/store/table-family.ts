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
  removal(family: FamilyTable, labelValues: LabelValues): void;
}

const NO_JOURNAL: Journal = { series: () => true, block: () => true, removal: () => {} };

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

  remove(labelValues: LabelValues): void {
    const entry = this.table.delete(labelValues);
    if (!entry) return;
    this.#journal.removal(this.table, labelValues);
    this.#free(entry);
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

  /** Gives all of the family's cells back. */
  freeAll(): void {
    for (const entry of [...this.table.entries()]) {
      this.table.delete(entry.labelValues);
      this.#free(entry);
    }
    this.#free(this.table.fallback);
  }

  #free(entry: SeriesEntry): void {
    this.#allocator.free(entry.cell, cellsOf(this.definition));
    for (const cell of entry.blocks.values()) this.#allocator.free(cell, BLOCK_CELLS);
    entry.blocks.clear();
  }
}
