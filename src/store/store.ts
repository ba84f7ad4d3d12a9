import type { Exemplar } from '../snapshot/exemplar.ts';
import type { FamilyDefinition, LabelValues, SlotFamily, SlotSnapshot } from '../snapshot/snapshot.ts';
import type { TimeSlice } from '../time-slice.ts';
import type { Board } from './board.ts';

/**
 * Where a series' numbers live: `cells[index]` and what follows. Its one writer adds to them
 * directly.
 */
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
  /** For a series that begins anew. */
  forgetExemplars(labelValues: LabelValues): void;
  /** What this process alone has counted in it; series in the order in which they came. */
  read(slice: TimeSlice): Promise<SlotFamily>;
}

/** A slot, for those who look after a directory. */
export interface SlotInfo {
  readonly name: string;
  readonly role: string;
  readonly live: boolean;
  readonly bytes: number;
}

/** How a store is. */
export interface StoreStatus {
  readonly slots: readonly SlotInfo[];
  readonly bytes: number;
  /** Damaged files that this process has put aside. */
  readonly quarantined: number;
  /** Whether new series had to be turned away for want of space. */
  readonly full: boolean;
}

/** Where numbers live: on the heap of one process, or in files that processes share. */
export interface Store {
  /** Since when its sums have counted, in seconds of the Unix epoch. */
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
  /** What every process has counted, at this moment. */
  read(slice: TimeSlice): Promise<readonly SlotSnapshot[]>;
  status(): StoreStatus;
  /** Gives the store up. What is written to its cells from now on goes nowhere. Idempotent. */
  close(): void;
}
