import { join, resolve } from 'node:path';
import type { FamilyDefinition, SlotSnapshot } from '../../snapshot/snapshot.ts';
import type { TimeSlice } from '../../time-slice.ts';
import type { Board } from '../board.ts';
import { CellAllocator, CHUNK_CELLS } from '../tables/cell-allocator.ts';
import { readDirectoryFile, slotNames } from '../format/directory-file.ts';
import { DirectoryReader, type ReadableDirectory } from './directory-reader.ts';
import { FileBoard } from '../files/file-board.ts';
import { FamilyTable } from '../tables/family-table.ts';
import { cellsOf } from '../format/layout.ts';
import { loadNative } from '../files/system-calls.ts';
import type { Store, StoredFamily, StoreStatus } from '../store.ts';
import { TableFamily } from '../tables/table-family.ts';

/**
 * A younger directory in the place of a wiped one may be a passing one: processes that live put
 * theirs back every second.
 */
const PATIENCE_MS = 3000;

/**
 * What processes have counted in a directory, for one that only looks: it owns no slot, writes
 * nothing, and need not be allowed to.
 */
export class ReadOnlyStore implements Store {
  readonly shared = true;
  readonly board: Board;
  readonly #directory: SeenDirectory;
  readonly #reader: DirectoryReader;
  readonly #aside: CellAllocator = new CellAllocator([], 0, () => new Float64Array(CHUNK_CELLS));

  /**
   * @param path of a directory that may be yet to come
   * @throws MetricsError ERR_METRICS_STORE_UNSUPPORTED where there are no locks that tell the
   *   living from the dead.
   */
  constructor(path: string) {
    loadNative();
    this.#directory = new SeenDirectory(path);
    this.#reader = new DirectoryReader(this.#directory, false);
    this.board = new FileBoard(this.#directory.path, false);
  }

  get startTimestamp(): number {
    return this.#directory.startTimestamp;
  }

  /** The directory's path. */
  get path(): string {
    return this.#directory.path;
  }

  /** For what this process counts itself: on no page. */
  define(definition: FamilyDefinition): StoredFamily {
    const cell = this.#aside.allocate(cellsOf(definition))!;
    return new TableFamily(new FamilyTable(0, definition, Date.now(), cell), this.#aside);
  }

  undefine(): void {}

  async read(slice: TimeSlice): Promise<readonly SlotSnapshot[]> {
    this.#directory.refresh();
    return this.#reader.read(slice);
  }

  status(): StoreStatus {
    const slots = this.#reader.slots();
    return { slots, bytes: slots.reduce((sum, { bytes }) => sum + bytes, 0), quarantined: 0, full: false };
  }

  close(): void {}
}

/** A directory as one who may not write sees it. */
class SeenDirectory implements ReadableDirectory {
  readonly path: string;
  #createdAt: number | undefined;
  #reset: string | undefined;
  #replaced = 0;
  readonly #openedAt: number = Date.now();

  constructor(path: string) {
    this.path = resolve(path);
    this.refresh();
  }

  get startTimestamp(): number {
    return (this.#createdAt ?? this.#openedAt) / 1000;
  }

  /**
   * Another one where somebody had the directory begin anew, or it was wiped and everybody who
   * counted in it has gone.
   */
  get beginning(): string {
    return `${this.#reset} ${this.#replaced}`;
  }

  join(name: string): string {
    return join(this.path, name);
  }

  slotNames(): string[] {
    return slotNames(this.path);
  }

  /**
   * Looks which directory is there now. One that is gone, or unreadable for now, stays what it was.
   */
  refresh(): void {
    const there = this.#look();
    if (typeof there !== 'object') return;
    const { createdAt, reset } = there;
    const known = this.#createdAt;
    const anew = reset !== undefined && reset !== this.#reset;
    if (known !== undefined && createdAt > known && !anew) {
      if (Date.now() - createdAt < PATIENCE_MS) return;
      this.#replaced++;
    }
    this.#createdAt = createdAt;
    this.#reset = reset;
  }

  #look(): ReturnType<typeof readDirectoryFile> {
    try {
      return readDirectoryFile(this.path);
    } catch {
      return 'damaged';
    }
  }
}
