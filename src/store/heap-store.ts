import type { FamilyDefinition, SlotFamily, SlotSnapshot } from '../snapshot/snapshot.ts';
import type { TimeSlice } from '../time-slice.ts';
import { type Board, HeapBoard } from './board.ts';
import { CHUNK_CELLS } from './format/cells-file.ts';
import { CellAllocator } from './tables/cell-allocator.ts';
import { ExemplarRing } from './tables/exemplar-ring.ts';
import { FamilyTable } from './tables/family-table.ts';
import { cellsOf } from './format/layout.ts';
import { StoreFamily } from './tables/store-family.ts';
import { SlotIntent } from './tables/slot-intent.ts';
import type { Intent, Store, StoredFamily, StoreStatus } from './store.ts';

/**
 * Numbers on the heap of one process: the default, and all there is where files can't be mapped.
 */
export class HeapStore implements Store {
  readonly startTimestamp: number = Date.now() / 1000;
  readonly shared = false;
  readonly board: Board = new HeapBoard();
  readonly #allocator: CellAllocator = new CellAllocator([], 0, () => new Float64Array(CHUNK_CELLS));
  readonly #exemplars: ExemplarRing = new ExemplarRing();
  readonly #intent: Intent = new SlotIntent();
  readonly #families: Set<StoreFamily> = new Set();

  define(definition: FamilyDefinition): StoredFamily {
    const now = Date.now();
    const table = new FamilyTable(0, definition, now, this.#allocator.allocate(cellsOf(definition))!, now);
    const family = new StoreFamily(table, this.#allocator, undefined, this.#exemplars);
    this.#families.add(family);
    return family;
  }

  undefine(family: StoredFamily): void {
    if (family instanceof StoreFamily && this.#families.delete(family)) family.empty(true);
  }

  intent(): Intent {
    return this.#intent;
  }

  async read(slice: TimeSlice): Promise<readonly SlotSnapshot[]> {
    const families: SlotFamily[] = [];
    for (const { table } of this.#families) {
      if (table.definition.settlesInto !== undefined) continue;
      families.push(await table.read(this.#allocator.chunks, slice, this.#exemplars));
    }
    return [{ live: true, families }];
  }

  status(): StoreStatus {
    return {
      slots: [],
      bytes: this.#allocator.chunks.length * CHUNK_CELLS * 8,
      quarantined: 0,
      damaged: 0,
      unreadable: 0,
      full: false,
    };
  }

  close(): void {
    this.#families.clear();
  }
}
