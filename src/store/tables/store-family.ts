import type { Exemplar } from '../../snapshot/exemplar.ts';
import type { FamilyDefinition, LabelValues, SlotFamily } from '../../snapshot/snapshot.ts';
import type { TimeSlice } from '../../time-slice.ts';
import type { CellAllocator } from './cell-allocator.ts';
import type { FamilyTable, SeriesEntry } from './family-table.ts';
import { BLOCK_CELLS, cellsOf } from '../format/layout.ts';
import { type ExemplarKeeper, ExemplarRing } from './exemplar-ring.ts';
import { carrySeries } from './carried-series.ts';
import type { CellRange, StoredFamily } from '../store.ts';

/**
 * Is told of every series that comes, goes or grows, before it counts: here the mapped store writes
 * its records. `false`: there is no space, and the change must not happen.
 */
export interface Journal {
  series(family: FamilyTable, labelValues: LabelValues, cell: number, startedAt: number): boolean;
  /** The fallback began again, in the cells that it has. */
  restart(family: FamilyTable, startedAt: number): boolean;
  blocks(family: FamilyTable, labelValues: LabelValues, keys: readonly number[], cells: readonly number[]): boolean;
  unblock(family: FamilyTable, labelValues: LabelValues, keys: readonly number[]): boolean;
  /** `false`: the series is still written down, so that its cells may serve no other. */
  removal(family: FamilyTable, labelValues: LabelValues): boolean;
}

const NO_JOURNAL: Journal = {
  series: () => true,
  restart: () => true,
  blocks: () => true,
  unblock: () => true,
  removal: () => true,
};

/**
 * A family whose series are kept in a table, with cells from an allocator: both stores' families.
 */
export class StoreFamily implements StoredFamily {
  readonly table: FamilyTable;
  readonly #allocator: CellAllocator;
  readonly #journal: Journal;
  readonly #exemplars: ExemplarKeeper;

  constructor(
    table: FamilyTable,
    allocator: CellAllocator,
    journal: Journal = NO_JOURNAL,
    exemplars: ExemplarKeeper = new ExemplarRing(),
  ) {
    this.table = table;
    this.#allocator = allocator;
    this.#journal = journal;
    this.#exemplars = exemplars;
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
    const cell = this.#allocator.allocate(width, this.definition.usesReserve);
    if (cell === undefined) return undefined;
    const startedAt = Date.now();
    if (!this.#journal.series(this.table, labelValues, cell, startedAt)) {
      this.#allocator.free(cell, width);
      return undefined;
    }
    this.table.add(labelValues, cell, startedAt);
    return this.#allocator.range(cell);
  }

  takeOver(labelValues: LabelValues, from: StoredFamily): CellRange | undefined {
    const home = this.allocate(labelValues);
    if (home) carrySeries(labelValues, from, { family: this, home });
    return home;
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
    const cell = this.table.get(labelValues)?.blocks.get(key);
    return cell === undefined ? this.addBlocks(labelValues, [key])?.[0] : this.#allocator.range(cell);
  }

  addBlocks(labelValues: LabelValues, keys: readonly number[]): readonly CellRange[] | undefined {
    const entry = this.table.get(labelValues);
    if (!entry) return undefined;
    const missing = keys.filter((key) => !entry.blocks.has(key));
    if (missing.length > 0) {
      const cells = this.#allocateBlocks(missing.length);
      if (!cells) return undefined;
      if (!this.#journal.blocks(this.table, labelValues, missing, cells)) {
        for (const cell of cells) this.#allocator.free(cell, BLOCK_CELLS);
        return undefined;
      }
      for (const [i, key] of missing.entries()) entry.blocks.set(key, cells[i]!);
    }
    return keys.map((key) => this.#allocator.range(entry.blocks.get(key)!));
  }

  dropBlocks(labelValues: LabelValues, keys: readonly number[]): void {
    const entry = this.table.get(labelValues);
    const known = keys.filter((key) => entry?.blocks.has(key));
    // Cells that a record names may not serve another series: without space for the next record the
    // blocks stay.
    if (!entry || known.length === 0 || !this.#journal.unblock(this.table, labelValues, known)) return;
    for (const key of known) {
      this.#allocator.free(entry.blocks.get(key)!, BLOCK_CELLS);
      entry.blocks.delete(key);
    }
  }

  blocks(labelValues: LabelValues): readonly number[] {
    return [...(this.table.get(labelValues)?.blocks.keys() ?? [])];
  }

  read(slice: TimeSlice): Promise<SlotFamily> {
    return this.table.read(this.#allocator.chunks, slice, this.#exemplars);
  }

  exemplify(labelValues: LabelValues, exemplar: Exemplar): void {
    const entry = this.table.get(labelValues);
    if (entry) this.#exemplars.keep(entry.cell, exemplar);
  }

  restart(): void {
    const { fallback } = this.table;
    this.#exemplars.forget(fallback.cell);
    this.#allocator.zero(fallback.cell, cellsOf(this.definition));
    for (const cell of fallback.blocks.values()) this.#allocator.zero(cell, BLOCK_CELLS);
    const startedAt = Date.now();
    if (this.#journal.restart(this.table, startedAt)) this.table.restart(startedAt);
  }

  /** Empties the family, and gives its cells back if it is `gone` from all that is written down. */
  empty(gone: boolean): void {
    for (const entry of [...this.table.entries()]) {
      this.table.delete(entry.labelValues);
      this.#release(entry, gone);
    }
    this.#release(this.table.fallback, gone);
  }

  #allocateBlocks(count: number): number[] | undefined {
    const cells: number[] = [];
    while (cells.length < count) {
      const cell = this.#allocator.allocate(BLOCK_CELLS);
      if (cell === undefined) {
        for (const taken of cells) this.#allocator.free(taken, BLOCK_CELLS);
        return undefined;
      }
      cells.push(cell);
    }
    return cells;
  }

  #release(entry: SeriesEntry, gone: boolean): void {
    const release = (cell: number, width: number): void =>
      gone ? this.#allocator.free(cell, width) : this.#allocator.zero(cell, width);
    this.#exemplars.forget(entry.cell);
    release(entry.cell, cellsOf(this.definition));
    for (const cell of entry.blocks.values()) release(cell, BLOCK_CELLS);
    entry.blocks.clear();
  }
}
