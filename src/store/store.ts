import type { Exemplar } from '../snapshot/exemplar.ts';
import type { FamilyDefinition, LabelValues, SlotFamily, SlotSnapshot } from '../snapshot/snapshot.ts';
import type { TimeSlice } from '../time-slice.ts';
import type { Board } from './board.ts';

/** The cells of a series: `cells[index]` and those behind it. Its one writer stores to them directly. */
export interface CellRange {
  readonly cells: Float64Array;
  readonly index: number;
}

/** A family as a store keeps it. */
export interface StoredFamily {
  readonly definition: FamilyDefinition;
  /**
   * The one series of a family without labels; else the overflow series, shown once it has counted
   * something.
   */
  readonly fallback: CellRange;
  /**
   * The cells of a series, new ones or those that it has (a process that takes over another's slot
   * counts on from its values). `undefined` where the store is full.
   */
  allocate(labelValues: LabelValues): CellRange | undefined;
  /**
   * Adds what a series has counted in another store's family of the same definition to what it has
   * here, when a registry moves: what counts is added up, what is set replaces what was set. Its
   * cells there stay as they are. The label values of the fallback mean the fallback.
   *
   * @returns its cells here; `undefined` where the store is full
   */
  takeOver(labelValues: LabelValues, from: StoredFamily): CellRange | undefined;
  /** The label values of all series, those that a slot's former owner left among them. */
  series(): Iterable<LabelValues>;
  /** Takes a series off the page; its cells may serve another. Unknown ones are ignored. */
  remove(labelValues: LabelValues): void;
  /**
   * The 32 cells of a block of a series' sparse buckets (see layout.ts). `undefined` where the
   * store is full.
   */
  block(labelValues: LabelValues, key: number): CellRange | undefined;
  /**
   * The cells of several blocks, in the order of their keys: all, or `undefined` where the store is
   * full. A reader sees all of them appear at once.
   */
  addBlocks(labelValues: LabelValues, keys: readonly number[]): readonly CellRange[] | undefined;
  /** Gives blocks of a series back; their cells may serve another. Unknown ones are ignored. */
  dropBlocks(labelValues: LabelValues, keys: readonly number[]): void;
  /** The keys of the blocks that a series has. */
  blocks(labelValues: LabelValues): readonly number[];
  /**
   * Keeps an example of what a series counted, in the place of an earlier one. Unknown series are
   * ignored. Some microseconds; never throws.
   */
  exemplify(labelValues: LabelValues, exemplar: Exemplar): void;
  /** Restarts the fallback: its numbers are zero, its exemplars gone, and it began now. */
  restart(): void;
  /** What this process alone has counted in it; series in the order in which they came. */
  read(slice: TimeSlice): Promise<SlotFamily>;
}

/**
 * Values that are written down before something happens that can't be undone, such as the last byte
 * of a response, and stored to their cells after it. If the process is killed in between, readers
 * and the slot's next owner store them. At most one is open in a process at any time: plan, arm, do
 * the thing, then apply (or drop), all in one turn of the event loop, with nothing else recorded to
 * the same series meanwhile. Allocates nothing; tens of nanoseconds.
 */
export interface Intent {
  /**
   * Adds a cell's new value, an absolute one: `cells[place]` is to be `value`.
   * Cells can be planned twice; the last value counts.
   *
   * @returns false where the intent holds as many values as it can: then this one is not in it.
   */
  plan(cells: Float64Array, place: number, value: number): boolean;
  /** From now on a kill no longer loses the values. */
  arm(): void;
  /** Stores the values to their cells and ends the intent. */
  apply(): void;
  /** Ends the intent; its values are forgotten. */
  drop(): void;
}

/** A slot, for those who look after a directory. */
export interface SlotInfo {
  readonly name: string;
  readonly role: string;
  readonly live: boolean;
  readonly bytes: number;
}

/** The state of a store. */
export interface StoreStatus {
  readonly slots: readonly SlotInfo[];
  readonly bytes: number;
  /** Damaged files that this process has put aside. */
  readonly quarantined: number;
  /** Records and cells of the last reading that are damaged, so that numbers are missing. */
  readonly damaged: number;
  /** Slots that the last reading could not read, and whose numbers it never knew. */
  readonly unreadable: number;
  /** Whether new series had to be turned away for want of space. */
  readonly full: boolean;
}

/** Where numbers live: on the heap of one process, or in files that processes share. */
export interface Store {
  /**
   * Since when its sums have counted, in seconds of the Unix epoch: the start of series that do not
   * say when they began.
   */
  readonly startTimestamp: number;
  /**
   * Whether other processes read what this one writes, so that it has to be kept fresh between
   * scrapes.
   */
  readonly shared: boolean;
  /** What its processes tell each other beside numbers. */
  readonly board: Board;
  define(definition: FamilyDefinition): StoredFamily;
  /** Takes a family off the page, with all its series. */
  undefine(family: StoredFamily): void;
  /** The intent of this process: the same object each time. */
  intent(): Intent;
  /**
   * The numbers of every process at this moment.
   *
   * @throws MetricsError ERR_METRICS_STORE_UNREADABLE where the system refuses to read a slot that
   *   was never read before: a page without it would be wrong.
   */
  read(slice: TimeSlice): Promise<readonly SlotSnapshot[]>;
  status(): StoreStatus;
  /** Gives the store up. Later writes to its cells reach no file. Idempotent. */
  close(): void;
}
