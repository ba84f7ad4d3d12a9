import { Buffer } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import { MetricsError } from '../../errors.ts';
import { CHUNK_BYTES } from '../tables/cell-allocator.ts';
import { type Directory, pause } from '../files/directory.ts';
import { decodeHeader, decodeRecords, encodeHeader, HEADER_BYTES, type SlotHeader } from '../format/names-log.ts';
import { loadNative } from '../files/system-calls.ts';
import {
  cellsHeader,
  fillWithZeros,
  isOwned,
  leadsTo,
  makeTemporary,
  NAMES_STEP_BYTES,
  putInPlace,
  quarantine,
  readFrom,
  sweepTemporaries,
  writeAll,
} from '../files/slot-files.ts';
import { SlotNames } from '../tables/slot-names.ts';

/** A slot whose lock this process holds. */
export interface ClaimedSlot {
  readonly name: string;
  readonly header: SlotHeader;
  readonly namesFd: number;
  readonly cellsFd: number;
  readonly names: SlotNames;
  /** Where in the names the records end. */
  readonly end: number;
  /** Whether the machine has started anew since its last owner, and its clock with it. */
  readonly rebooted: boolean;
}

/** What claiming brought to light. */
export interface Claim {
  readonly slot: ClaimedSlot;
  /** How many damaged slots were put aside on the way. */
  readonly quarantined: number;
}

const MAX_SLOTS = 10_000;
/**
 * For how long a slot that another running system wrote lately is left alone: its processes may be
 * alive where no lock tells.
 */
const FOREIGN_REST_MS = 10_000;

/**
 * Claims the first slot of a role that no living process owns, with what it has counted; makes one
 * where there is none.
 */
export function claimSlot(directory: Directory, role: string, onColdStart: 'keep' | 'reset'): Claim {
  return directory.exclusively(() => {
    sweepTemporaries(directory);
    if (onColdStart === 'reset' && !directory.slotNames().some((slot) => isSlotOwned(directory.join(`${slot}.names`))))
      directory.reset();
    let quarantined = 0;
    for (let n = 0; n < MAX_SLOTS; n++) {
      const name = `${role}-${n}`;
      const attempt = claimExisting(directory, name);
      if (attempt === 'damaged') quarantined++;
      if (attempt === 'taken') continue;
      if (typeof attempt === 'object') return { slot: attempt, quarantined };
      const namesFd = claimName(directory, name, newHeader(role));
      if (namesFd !== undefined) return { slot: finishNew(directory, name, namesFd), quarantined };
    }
    throw noSlot(directory);
  });
}

/**
 * Claims a name that nobody has, for a slot that lost its own and moves with all its values. The
 * names have no records yet.
 */
export function claimNewSlot(directory: Directory, header: SlotHeader): { name: string; namesFd: number } {
  return directory.exclusively(() => {
    for (let n = 0; n < MAX_SLOTS; n++) {
      const name = `${header.role}-${n}`;
      const taken = fs.existsSync(directory.join(`${name}.names`));
      const namesFd = taken ? undefined : claimName(directory, name, { ...header, unfinished: true });
      if (namesFd !== undefined) return { name, namesFd };
    }
    throw noSlot(directory);
  });
}

function noSlot(directory: Directory): MetricsError {
  return new MetricsError(
    'ERR_METRICS_STORE_DIRECTORY',
    `none of ${MAX_SLOTS} slots of the metrics directory ${directory.path} can be had: use another directory`,
  );
}

function newHeader(role: string, before?: SlotHeader): SlotHeader {
  return {
    // Of what an unfinished slot should have held nothing is there: who remembers it counts it
    // beside what is counted now.
    lineage: before && !before.unfinished ? before.lineage : randomUUID(),
    role,
    generation: (before?.generation ?? 0) + 1,
    pid: process.pid,
    startedAt: Date.now(),
    bootId: bootId(),
  };
}

/**
 * Puts a file with a header and no records in a slot's place, if the place is free. `undefined`: it
 * is not.
 */
function claimName(directory: Directory, name: string, header: SlotHeader): number | undefined {
  const { path, fd } = makeTemporary(directory);
  try {
    fillWithZeros(fd, 0, NAMES_STEP_BYTES);
    writeAll(fd, encodeHeader(header), 0);
    fs.linkSync(path, directory.join(`${name}.names`));
    return fd;
  } catch (error) {
    fs.closeSync(fd);
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return undefined;
    throw error;
  } finally {
    fs.unlinkSync(path);
  }
}

function finishNew(directory: Directory, name: string, namesFd: number): ClaimedSlot {
  const header = decodeHeader(readFrom(namesFd, 0)) as SlotHeader;
  const cellsFd = makeCells(directory, name, header.lineage);
  return { name, header, namesFd, cellsFd, names: new SlotNames(), end: HEADER_BYTES, rebooted: false };
}

function makeCells(directory: Directory, name: string, lineage: string): number {
  const { path, fd } = makeTemporary(directory);
  try {
    fillWithZeros(fd, 0, CHUNK_BYTES);
    writeAll(fd, cellsHeader(lineage), 0);
    putInPlace(path, directory.join(`${name}.cells`));
    return fd;
  } catch (error) {
    fs.closeSync(fd);
    fs.rmSync(path, { force: true });
    throw error;
  }
}

function claimExisting(directory: Directory, name: string): ClaimedSlot | 'taken' | 'missing' | 'damaged' {
  let namesFd: number | undefined;
  try {
    namesFd = openIfThere(directory.join(`${name}.names`));
  } catch {
    return 'taken'; // another user's, or no file at all
  }
  if (namesFd === undefined) return 'missing';
  let claimed: ClaimedSlot | 'taken' | 'damaged' = 'taken';
  try {
    if (lockForGood(namesFd) && leadsTo(directory.join(`${name}.names`), namesFd)) {
      claimed = takeOver(directory, name, namesFd);
      if (claimed === 'damaged' && !quarantine(directory, name, namesFd)) claimed = 'taken';
    }
    return claimed;
  } finally {
    if (typeof claimed === 'string') fs.closeSync(namesFd);
  }
}

function takeOver(directory: Directory, name: string, namesFd: number): ClaimedSlot | 'taken' | 'damaged' {
  const bytes = readFrom(namesFd, 0);
  const old = decodeHeader(bytes);
  if (old === 'unknown') return 'taken';
  if (old === 'damaged') return 'damaged';
  if (old.bootId !== bootId() && Date.now() - fs.fstatSync(namesFd).mtimeMs < FOREIGN_REST_MS) return 'taken';

  const { records, length, state } = decodeRecords(bytes.subarray(HEADER_BYTES));
  if (state === 'damaged' || bytes.length % NAMES_STEP_BYTES !== 0) return 'damaged';
  const names = new SlotNames();
  try {
    for (const record of records) names.apply(record);
  } catch {
    return 'damaged';
  }
  const end = HEADER_BYTES + length;
  const header = newHeader(old.role, old);
  // Killed before its first record, the last owner may have left no cells.
  const cellsFd =
    records.length === 0
      ? makeCells(directory, name, header.lineage)
      : openCells(directory, name, old.lineage, names.end);
  if (cellsFd === undefined) return 'damaged';
  if (state === 'torn') fillWithZeros(namesFd, end, bytes.length);
  writeAll(namesFd, encodeHeader(header), 0);
  return { name, header, namesFd, cellsFd, names, end, rebooted: old.bootId !== header.bootId };
}

/** A slot's cells, if they are its own and there are as many as its names speak of. */
function openCells(directory: Directory, name: string, lineage: string, end: number): number | undefined {
  let fd: number | undefined;
  try {
    fd = openIfThere(directory.join(`${name}.cells`));
  } catch {
    // No file, or none that can be opened.
  }
  if (fd === undefined) return undefined;
  const { size } = fs.fstatSync(fd);
  const header = cellsHeader(lineage);
  const bytes = Buffer.alloc(header.length);
  fs.readSync(fd, bytes, 0, bytes.length, 0);
  if (bytes.equals(header) && size % CHUNK_BYTES === 0 && size >= end * 8) return fd;
  fs.closeSync(fd);
  return undefined;
}

function openIfThere(path: string): number | undefined {
  try {
    return fs.openSync(path, 'r+');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * Takes a slot's lock, unless a process owns it. A reader's look at the lock lasts microseconds,
 * and is waited for.
 */
function lockForGood(fd: number): boolean {
  const native = loadNative();
  for (let tries = 0; tries < 50; tries++) {
    if (native.lock(fd, 'exclusive')) return true;
    if (isOwned(fd)) return false;
    pause(1);
  }
  return false;
}

/** Whether a living process owns the slot whose names file this is. */
export function isSlotOwned(names: string): boolean {
  let fd: number | undefined;
  try {
    fd = openIfThere(names);
  } catch (error) {
    // Another user's may be. What is no file can't.
    return (error as NodeJS.ErrnoException).code === 'EACCES';
  }
  if (fd === undefined) return false;
  try {
    return isOwned(fd);
  } finally {
    fs.closeSync(fd);
  }
}

let knownBootId: string | undefined;

/**
 * Tells this run of this machine's system from others; where the system has no such thing, all are
 * one.
 */
export function bootId(): string {
  knownBootId ??= readBootId();
  return knownBootId;
}

function readBootId(): string {
  try {
    return fs.readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return '';
  }
}
