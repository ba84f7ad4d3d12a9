import { Buffer } from 'node:buffer';
import fs from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { debuglog } from 'node:util';
import { keepsSetTime, LONG_AGO, type SlotFamily, type SlotSnapshot } from '../../snapshot/snapshot.ts';
import type { TimeSlice } from '../../time-slice.ts';
import { CHUNK_BYTES, CHUNK_CELLS } from '../tables/cell-allocator.ts';
import type { Directory } from '../files/directory.ts';
import { ExemplarReader } from './exemplar-reader.ts';
import { decodeHeader, decodeRecords, HEADER_BYTES, type SlotHeader } from '../format/names-log.ts';
import {
  cellsHeader,
  isOwned,
  leadsTo,
  exemplarsPath,
  NAMES_STEP_BYTES,
  quarantine,
  readFrom,
} from '../files/slot-files.ts';
import { settle } from './settle.ts';
import { bootId } from '../writer/slot-claim.ts';
import { SlotNames } from '../tables/slot-names.ts';
import type { SlotInfo } from '../store.ts';

const debug: ReturnType<typeof debuglog> = debuglog('promenade');

/** What is known of a slot's names, so that only what is new has to be read. */
interface KnownSlot {
  readonly inode: number;
  readonly header: SlotHeader;
  readonly names: SlotNames;
  readonly exemplars: ExemplarReader;
  /** Where the records that were read end. */
  end: number;
  live: boolean;
  bytes: number;
  /** The numbers as they were read last. A dead process's don't change. */
  snapshot: SlotSnapshot | undefined;
}

/** What reading a directory takes of it. */
export type ReadableDirectory = Pick<Directory, 'path' | 'beginning' | 'join' | 'slotNames'>;

/** A reading that does not hold together: its writer was at it, or the file is damaged. */
class Unreadable extends Error {}

const TRIES = 4;
/** Records decoded in one go: about a millisecond. */
const BATCH = 256;
/**
 * So often at the most while a native histogram is missing blocks, without which it may seem to
 * fall.
 */
const TRIES_BEHIND = 20;
/** A named pipe under one of our names must not make us wait for its writer. */
const LOOK: number = fs.constants.O_RDONLY | fs.constants.O_NONBLOCK;

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
  readonly #known: Map<string, KnownSlot> = new Map();
  /** The last values of every numbers' lineage. */
  readonly #remembered: Map<string, SlotSnapshot> = new Map();
  #beginning: string | undefined;
  #quarantined = 0;

  /**
   * @param putsAside whether damaged files are renamed, so that nobody tries them again; else they
   *   are left out each time
   */
  constructor(directory: ReadableDirectory, putsAside: boolean = true) {
    this.#directory = directory;
    this.#putsAside = putsAside;
    this.#beginning = directory.beginning;
  }

  /** How many damaged slots this process has put aside. */
  get quarantined(): number {
    return this.#quarantined;
  }

  /** The slots, as they were at the last reading. */
  slots(): readonly SlotInfo[] {
    return [...this.#known].map(([name, { header, live, bytes }]) => ({ name, role: header.role, live, bytes }));
  }

  async read(slice: TimeSlice): Promise<readonly SlotSnapshot[]> {
    if (this.#directory.beginning !== this.#beginning) this.#forget();
    const names = this.#slotNames();
    for (const name of this.#known.keys()) if (!names.includes(name)) this.#known.delete(name);
    const found = new Map<string, SlotSnapshot>();
    for (const name of names) {
      const snapshot = await this.#readSlot(name, slice);
      const known = this.#known.get(name);
      if (snapshot && known) found.set(known.header.lineage, snapshot);
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

  /** Somebody had the directory begin anew: what counted before is no longer wanted. */
  #forget(): void {
    this.#beginning = this.#directory.beginning;
    this.#known.clear();
    this.#remembered.clear();
  }

  #slotNames(): readonly string[] {
    try {
      return this.#directory.slotNames();
    } catch (error) {
      debug('the directory %s can not be read: %o', this.#directory.path, error);
      return []; // wiped, and not to be made again: what is remembered stays
    }
  }

  async #readSlot(name: string, slice: TimeSlice): Promise<SlotSnapshot | undefined> {
    for (let tries = 1; ; tries++) {
      let fd: number;
      try {
        fd = fs.openSync(this.#directory.join(`${name}.names`), LOOK);
      } catch {
        return undefined; // gone meanwhile, or not ours to read
      }
      try {
        return await this.#readOpenSlot(name, fd, slice);
      } catch (error) {
        // Whatever it was, it is about this slot alone, and no reason not to show the others.
        debug('the slot %s can not be read: %o', name, error);
        if (tries === TRIES) {
          if (this.#putsAside && quarantine(this.#directory, name, fd)) this.#quarantined++;
          this.#known.delete(name);
          return undefined;
        }
        this.#known.delete(name);
      } finally {
        fs.closeSync(fd);
      }
      await delay(tries); // its writer may be at it
    }
  }

  async #readOpenSlot(name: string, fd: number, slice: TimeSlice): Promise<SlotSnapshot | undefined> {
    const header = decodeHeader(readHeader(fd));
    if (header === 'unknown') return undefined; // another version's
    if (header === 'damaged') throw new Unreadable('header');
    if (header.unfinished) return undefined;
    const live = isOwned(fd);
    const { ino: inode, size } = fs.fstatSync(fd);
    if (size % NAMES_STEP_BYTES !== 0) throw new Unreadable('names');
    let known = this.#known.get(name);
    if (known && known.inode === inode && known.header.lineage === header.lineage) {
      const unchanged = known.header.generation === header.generation && !live && !known.live;
      if (unchanged && known.snapshot) return known.snapshot;
      known = { ...known, header };
    } else {
      known = {
        inode,
        header,
        names: new SlotNames(),
        exemplars: new ExemplarReader(),
        end: HEADER_BYTES,
        live,
        bytes: 0,
        snapshot: undefined,
      };
    }
    known.live = live;
    this.#known.set(name, known);

    let families: SlotFamily[] = [];
    // The names may go on while the cells are read, and a cell may pass to another series: then the
    // cells are read again.
    let behind = false;
    for (let tries = 1; tries <= (behind ? TRIES_BEHIND : TRIES); tries++) {
      await readNames(known, fd, slice);
      if (known.names.families.size === 0) break;
      const chunks = await this.#readCells(name, known, slice);
      const exemplars = known.exemplars.read(exemplarsPath(this.#directory, name), header.lineage);
      known.bytes = size + chunks.length * CHUNK_BYTES;
      families = [];
      for (const family of known.names.families.values()) families.push(await family.read(chunks, slice, exemplars));
      behind = [...known.names.families.values()].some((family) => family.behind);
      if (!hasMore(fd, known.end) && leadsTo(this.#directory.join(`${name}.names`), fd)) break;
    }
    if (header.bootId !== bootId()) for (const family of families) forgetTimes(family);
    return (known.snapshot = { name, live, families });
  }

  async #readCells(name: string, { header, names, live }: KnownSlot, slice: TimeSlice): Promise<Float64Array[]> {
    let fd: number;
    try {
      fd = fs.openSync(this.#directory.join(`${name}.cells`), LOOK);
    } catch {
      throw new Unreadable('cells');
    }
    try {
      const chunks = readChunks(fd, header.lineage, names.end);
      if (live) await settle(names.families.values(), chunks, readChunks(fd, header.lineage, names.end), fd, slice);
      return chunks;
    } finally {
      fs.closeSync(fd);
    }
  }
}

function readChunks(fd: number, lineage: string, end: number): Float64Array[] {
  const bytes = readFrom(fd, 0);
  const expected = cellsHeader(lineage);
  if (!bytes.subarray(0, expected.length).equals(expected)) throw new Unreadable('cells');
  const chunks: Float64Array[] = [];
  for (let at = 0; at + CHUNK_BYTES <= bytes.length; at += CHUNK_BYTES) {
    chunks.push(new Float64Array(bytes.buffer, bytes.byteOffset + at, CHUNK_CELLS));
  }
  if (chunks.length * CHUNK_CELLS < end) throw new Unreadable('cells');
  return chunks;
}

/**
 * Clocks that never go back begin anew with the machine: what was set before it last started was
 * set before everything else.
 */
function forgetTimes({ definition, values }: SlotFamily): void {
  if (!keepsSetTime(definition)) return;
  for (let i = 1; i < values.length; i += 2) if (values[i] !== 0) values[i] = LONG_AGO;
}

function readHeader(fd: number): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES);
  return bytes.subarray(0, fs.readSync(fd, bytes, 0, HEADER_BYTES, 0));
}

/** Whether something was appended behind what was read. */
function hasMore(fd: number, end: number): boolean {
  const length = Buffer.alloc(4);
  return fs.readSync(fd, length, 0, 4, end) === 4 && length.readUInt32LE(0) !== 0;
}

async function readNames(known: KnownSlot, fd: number, slice: TimeSlice): Promise<void> {
  if (!hasMore(fd, known.end)) return;
  let bytes = readFrom(fd, known.end);
  for (;;) {
    const { records, length, state } = decodeRecords(bytes, BATCH);
    if (state === 'damaged') throw new Unreadable('names');
    for (const record of records) {
      try {
        known.names.apply(record);
      } catch (error) {
        throw new Unreadable('names', { cause: error });
      }
    }
    known.end += length;
    if (state !== 'more') return;
    bytes = bytes.subarray(length);
    if (slice.spent) await slice.rest();
  }
}
