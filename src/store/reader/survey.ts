import fs from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { shownName } from '../../snapshot/names.ts';
import type { MetricType } from '../../snapshot/snapshot.ts';
import { bootId } from '../files/boot-id.ts';
import { openFile } from '../files/open-file.ts';
import { readDirectoryFile } from '../files/read-directory-file.ts';
import { listSlots, slotFile } from '../files/slot-files.ts';
import { isOwned } from '../files/slot-lock.ts';
import { CHUNK_CELLS, HEADER_CELLS } from '../format/cells-file.ts';
import {
  DIRECTORY_FILE,
  isNoteLock,
  isTemporary,
  LOCK_FILE,
  noteOf,
  putAsideAt,
  slotFileOf,
} from '../format/file-names.ts';
import { BLOCK_CELLS, cellsOf } from '../format/layout.ts';
import type { SlotHeader } from '../format/slot-header.ts';
import type { SlotTables } from '../tables/slot-tables.ts';
import { Damage, NamesReader, openCells, readHeader } from './slot-reader.ts';

/** The room that one family takes in one slot. */
export interface SurveyedFamily {
  /** As on the page: with `_total`. */
  readonly name: string;
  readonly type: MetricType;
  readonly series: number;
  readonly cells: number;
}

/** A slot, as its files show it. */
export interface SurveyedSlot {
  readonly name: string;
  /** `foreign`: of another version of Promenade; `unreadable`: not for this user to read. */
  readonly state: 'live' | 'dead' | 'damaged' | 'foreign' | 'unreadable';
  /** What is wrong with it, or was cut off by a kill. */
  readonly notes: readonly string[];
  readonly header?: SlotHeader;
  /** True if the machine has restarted since, or the slot is another machine's. */
  readonly otherBoot: boolean;
  readonly families: readonly SurveyedFamily[];
  /** How many cells are in use, and for how many there is space. */
  readonly cells: { readonly used: number; readonly allocated: number };
  readonly bytes: { readonly names: number; readonly cells: number; readonly exemplars: number };
}

/** A file in the directory that belongs to no slot. */
export interface OddFile {
  readonly name: string;
  /**
   * `damaged`: put aside; `leftover`: its slot or its maker is gone; `foreign`: not one of ours.
   */
  readonly kind: 'damaged' | 'leftover' | 'foreign';
  readonly bytes: number;
}

/** What is in a metrics directory. */
export interface Survey {
  /**
   * Since when its sums have counted, in ms of the Unix epoch; `undefined` where it does not say
   * so, or what it says is damaged.
   */
  readonly createdAt: number | undefined;
  readonly slots: readonly SurveyedSlot[];
  readonly files: readonly OddFile[];
  /** Of the file system that it lies on. */
  readonly space: { readonly freeBytes: number; readonly totalBytes: number };
}

const TRIES = 3;

/**
 * Looks at everything in a metrics directory. Reads only, and takes a lock no longer than readers
 * do.
 *
 * @throws Error of the file system where there is no such directory, or it can't be read.
 */
export async function surveyDirectory(path: string): Promise<Survey> {
  const slots: SurveyedSlot[] = [];
  for (const name of listSlots(path)) {
    const slot = await surveySlot(path, name);
    if (slot) slots.push(slot);
  }
  const there = readDirectoryFile(path);
  const { bavail, blocks, bsize } = fs.statfsSync(path);
  return {
    createdAt: typeof there === 'object' ? there.createdAt : undefined,
    slots,
    files: oddFiles(path, there === 'damaged'),
    space: { freeBytes: bavail * bsize, totalBytes: blocks * bsize },
  };
}

/** `undefined`: it is gone. */
async function surveySlot(path: string, name: string): Promise<SurveyedSlot | undefined> {
  for (let tries = 1; ; tries++) {
    const slot = lookAtSlot(path, name);
    // Its owner may just be rewriting its files.
    if (slot?.state !== 'damaged' || tries === TRIES) return slot;
    await delay(10);
  }
}

function lookAtSlot(directory: string, name: string): SurveyedSlot | undefined {
  const bytes = {
    names: sizeOf(slotFile(directory, name, 'names')),
    cells: sizeOf(slotFile(directory, name, 'cells')),
    exemplars: sizeOf(slotFile(directory, name, 'exemplars')),
  };
  const slot = { name, otherBoot: false, families: [], cells: { used: 0, allocated: bytes.cells / 8 }, bytes };
  let fd: number;
  try {
    fd = openFile(slotFile(directory, name, 'names'));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOENT'
      ? undefined
      : { ...slot, state: 'unreadable', notes: [`its names can not be opened (${code})`] };
  }
  try {
    const { header, intact } = readHeader(fd);
    if (header === 'unknown') return { ...slot, state: 'foreign', notes: ['it is of another version'] };
    if (header === 'damaged') return { ...slot, state: 'damaged', notes: ['its header makes no sense'] };
    const live = isOwned(fd);
    const otherBoot = header.bootId !== bootId();
    const names = new NamesReader();
    let problem = problemOf(() => {
      for (const _ of names.advance(fd));
    });
    const { families, used } = measure(names.tables);
    problem ??= cellsProblem(directory, name, header.lineage, names);
    if (names.missing > 0) problem ??= `at least ${names.missing} records are missing from its names`;
    const notes = problem ? [problem] : names.torn ? ['its last record was cut off by a kill, and harms nothing'] : [];
    if (!intact && !problem) notes.push('one copy of its header is damaged; the other is whole');
    const state = problem ? 'damaged' : live ? 'live' : 'dead';
    return { ...slot, state, notes, header, otherBoot, families, cells: { used, allocated: bytes.cells / 8 } };
  } catch (error) {
    return { ...slot, state: 'unreadable', notes: [`its names can not be read (${(error as Error).message})`] };
  } finally {
    fs.closeSync(fd);
  }
}

/** Returns what damage says; passes on errors of the system. */
function problemOf(work: () => void): string | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    if (error instanceof Damage) return error.message;
    throw error;
  }
}

function measure(names: SlotTables): { families: SurveyedFamily[]; used: number } {
  const families = [...names.families.values()].map((table) => {
    const { type, labelNames } = table.definition;
    const entries = [...table.all()];
    const blocks = entries.reduce((sum, entry) => sum + entry.blocks.size, 0);
    const cells = entries.length * cellsOf(table.definition) + blocks * BLOCK_CELLS;
    // The fallback of a family with labels is there from the start; it is no series of its own.
    return { name: shownName(table.definition), type, series: entries.length - (labelNames.length > 0 ? 1 : 0), cells };
  });
  return { families, used: families.reduce((sum, { cells }) => sum + cells, HEADER_CELLS) };
}

function cellsProblem(directory: string, name: string, lineage: string, names: NamesReader): string | undefined {
  // Killed before its first record, its owner may have left no cells.
  if (names.tables.families.size === 0) return undefined;
  return problemOf(() => {
    const fd = openCells(directory, name, lineage, 'read');
    try {
      const chunks = Math.floor(fs.fstatSync(fd).size / 8 / CHUNK_CELLS);
      if (chunks * CHUNK_CELLS < names.tables.end) throw new Damage('its cells are cut off');
    } finally {
      fs.closeSync(fd);
    }
  });
}

function oddFiles(path: string, directoryFileDamaged: boolean): OddFile[] {
  const slots = new Set(listSlots(path));
  return fs
    .readdirSync(path)
    .sort()
    .flatMap((name) => {
      const kind = name === DIRECTORY_FILE && directoryFileDamaged ? 'damaged' : kindOf(name, slots);
      return kind === undefined ? [] : [{ name, kind, bytes: sizeOf(join(path, name)) }];
    });
}

function kindOf(name: string, slots: ReadonlySet<string>): OddFile['kind'] | undefined {
  if (name === DIRECTORY_FILE || name === LOCK_FILE || noteOf(name) !== undefined || isNoteLock(name)) return undefined;
  const slot = slotFileOf(name)?.slot;
  if (slot !== undefined) return slots.has(slot) ? undefined : 'leftover';
  if (putAsideAt(name) !== undefined) return 'damaged';
  return isTemporary(name) ? 'leftover' : 'foreign';
}

function sizeOf(path: string): number {
  return fs.lstatSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
