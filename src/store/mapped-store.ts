import type { FamilyDefinition, SlotSnapshot } from '../snapshot/snapshot.ts';
import { MetricsError } from '../errors.ts';
import type { TimeSlice } from '../time-slice.ts';
import type { Board } from './board.ts';
import { CellAllocator, CHUNK_CELLS } from './tables/cell-allocator.ts';
import { Directory } from './files/directory.ts';
import { DirectoryReader } from './reader/directory-reader.ts';
import { FileBoard } from './files/file-board.ts';
import { FamilyTable } from './tables/family-table.ts';
import { cellsOf } from './format/layout.ts';
import { Slot } from './writer/slot.ts';
import { type Claim, claimSlot } from './writer/slot-claim.ts';
import type { Store, StoredFamily, StoreStatus } from './store.ts';
import { TableFamily } from './tables/table-family.ts';

/** What a mapped store is opened with. */
export interface MappedStoreOptions {
  /**
   * The directory that the processes share; made where it is missing. On a local file system, best
   * in memory.
   */
  readonly directory: string;
  /** What kind of process this is: `[a-z0-9_]+`, the first part of the slot's name. */
  readonly role: string;
  /** What becomes of a directory's values when no other process lives. @default 'keep' */
  readonly onColdStart?: 'keep' | 'reset';
}

const HEARTBEAT_MS = 1000;
const ROLE = /^[a-z0-9_]{1,64}$/;

/**
 * Numbers in files that processes share: exact over any number of them, and still there after
 * SIGKILL.
 */
export class MappedStore implements Store {
  readonly shared = true;
  readonly board: Board;
  readonly #directory: Directory;
  /**
   * None where the directory had no space for one: the page is shown all the same, without what
   * this process counts.
   */
  readonly #slot: Slot | undefined;
  readonly #reader: DirectoryReader;
  readonly #heartbeat: NodeJS.Timeout;
  readonly #quarantinedAtStart: number;
  /** Where families count that the directory has no space for: on no page. */
  #spill: CellAllocator | undefined;
  #spilled = false;
  #closed = false;

  /**
   * @throws MetricsError ERR_METRICS_INVALID_OPTION for a role that is none;
   *   ERR_METRICS_STORE_DIRECTORY or ERR_METRICS_STORE_UNSUPPORTED: see Directory and loadNative;
   *   ERR_METRICS_STORE_FULL where a new directory finds no space.
   */
  constructor({ directory, role, onColdStart = 'keep' }: MappedStoreOptions) {
    if (!ROLE.test(role)) {
      throw new MetricsError(
        'ERR_METRICS_INVALID_OPTION',
        `${JSON.stringify(role.slice(0, 80))} is not a role: use 1 to 64 small letters, digits and underscores, such as web or worker`,
      );
    }
    this.#directory = new Directory(directory);
    this.board = new FileBoard(this.#directory.path);
    const claim = this.#claim(role, onColdStart);
    this.#quarantinedAtStart = claim?.quarantined ?? 0;
    this.#slot = claim && new Slot(this.#directory, claim.slot);
    this.#reader = new DirectoryReader(this.#directory);
    this.#heartbeat = setInterval(() => this.#slot?.heal(), HEARTBEAT_MS).unref();
  }

  get startTimestamp(): number {
    return this.#directory.startTimestamp;
  }

  /** The directory's path. */
  get path(): string {
    return this.#directory.path;
  }

  /** The slot's name: `<role>-<n>`. */
  get slotName(): string | undefined {
    return this.#slot?.name;
  }

  define(definition: FamilyDefinition): StoredFamily {
    return this.#slot?.define(definition) ?? this.#defineAside(definition);
  }

  undefine(family: StoredFamily): void {
    if (family instanceof TableFamily) this.#slot?.undefine(family);
  }

  async read(slice: TimeSlice): Promise<readonly SlotSnapshot[]> {
    this.#slot?.heal();
    return this.#reader.read(slice);
  }

  status(): StoreStatus {
    const slots = this.#reader.slots();
    return {
      slots,
      bytes: slots.reduce((sum, { bytes }) => sum + bytes, 0),
      quarantined: this.#quarantinedAtStart + this.#reader.quarantined + this.board.damaged,
      full: this.#spilled || (this.#slot?.full ?? true),
    };
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#heartbeat);
    this.#slot?.close();
  }

  #claim(role: string, onColdStart: 'keep' | 'reset'): Claim | undefined {
    try {
      return claimSlot(this.#directory, role, onColdStart);
    } catch (error) {
      if (!(error instanceof MetricsError) || error.code !== 'ERR_METRICS_STORE_FULL') throw error;
      // Metrics are no reason for an application not to start.
      process.emitWarning(`${error.message}; until it starts again, this process counts nothing`, {
        code: 'WARN_METRICS_STORE_FULL',
      });
      return undefined;
    }
  }

  #defineAside(definition: FamilyDefinition): TableFamily {
    this.#spilled = true;
    this.#spill ??= new CellAllocator([], 0, () => new Float64Array(CHUNK_CELLS));
    const cell = this.#spill.allocate(cellsOf(definition))!;
    return new TableFamily(new FamilyTable(0, definition, Date.now(), cell), this.#spill);
  }
}
