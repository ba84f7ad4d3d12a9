import { join, resolve } from 'node:path';
import type { FamilyDefinition, SlotSnapshot } from '../../snapshot/snapshot.ts';
import type { TimeSlice } from '../../time-slice.ts';
import type { Board } from '../board.ts';
import { CHUNK_CELLS } from '../format/cells-file.ts';
import { CellAllocator } from '../tables/cell-allocator.ts';
import { readDirectoryFile } from '../files/read-directory-file.ts';
import { listSlots } from '../files/slot-files.ts';
import { DirectoryReader, type ReadableDirectory } from './directory-reader.ts';
import { FileBoard } from '../files/file-board.ts';
import { FamilyTable } from '../tables/family-table.ts';
import { cellsOf } from '../format/layout.ts';
import { systemCalls } from '../files/system-calls.ts';
import type { Intent, Store, StoredFamily, StoreStatus } from '../store.ts';
import { SlotIntent } from '../tables/slot-intent.ts';
import { StoreFamily } from '../tables/store-family.ts';

/**
 * A younger directory in the place of a wiped one may be short-lived: live processes put theirs
 * back every second.
 */
const PATIENCE_MS = 3000;

/** A directory's numbers for a process that only reads them: it owns no slot and writes nothing. */
export class ReadOnlyStore implements Store {
  readonly shared = true;
  readonly board: Board;
  readonly #directory: SeenDirectory;
  readonly #reader: DirectoryReader;
  readonly #intent: Intent = new SlotIntent();
  readonly #aside: CellAllocator = new CellAllocator([], 0, () => new Float64Array(CHUNK_CELLS));

  /**
   * @param path of a directory, which may be missing still
   * @throws MetricsError ERR_METRICS_STORE_UNSUPPORTED where there are no locks that tell the
   *   living from the dead.
   */
  constructor(path: string) {
    systemCalls();
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

  /** For families that this process defines itself: they are on no page. */
  define(definition: FamilyDefinition): StoredFamily {
    const cell = this.#aside.allocate(cellsOf(definition))!;
    return new StoreFamily(new FamilyTable(0, definition, Date.now(), cell), this.#aside);
  }

  undefine(): void {}

  intent(): Intent {
    return this.#intent;
  }

  async read(slice: TimeSlice): Promise<readonly SlotSnapshot[]> {
    this.#directory.refresh();
    return this.#reader.read(slice);
  }

  status(): StoreStatus {
    const slots = this.#reader.slots();
    return {
      slots,
      bytes: slots.reduce((sum, { bytes }) => sum + bytes, 0),
      quarantined: 0,
      damaged: this.#reader.damaged,
      unreadable: this.#reader.unreadable,
      full: false,
    };
  }

  close(): void {}
}

/** A directory that this process may not write. */
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
   * Changes when the directory is reset, or wiped after all who counted in it have gone.
   */
  get resetId(): string {
    return `${this.#reset} ${this.#replaced}`;
  }

  join(name: string): string {
    return join(this.path, name);
  }

  slotNames(): string[] {
    return listSlots(this.path);
  }

  /**
   * Reads directory.json again. While it is missing or can't be read, what it said last stays.
   */
  refresh(): void {
    const there = this.#look();
    if (typeof there !== 'object') return;
    const { createdAt, reset } = there;
    const known = this.#createdAt;
    const wasReset = reset !== undefined && reset !== this.#reset;
    if (known !== undefined && createdAt > known && !wasReset) {
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
