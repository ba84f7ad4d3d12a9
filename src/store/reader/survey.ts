import { Buffer } from 'node:buffer';
import fs from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { shownName } from '../../snapshot/names.ts';
import type { MetricType } from '../../snapshot/snapshot.ts';
import { CHUNK_BYTES } from '../tables/cell-allocator.ts';
import { DIRECTORY_FILE, readDirectoryFile, slotNames } from '../format/directory-file.ts';
import { LOCK_FILE } from '../files/directory.ts';
import { BLOCK_CELLS, cellsOf } from '../format/layout.ts';
import { decodeHeader, decodeRecords, HEADER_BYTES, type SlotHeader } from '../format/names-log.ts';
import { cellsHeader, HEADER_CELLS, isOwned, NAMES_STEP_BYTES, readFrom } from '../files/slot-files.ts';
import { bootId } from '../writer/slot-claim.ts';
import { SlotNames } from '../tables/slot-names.ts';

/** What one family takes in one slot. */
export interface SurveyedFamily {
  /** As on the page: with `_total`. */
  readonly name: string;
  readonly type: MetricType;
  readonly series: number;
  readonly cells: number;
}

/** What a slot is like. */
export interface SurveyedSlot {
  readonly name: string;
  /** `foreign`: of another version of Promenade; `unreadable`: not for this user to read. */
  readonly state: 'live' | 'dead' | 'damaged' | 'foreign' | 'unreadable';
  /** What is wrong with it, or was cut off by a kill. */
  readonly notes: readonly string[];
  readonly header?: SlotHeader;
  /** Whether the machine has started anew since, or the slot is another one's. */
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
/** A named pipe under one of our names must not make us wait for its writer. */
const LOOK: number = fs.constants.O_RDONLY | fs.constants.O_NONBLOCK;

/**
 * Looks at everything in a metrics directory. Reads only, and takes a lock no longer than readers
 * do.
 *
 * @throws Error of the file system where there is no such directory, or it can't be read.
 */
export async function surveyDirectory(path: string): Promise<Survey> {
  const slots: SurveyedSlot[] = [];
  for (const name of slotNames(path)) {
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
    const slot = lookAtSlot(`${path}/${name}`, name);
    // Its owner may just be writing its files anew.
    if (slot?.state !== 'damaged' || tries === TRIES) return slot;
    await delay(10);
  }
}

function lookAtSlot(stem: string, name: string): SurveyedSlot | undefined {
  const bytes = {
    names: sizeOf(`${stem}.names`),
    cells: sizeOf(`${stem}.cells`),
    exemplars: sizeOf(`${stem}.exemplars`),
  };
  const slot = { name, otherBoot: false, families: [], cells: { used: 0, allocated: bytes.cells / 8 }, bytes };
  let fd: number;
  try {
    fd = fs.openSync(`${stem}.names`, LOOK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOENT'
      ? undefined
      : { ...slot, state: 'unreadable', notes: [`its names can not be opened (${code})`] };
  }
  try {
    const names = readFrom(fd, 0);
    const header = decodeHeader(names);
    if (header === 'unknown') return { ...slot, state: 'foreign', notes: ['it is of another version'] };
    if (header === 'damaged') return { ...slot, state: 'damaged', notes: ['its header makes no sense'] };
    const live = isOwned(fd);
    const otherBoot = header.bootId !== bootId();
    const read = readNames(names);
    const { families, used } = measure(read.names);
    const problem = read.problem ?? cellsProblem(stem, header.lineage, read.names);
    const state = problem ? 'damaged' : live ? 'live' : 'dead';
    const notes = problem ? [problem] : read.torn ? ['its last record was cut off by a kill, and harms nothing'] : [];
    return { ...slot, state, notes, header, otherBoot, families, cells: { used, allocated: bytes.cells / 8 } };
  } catch (error) {
    return { ...slot, state: 'damaged', notes: [`its names can not be read (${(error as Error).message})`] };
  } finally {
    fs.closeSync(fd);
  }
}

function readNames(bytes: Buffer): { names: SlotNames; torn: boolean; problem?: string } {
  const names = new SlotNames();
  const { records, state } = decodeRecords(bytes.subarray(HEADER_BYTES));
  try {
    for (const record of records) names.apply(record);
  } catch (error) {
    return { names, torn: false, problem: `its names make no sense: ${(error as Error).message}` };
  }
  if (state === 'damaged')
    return { names, torn: false, problem: `its names make no sense after ${records.length} records` };
  if (bytes.length % NAMES_STEP_BYTES !== 0) return { names, torn: false, problem: 'its names are cut off' };
  return { names, torn: state === 'torn' };
}

function measure(names: SlotNames): { families: SurveyedFamily[]; used: number } {
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

function cellsProblem(stem: string, lineage: string, names: SlotNames): string | undefined {
  // Killed before its first record, its owner may have left no cells.
  if (names.families.size === 0) return undefined;
  let fd: number;
  try {
    fd = fs.openSync(`${stem}.cells`, LOOK);
  } catch (error) {
    return `its cells can not be opened (${(error as NodeJS.ErrnoException).code})`;
  }
  try {
    const expected = cellsHeader(lineage);
    const bytes = Buffer.alloc(expected.length);
    fs.readSync(fd, bytes, 0, bytes.length, 0);
    const { size } = fs.fstatSync(fd);
    if (!bytes.equals(expected)) return 'its cells are not its own';
    return size % CHUNK_BYTES !== 0 || size < names.end * 8 ? 'its cells are cut off' : undefined;
  } finally {
    fs.closeSync(fd);
  }
}

function oddFiles(path: string, directoryFileDamaged: boolean): OddFile[] {
  const slots = new Set(slotNames(path));
  return fs
    .readdirSync(path)
    .sort()
    .flatMap((name) => {
      const kind = name === DIRECTORY_FILE && directoryFileDamaged ? 'damaged' : kindOf(name, slots);
      return kind === undefined ? [] : [{ name, kind, bytes: sizeOf(`${path}/${name}`) }];
    });
}

function kindOf(name: string, slots: ReadonlySet<string>): OddFile['kind'] | undefined {
  if (name === DIRECTORY_FILE || name === LOCK_FILE) return undefined;
  const slot = /^([a-z0-9_]+-\d+)\.(names|cells|exemplars)$/.exec(name)?.[1];
  if (slot !== undefined) return slots.has(slot) ? undefined : 'leftover';
  if (/\.damaged-\d+$/.test(name)) return 'damaged';
  // What apps' collectors gave last, and the right to run them.
  if (/^[a-z0-9._-]+\.(note|lock)$/.test(name)) return undefined;
  return name.endsWith('.tmp') ? 'leftover' : 'foreign';
}

function sizeOf(path: string): number {
  return fs.statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
