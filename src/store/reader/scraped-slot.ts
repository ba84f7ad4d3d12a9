import fs from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { keepsSetTime, LONG_AGO, type SlotFamily, type SlotSnapshot } from '../../snapshot/snapshot.ts';
import type { TimeSlice } from '../../time-slice.ts';
import { bootId } from '../files/boot-id.ts';
import { leadsTo, openIfThere } from '../files/open-file.ts';
import { slotFile } from '../files/slot-files.ts';
import { isOwned } from '../files/slot-lock.ts';
import { CHUNK_BYTES } from '../format/cells-file.ts';
import type { SlotHeader } from '../format/slot-header.ts';
import { ExemplarReader } from './exemplar-reader.ts';
import { type MovedCells, movedCells } from './moved-cells.ts';
import { settle } from './settle.ts';
import { settleOpenAmounts } from './open-amounts.ts';
import { applyIntent, Damage, NamesReader, openCells, readChunks, readHeader } from './slot-reader.ts';

/** A reading that its writer overtook: it is tried again. */
class Overtaken extends Error {}

/** How often a reading is tried until two of its looks at the names agree. */
const TRIES = 20;
/** Readings of a suspected damage: a writer may be at it. */
const TRIES_OF_DAMAGE = 4;

/**
 * One slot as scrapes see it: keeps what is known of its names, and goes on from there. Only ever
 * reads.
 */
export class ScrapedSlot {
  readonly name: string;
  readonly #directory: string;
  #inode: number | undefined;
  #header: SlotHeader | undefined;
  #names: NamesReader = new NamesReader();
  #exemplars: ExemplarReader = new ExemplarReader();
  #live = false;
  #bytes = 0;
  #damaged = 0;
  #snapshot: SlotSnapshot | undefined;

  constructor(directory: string, name: string) {
    this.#directory = directory;
    this.name = name;
  }

  /** The header as it was last read; `undefined` before. */
  get header(): SlotHeader | undefined {
    return this.#header;
  }

  get live(): boolean {
    return this.#live;
  }

  /** What its files take. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Records that are missing and cells that are damaged, as of the last reading. */
  get damaged(): number {
    return this.#damaged;
  }

  /** The numbers as they were last read; `undefined` before. */
  get snapshot(): SlotSnapshot | undefined {
    return this.#snapshot;
  }

  /**
   * Reads the slot. `undefined`: it is gone, of a later version, or has no numbers yet.
   *
   * @param quarantine is called with the open names of a slot that is damaged beyond salvage
   * @throws Error of the system, which says nothing about the slot.
   */
  async read(slice: TimeSlice, quarantine: (namesFd: number) => void): Promise<SlotSnapshot | undefined> {
    let damages = 0;
    for (let tries = 1; ; tries++) {
      const fd = openIfThere(slotFile(this.#directory, this.name, 'names'));
      if (fd === undefined) return undefined;
      try {
        return await this.#readOpen(fd, slice, damages >= TRIES_OF_DAMAGE - 2, tries >= TRIES);
      } catch (error) {
        if (error instanceof Damage) {
          this.#forget();
          if (++damages >= TRIES_OF_DAMAGE) {
            quarantine(fd);
            return undefined;
          }
        } else if (!(error instanceof Overtaken)) throw error;
        else if (tries >= TRIES) return this.#snapshot;
      } finally {
        fs.closeSync(fd);
      }
      await delay(Math.min(tries, 4));
    }
  }

  #forget(): void {
    this.#inode = undefined;
    this.#names = new NamesReader();
    this.#exemplars = new ExemplarReader();
  }

  async #readOpen(fd: number, slice: TimeSlice, salvages: boolean, isLast: boolean): Promise<SlotSnapshot | undefined> {
    const { header } = readHeader(fd);
    if (header === 'unknown') return undefined;
    if (header === 'damaged') throw new Damage('its header makes no sense');
    if (header.unfinished) return undefined;
    const live = isOwned(fd);
    const { ino: inode } = fs.fstatSync(fd);
    const before = this.#header;
    if (this.#inode !== inode || before?.lineage !== header.lineage) {
      this.#forget();
      this.#inode = inode;
    } else if (before.generation === header.generation && !live && !this.#live && this.#snapshot) {
      return this.#snapshot;
    }
    this.#header = header;
    this.#live = live;

    for (const _ of this.#names.advance(fd, salvages)) if (slice.spent) await slice.rest();
    const { tables, missing } = this.#names;
    const families: SlotFamily[] = [];
    let damaged = missing;
    if (tables.families.size > 0) {
      const chunks = await this.#readCells(header, live, slice);
      const exemplars = this.#exemplars.read(slotFile(this.#directory, this.name, 'exemplars'), header.lineage);
      const moved = this.#judge(fd, header, live, isLast);
      const skipped = new Set([...moved.removed, ...moved.changed]);
      for (const family of tables.families.values()) {
        if (moved.ended.has(family.id)) continue;
        const reading = await family.read(chunks, slice, exemplars, skipped);
        if (family.behind && live && missing === 0 && !(isLast && !this.#snapshot))
          throw new Overtaken('blocks are missing');
        damaged += family.damaged;
        families.push(reading);
      }
      this.#bytes = fs.fstatSync(fd).size + chunks.length * CHUNK_BYTES;
    }
    this.#damaged = damaged;
    if (header.bootId !== bootId()) for (const family of families) forgetTimes(family);
    this.#snapshot = { name: this.name, live, families: settleOpenAmounts(families, live) };
    return this.#snapshot;
  }

  async #readCells(header: SlotHeader, live: boolean, slice: TimeSlice): Promise<Float64Array[]> {
    const { tables } = this.#names;
    const fd = openCells(this.#directory, this.name, header.lineage, 'read');
    try {
      const chunks = readChunks(fd, tables.end);
      if (live) await settle(tables.families.values(), chunks, readChunks(fd, tables.end), fd, slice);
      else applyIntent(chunks, header.intent);
      return chunks;
    } finally {
      fs.closeSync(fd);
    }
  }

  /** @throws Overtaken where the reading can't be right, unless it is the last one and there is no other. */
  #judge(fd: number, header: SlotHeader, live: boolean, isLast: boolean): MovedCells {
    const path = slotFile(this.#directory, this.name, 'names');
    if (!leadsTo(path, fd)) throw new Overtaken('its names were rewritten');
    if (!live) {
      const { header: now } = readHeader(fd);
      const sameOwner = typeof now === 'object' && now.generation === header.generation;
      if (!sameOwner) throw new Overtaken('it has a new owner');
    }
    const moved = movedCells(this.#names.tables, this.#names.later(fd));
    if (moved.changed.size > 0 && !(isLast && !this.#snapshot)) throw new Overtaken('blocks were added');
    return moved;
  }
}

/**
 * Clocks that never go back restart with the machine: what was set before its last start was set
 * before everything else.
 */
function forgetTimes({ definition, values }: SlotFamily): void {
  if (!keepsSetTime(definition)) return;
  for (let i = 1; i < values.length; i += 2) if (values[i] !== 0) values[i] = LONG_AGO;
}
