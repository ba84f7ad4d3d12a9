import type { FamilyDefinition, SlotSnapshot } from '../snapshot/snapshot.ts';
import { MetricsError } from '../errors.ts';
import type { TimeSlice } from '../time-slice.ts';
import type { Board } from './board.ts';
import { Directory } from './files/directory.ts';
import { DirectoryReader } from './reader/directory-reader.ts';
import { FileBoard } from './files/file-board.ts';
import { HeapStore } from './heap-store.ts';
import { Slot } from './writer/slot.ts';
import { type Claim, claimSlot } from './writer/slot-claim.ts';
import { SlotIntent } from './tables/slot-intent.ts';
import type { Intent, Store, StoredFamily, StoreStatus } from './store.ts';
import { StoreFamily } from './tables/store-family.ts';

/** Options for a mapped store. */
export interface MappedStoreOptions {
  /**
   * The directory that the processes share; made where it is missing. On a local file system,
   * preferably in memory, such as /dev/shm.
   */
  readonly directory: string;
  /** The kind of process: `[a-z0-9_]+`, the first part of the slot's name. */
  readonly role: string;
  /** Whether a directory in which no other process lives keeps its values. @default 'keep' */
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
  readonly #role: string;
  readonly #directory: Directory;
  /** `undefined` where the directory had no space for one: this process then counts on its heap. */
  readonly #slot: Slot | undefined;
  readonly #reader: DirectoryReader;
  readonly #heartbeat: NodeJS.Timeout;
  readonly #quarantinedAtStart: number;
  /** The families for which the directory had no space, on the heap: on this process's page alone. */
  readonly #spilled: HeapStore = new HeapStore();
  #isSpilled = false;
  #intent: Intent | undefined;
  #closed = false;

  /**
   * @throws MetricsError ERR_METRICS_INVALID_OPTION for an invalid role;
   *   ERR_METRICS_STORE_DIRECTORY or ERR_METRICS_STORE_UNSUPPORTED: see Directory and systemCalls;
   *   ERR_METRICS_STORE_FULL where a new directory finds no space.
   */
  constructor({ directory, role, onColdStart = 'keep' }: MappedStoreOptions) {
    if (!ROLE.test(role)) {
      throw new MetricsError(
        'ERR_METRICS_INVALID_OPTION',
        `${JSON.stringify(role.slice(0, 80))} is an invalid role: use 1 to 64 small letters, digits and underscores, such as web or worker`,
      );
    }
    this.#role = role;
    this.#directory = new Directory(directory);
    this.board = new FileBoard(this.#directory.path);
    const claim = this.#claim(role, onColdStart);
    this.#quarantinedAtStart = claim?.quarantined ?? 0;
    this.#slot = claim && new Slot(this.#directory, claim.slot);
    this.#reader = new DirectoryReader(this.#directory);
    this.#heartbeat = setInterval(() => this.#slot?.beat(), HEARTBEAT_MS).unref();
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
    return this.#slot?.define(definition) ?? this.#spill(definition);
  }

  undefine(family: StoredFamily): void {
    if (family instanceof StoreFamily) this.#slot?.undefine(family);
    this.#spilled.undefine(family);
  }

  intent(): Intent {
    return (this.#intent ??= this.#slot?.intent() ?? new SlotIntent());
  }

  async read(slice: TimeSlice): Promise<readonly SlotSnapshot[]> {
    this.#slot?.heal();
    const slots = await this.#reader.read(slice);
    if (!this.#isSpilled) return slots;
    const [own] = await this.#spilled.read(slice);
    return [...slots, { ...own!, name: this.slotName ?? this.#role }];
  }

  status(): StoreStatus {
    const slots = this.#reader.slots();
    return {
      slots,
      bytes: slots.reduce((sum, { bytes }) => sum + bytes, 0),
      quarantined: this.#quarantinedAtStart + this.#reader.quarantined + this.board.damaged,
      damaged: (this.#slot?.damaged ?? 0) + this.#reader.damaged,
      unreadable: this.#reader.unreadable,
      full: this.#isSpilled || (this.#slot?.full ?? true),
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
      process.emitWarning(`${error.message}; until it restarts, only this process's own page shows what it counts`, {
        code: 'WARN_METRICS_STORE_FULL',
      });
      return undefined;
    }
  }

  #spill(definition: FamilyDefinition): StoredFamily {
    this.#isSpilled = true;
    return this.#spilled.define(definition);
  }
}
