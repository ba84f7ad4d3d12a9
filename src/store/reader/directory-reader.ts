import { debuglog } from 'node:util';
import { MetricsError } from '../../errors.ts';
import type { SlotSnapshot } from '../../snapshot/snapshot.ts';
import type { TimeSlice } from '../../time-slice.ts';
import type { Directory } from '../files/directory.ts';
import { isMissing, isUnreadable } from '../files/open-file.ts';
import { quarantine } from '../files/quarantine.ts';
import type { SlotInfo } from '../store.ts';
import { ScrapedSlot } from './scraped-slot.ts';

const debug: ReturnType<typeof debuglog> = debuglog('promenade');

/** The part of a directory that a reader needs. */
export type ReadableDirectory = Pick<Directory, 'path' | 'resetId' | 'slotNames'>;

/**
 * Reads what all processes have counted. Only ever reads: other processes' numbers by read(), since
 * a map of a file that is cut under it kills the process. No process is asked anything.
 *
 * Keeps the last values of slots that disappear (a damaged file, a wiped directory), until they are
 * back.
 */
export class DirectoryReader {
  readonly #directory: ReadableDirectory;
  readonly #putsAside: boolean;
  readonly #slots: Map<string, ScrapedSlot> = new Map();
  /** The last values of every lineage. */
  readonly #remembered: Map<string, SlotSnapshot> = new Map();
  /** Slots of which a warning has said that they can't be read. */
  readonly #warned: Set<string> = new Set();
  #resetId: string | undefined;
  #quarantined = 0;
  #unreadable = 0;

  /**
   * @param putsAside whether damaged files are renamed, so that nobody tries them again; else they
   *   are left out each time
   */
  constructor(directory: ReadableDirectory, putsAside: boolean = true) {
    this.#directory = directory;
    this.#putsAside = putsAside;
    this.#resetId = directory.resetId;
  }

  /** How many damaged slots this process has put aside. */
  get quarantined(): number {
    return this.#quarantined;
  }

  /** Records and cells of the last reading that are damaged. */
  get damaged(): number {
    let damaged = 0;
    for (const slot of this.#slots.values()) damaged += slot.damaged;
    return damaged;
  }

  /** Slots that the last reading could not read, and whose numbers are not known from before. */
  get unreadable(): number {
    return this.#unreadable;
  }

  /** The slots, as they were at the last reading. */
  slots(): readonly SlotInfo[] {
    return [...this.#slots.values()].flatMap(({ name, header, live, bytes }) =>
      header ? [{ name, role: header.role, live, bytes }] : [],
    );
  }

  /**
   * @throws MetricsError ERR_METRICS_STORE_UNREADABLE where the system refuses to read a slot that
   *   was never read before, for want of descriptors or memory, say.
   */
  async read(slice: TimeSlice): Promise<readonly SlotSnapshot[]> {
    if (this.#directory.resetId !== this.#resetId) this.#forget();
    const names = this.#slotNames();
    for (const name of this.#slots.keys()) if (!names.includes(name)) this.#slots.delete(name);
    const found = new Map<string, SlotSnapshot>();
    this.#unreadable = 0;
    for (const name of names) {
      const slot = this.#slots.get(name) ?? new ScrapedSlot(this.#directory.path, name);
      this.#slots.set(name, slot);
      const snapshot = await this.#readSlot(slot, slice);
      if (snapshot && slot.header) found.set(slot.header.lineage, snapshot);
      if (slice.spent) await slice.rest();
    }
    for (const [lineage, snapshot] of found) this.#remembered.set(lineage, snapshot);
    const all: SlotSnapshot[] = [];
    // Always in the same order, in every process: added up in another one, a sum can come out lower
    // by its last bit, which is a reset to Prometheus.
    for (const lineage of [...this.#remembered.keys()].sort()) {
      const snapshot = this.#remembered.get(lineage)!;
      all.push(found.has(lineage) ? snapshot : { ...snapshot, live: false });
    }
    return all;
  }

  /** After a reset: what was counted before is no longer wanted. */
  #forget(): void {
    this.#resetId = this.#directory.resetId;
    this.#slots.clear();
    this.#remembered.clear();
  }

  #slotNames(): readonly string[] {
    try {
      return this.#directory.slotNames();
    } catch (error) {
      debug('the directory %s can not be read: %o', this.#directory.path, error);
      if (isMissing(error)) return []; // Wiped: what is remembered stays.
      if (this.#slots.size > 0) return [...this.#slots.keys()];
      throw this.#failure(this.#directory.path, error);
    }
  }

  async #readSlot(slot: ScrapedSlot, slice: TimeSlice): Promise<SlotSnapshot | undefined> {
    try {
      return await slot.read(slice, (namesFd) => {
        if (this.#putsAside && quarantine(this.#directory.path, slot.name, namesFd)) this.#quarantined++;
        else this.#unreadable++;
        this.#slots.delete(slot.name);
      });
    } catch (error) {
      debug('the slot %s can not be read: %o', slot.name, error);
      // An error of the system says nothing about the slot: what was read before is still there.
      if (slot.snapshot) return slot.snapshot;
      if (!isUnreadable(error)) throw this.#failure(slot.name, error);
      this.#unreadable++;
      this.#warn(slot.name, error);
      return undefined;
    }
  }

  #failure(what: string, cause: unknown): MetricsError {
    const { code } = cause as NodeJS.ErrnoException;
    return new MetricsError(
      'ERR_METRICS_STORE_UNREADABLE',
      `${what} in the metrics directory ${this.#directory.path} can not be read now (${code ?? String(cause)}): the page would lack its numbers`,
      { cause },
    );
  }

  #warn(slot: string, error: unknown): void {
    if (this.#warned.has(slot)) return;
    this.#warned.add(slot);
    process.emitWarning(
      `${slot} in the metrics directory ${this.#directory.path} can not be read (${(error as NodeJS.ErrnoException).code}): ` +
        'the page lacks what it has counted. Give its file to a group that this process is in.',
      { code: 'WARN_METRICS_UNREADABLE_SLOT' },
    );
  }
}
