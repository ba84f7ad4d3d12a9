import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import { MetricsError } from '../../errors.ts';
import { bootId } from '../files/boot-id.ts';
import type { Directory } from '../files/directory.ts';
import {
  codeOf,
  eraseBackwards,
  fillWithZeros,
  isUnreadable,
  leadsTo,
  openIfThere,
  readFrom,
  writeAll,
} from '../files/open-file.ts';
import { keepDamaged, quarantine } from '../files/quarantine.ts';
import { discard, makeTemporary, putInPlace, sweepTemporaries } from '../files/shared-file.ts';
import { slotFile } from '../files/slot-files.ts';
import { isSlotOwned, lockForGood } from '../files/slot-lock.ts';
import { CHUNK_BYTES, cellsHeader } from '../format/cells-file.ts';
import { NAMES_STEP_BYTES } from '../format/names-log.ts';
import { encodeHeader, HEADER_BYTES, type SlotHeader } from '../format/slot-header.ts';
import { Damage, NamesReader, openCells, readHeader } from '../reader/slot-reader.ts';
import { SlotTables } from '../tables/slot-tables.ts';

/** A slot whose lock this process holds. */
export interface ClaimedSlot {
  readonly name: string;
  readonly header: SlotHeader;
  readonly namesFd: number;
  readonly cellsFd: number;
  readonly tables: SlotTables;
  /** Where in the names the records end. */
  readonly end: number;
  /** How many records are missing from the names: they must be rewritten then. */
  readonly missing: number;
  /** True if the machine has restarted since its last owner, and its clock with it. */
  readonly rebooted: boolean;
}

/** A claimed slot, and how many damaged ones were put aside on the way. */
export interface Claim {
  readonly slot: ClaimedSlot;
  readonly quarantined: number;
}

const MAX_SLOTS = 10_000;
const MAX_TRIES = 5;
/**
 * For how long a slot that another running system wrote lately is left alone: its processes may be
 * alive where no lock tells.
 */
const FOREIGN_REST_MS = 10_000;

/**
 * Claims the first slot of a role that no live process owns, with what it has counted; makes one
 * where there is none.
 */
export function claimSlot(directory: Directory, role: string, onColdStart: 'keep' | 'reset'): Claim {
  return directory.exclusively(() => {
    sweepTemporaries(directory.path);
    const isInUse = (slot: string): boolean => isSlotOwned(slotFile(directory.path, slot, 'names'));
    if (onColdStart === 'reset' && !directory.slotNames().some(isInUse)) directory.reset();
    let quarantined = 0;
    for (let n = 0; n < MAX_SLOTS; n++) {
      const name = `${role}-${n}`;
      const attempt = claimExisting(directory.path, name);
      if (attempt === 'damaged') quarantined++;
      if (attempt === 'taken') continue;
      if (typeof attempt === 'object') return { slot: attempt, quarantined };
      const header = newHeader(role);
      const namesFd = claimName(directory.path, name, header);
      if (namesFd !== undefined) return { slot: finishNew(directory.path, name, header, namesFd), quarantined };
    }
    throw noSlot(directory);
  });
}

/**
 * Claims a free name for a slot that lost its own and moves with all its values. The names have no
 * records yet.
 */
export function claimNewSlot(
  directory: Directory,
  header: SlotHeader,
): { name: string; namesFd: number; header: SlotHeader } {
  return directory.exclusively(() => {
    for (let n = 0; n < MAX_SLOTS; n++) {
      const name = `${header.role}-${n}`;
      if (fs.existsSync(slotFile(directory.path, name, 'names'))) continue;
      const unfinished: SlotHeader = { ...header, unfinished: true };
      const namesFd = claimName(directory.path, name, unfinished);
      if (namesFd !== undefined) return { name, namesFd, header: unfinished };
    }
    throw noSlot(directory);
  });
}

function noSlot(directory: Directory): MetricsError {
  return new MetricsError(
    'ERR_METRICS_STORE_DIRECTORY',
    `all ${MAX_SLOTS} slots of the metrics directory ${directory.path} are taken: use another directory`,
  );
}

function newHeader(role: string, before?: SlotHeader): SlotHeader {
  return {
    // An unfinished slot holds nothing of its lineage: readers that remember it count it beside what
    // is counted now.
    lineage: before && !before.unfinished ? before.lineage : randomUUID(),
    role,
    generation: (before?.generation ?? 0) + 1,
    pid: process.pid,
    startedAt: Date.now(),
    bootId: bootId(),
    ...(before?.intent !== undefined && { intent: before.intent }),
  };
}

/** Links a file with a header and no records to a slot's name; `undefined` if the name is taken. */
function claimName(directory: string, name: string, header: SlotHeader): number | undefined {
  for (let tries = 1; ; tries++) {
    const temporary = makeTemporary(directory);
    try {
      fillWithZeros(temporary.fd, 0, NAMES_STEP_BYTES);
      writeAll(temporary.fd, encodeHeader(header), 0);
      fs.linkSync(temporary.path, slotFile(directory, name, 'names'));
      fs.rmSync(temporary.path, { force: true });
      return temporary.fd;
    } catch (error) {
      discard(temporary);
      if (codeOf(error) === 'EEXIST') return undefined;
      // Swept away while this process was stopped: it is made again.
      if (codeOf(error) !== 'ENOENT' || tries === MAX_TRIES) throw error;
    }
  }
}

function finishNew(directory: string, name: string, header: SlotHeader, namesFd: number): ClaimedSlot {
  const cellsFd = makeCells(directory, name, header.lineage);
  const tables = new SlotTables();
  return { name, header, namesFd, cellsFd, tables, end: HEADER_BYTES, missing: 0, rebooted: false };
}

function makeCells(directory: string, name: string, lineage: string): number {
  for (let tries = 1; ; tries++) {
    const temporary = makeTemporary(directory);
    try {
      fillWithZeros(temporary.fd, 0, CHUNK_BYTES);
      writeAll(temporary.fd, cellsHeader(lineage), 0);
      putInPlace(temporary.path, slotFile(directory, name, 'cells'));
      return temporary.fd;
    } catch (error) {
      discard(temporary);
      if (codeOf(error) !== 'ENOENT' || tries === MAX_TRIES) throw error;
    }
  }
}

function claimExisting(directory: string, name: string): ClaimedSlot | 'taken' | 'missing' | 'damaged' {
  const path = slotFile(directory, name, 'names');
  let namesFd: number | undefined;
  try {
    namesFd = openIfThere(path, 'write');
  } catch (error) {
    if (isUnreadable(error)) return 'taken'; // Another user's, or no file at all.
    throw error;
  }
  if (namesFd === undefined) return 'missing';
  let claimed: ClaimedSlot | 'taken' | 'damaged' = 'taken';
  try {
    if (mayReplace(directory, namesFd) && lockForGood(namesFd) && leadsTo(path, namesFd)) {
      claimed = takeOver(directory, name, namesFd);
    }
    return claimed;
  } catch (error) {
    if (!(error instanceof Damage)) throw error;
    return (claimed = quarantine(directory, name, namesFd) ? 'damaged' : 'taken');
  } finally {
    if (typeof claimed === 'string') fs.closeSync(namesFd);
  }
}

/** False in a sticky directory for another user's file: its owner alone may rename over it. */
function mayReplace(directory: string, fd: number): boolean {
  const uid = process.geteuid?.() ?? 0;
  const parent = fs.statSync(directory);
  return (parent.mode & 0o1000) === 0 || uid === 0 || uid === parent.uid || uid === fs.fstatSync(fd).uid;
}

/** @throws Damage where neither copy of the header, or not the cells, can be read. */
function takeOver(directory: string, name: string, namesFd: number): ClaimedSlot | 'taken' {
  const { header: old } = readHeader(namesFd);
  if (old === 'unknown') return 'taken';
  if (old === 'damaged') throw new Damage('its header makes no sense');
  const rebooted = old.bootId !== bootId();
  if (rebooted && Date.now() - fs.fstatSync(namesFd).mtimeMs < FOREIGN_REST_MS) return 'taken';

  const names = new NamesReader();
  for (const _ of names.advance(namesFd));
  const { tables, end, missing, torn } = names;
  const header = newHeader(old.role, old);
  const isNew = names.records === 0 && missing === 0;
  // Killed before its first record, the last owner may have left no cells.
  const cellsFd = isNew ? makeCells(directory, name, header.lineage) : openCells(directory, name, old.lineage, 'write');
  try {
    const needed = Math.ceil((tables.end * 8) / CHUNK_BYTES) * CHUNK_BYTES;
    if (fs.fstatSync(cellsFd).size < tables.end * 8) throw new Damage('its cells are cut off');
    if (fs.fstatSync(cellsFd).size < needed) fillWithZeros(cellsFd, fs.fstatSync(cellsFd).size, needed);
    if (missing > 0) keepDamaged(directory, name);
    else if (torn) eraseBackwards(namesFd, end, endOfContents(namesFd, end));
    writeAll(namesFd, encodeHeader(header), 0);
  } catch (error) {
    fs.closeSync(cellsFd);
    throw error;
  }
  return { name, header, namesFd, cellsFd, tables, end, missing, rebooted };
}

/** Where the last byte stands that is not zero, behind a position. */
function endOfContents(fd: number, from: number): number {
  const bytes = readFrom(fd, from);
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  return from + end;
}
