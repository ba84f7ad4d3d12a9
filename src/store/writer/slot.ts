import { Buffer } from 'node:buffer';
import fs from 'node:fs';
import { debuglog } from 'node:util';
import { sameShape } from '../../snapshot/merge.ts';
import { type FamilyDefinition, keepsSetTime, type LabelValues, LONG_AGO } from '../../snapshot/snapshot.ts';
import { CellAllocator, CHUNK_BYTES, CHUNK_CELLS } from '../tables/cell-allocator.ts';
import type { Directory } from '../files/directory.ts';
import { FamilyTable } from '../tables/family-table.ts';
import { cellsOf } from '../format/layout.ts';
import { ExemplarFile } from './exemplar-file.ts';
import { encodeHeader, encodeRecord, type NameRecord, type SlotHeader } from '../format/names-log.ts';
import { loadNative, type Mapping } from '../files/system-calls.ts';
import { type ClaimedSlot, claimNewSlot } from './slot-claim.ts';
import {
  cellsHeader,
  fillWithZeros,
  HEADER_CELLS,
  leadsTo,
  makeTemporary,
  NAMES_STEP_BYTES,
  putInPlace,
  writeAll,
} from '../files/slot-files.ts';
import { familyRecords } from '../tables/slot-names.ts';
import { type Journal, TableFamily } from '../tables/table-family.ts';

const debug: ReturnType<typeof debuglog> = debuglog('promenade');

/** The slot that this process (or thread) owns: its one writer. */
export class Slot implements Journal {
  readonly #directory: Directory;
  readonly #header: SlotHeader;
  readonly #mappings: Mapping[] = [];
  readonly #families: Map<number, FamilyTable>;
  readonly #allocator: CellAllocator;
  readonly #exemplars: ExemplarFile;
  #name: string;
  #namesFd: number;
  #cellsFd: number;
  /** Where the next record goes. */
  #end: number;
  #namesSize: number;
  /**
   * Where the records ended when they were last written anew: that is done when it at least halves
   * them.
   */
  #compactEnd: number;
  #full = false;
  /** Its descriptors may be another file's by now. */
  #closed = false;

  /**
   * Takes a claimed slot into use, and counts on from its values; gauges of live processes only
   * start anew.
   */
  constructor(directory: Directory, claimed: ClaimedSlot) {
    this.#directory = directory;
    this.#header = claimed.header;
    this.#name = claimed.name;
    this.#namesFd = claimed.namesFd;
    this.#cellsFd = claimed.cellsFd;
    this.#end = claimed.end;
    this.#compactEnd = claimed.end;
    this.#namesSize = fs.fstatSync(this.#namesFd).size;
    this.#families = claimed.names.families;
    const count = fs.fstatSync(this.#cellsFd).size / CHUNK_BYTES;
    const chunks = Array.from({ length: count }, (_, i) => this.#map(i));
    const end = Math.max(claimed.names.end, HEADER_CELLS);
    // Behind the last cell that was named there are zeros, unless a record was lost with what its
    // series had counted.
    for (const [i, cells] of chunks.entries()) cells.fill(0, Math.max(0, end - i * CHUNK_CELLS));
    this.#allocator = new CellAllocator(chunks, end, () => this.#grow());
    for (const [cell, width] of claimed.names.freeRuns()) this.#allocator.free(cell, width);
    const taken = new Set([...this.#families.values()].flatMap((family) => [...family.all()].map(({ cell }) => cell)));
    this.#exemplars = new ExemplarFile(directory, claimed.name, claimed.header.lineage, taken);
    for (const family of this.#families.values()) {
      if (family.definition.liveOnly) this.#startAnew(family);
      else if (claimed.rebooted && keepsSetTime(family.definition)) this.#forgetTimes(family);
    }
  }

  /** `<role>-<n>`. */
  get name(): string {
    return this.#name;
  }

  /** Whether something found no space the last time it needed some. */
  get full(): boolean {
    return this.#full;
  }

  /**
   * A family of this slot: the one that is there, if the definitions agree, or a new one.
   * `undefined`: there is no space.
   */
  define(definition: FamilyDefinition): TableFamily | undefined {
    const known = [...this.#families.values()].find((family) => family.definition.name === definition.name);
    if (known && sameShape(known.definition, definition)) {
      if (JSON.stringify(known.definition) !== JSON.stringify(definition)) {
        const record = ['family', known.id, Date.now(), known.fallback.cell, definition] as const;
        if (this.#append(record)) known.redefine(definition, record[2]);
      }
      return this.#open(known);
    }
    if (known) this.undefine(this.#open(known));
    const cell = this.#allocator.allocate(cellsOf(definition));
    if (cell === undefined) return undefined;
    const id = Math.max(0, ...this.#families.keys()) + 1;
    const family = new FamilyTable(id, definition, Date.now(), cell);
    if (!this.#append(['family', id, family.definedAt, cell, definition])) {
      this.#allocator.free(cell, cellsOf(definition));
      return undefined;
    }
    this.#families.set(id, family);
    return this.#open(family);
  }

  undefine(family: TableFamily): void {
    const { id } = family.table;
    if (!this.#families.has(id)) return;
    const gone = this.#append(['end', id]);
    this.#families.delete(id);
    family.empty(gone);
  }

  series(family: FamilyTable, labelValues: LabelValues, cell: number): boolean {
    return this.#append(['series', family.id, labelValues, cell]);
  }

  blocks(family: FamilyTable, labelValues: LabelValues, keys: readonly number[], cells: readonly number[]): boolean {
    return this.#append(['blocks', family.id, labelValues, keys, cells]);
  }

  unblock(family: FamilyTable, labelValues: LabelValues, keys: readonly number[]): boolean {
    return this.#append(['unblock', family.id, labelValues, keys]);
  }

  removal(family: FamilyTable, labelValues: LabelValues): boolean {
    // Without space for the record the series stays on the page, at zero, until the names are
    // written anew.
    return this.#append(['removal', family.id, labelValues]);
  }

  /**
   * Looks whether the slot's files are still there. If not, writes them anew with all values, under
   * this or another name. Some 20 µs.
   */
  heal(): void {
    if (this.#closed) return;
    try {
      this.#directory.refresh();
      const named = leadsTo(this.#path('names'), this.#namesFd);
      const celled = leadsTo(this.#path('cells'), this.#cellsFd);
      if (named && celled) return this.#exemplars.heal(this.#name);
      if (!named) {
        const claim = claimNewSlot(this.#directory, this.#header);
        fs.closeSync(this.#namesFd);
        this.#namesFd = claim.namesFd;
        this.#name = claim.name;
      }
      this.#moveCells();
      this.#rewriteNames();
      this.#exemplars.heal(this.#name);
    } catch (error) {
      debug('the slot %s could not be mended: %o', this.#name, error);
    }
  }

  /**
   * Gives the slot up: the next process may count on from its values. What is written to its cells
   * from now on goes nowhere.
   */
  close(): void {
    this.#closed = true;
    for (const mapping of this.#mappings) loadNative().detach(mapping);
    this.#exemplars.close();
    fs.closeSync(this.#cellsFd);
    fs.closeSync(this.#namesFd);
  }

  #path(extension: 'names' | 'cells'): string {
    return this.#directory.join(`${this.#name}.${extension}`);
  }

  #open(family: FamilyTable): TableFamily {
    return new TableFamily(family, this.#allocator, this, this.#exemplars);
  }

  #forgetTimes(family: FamilyTable): void {
    for (const { cell } of family.all()) {
      const { cells, index } = this.#allocator.range(cell);
      if (cells[index + 1] !== 0) cells[index + 1] = LONG_AGO;
    }
  }

  #startAnew(family: FamilyTable): void {
    const mine = this.#open(family);
    for (const { labelValues } of [...family.entries()]) mine.remove(labelValues);
    const { cells, index } = mine.fallback;
    cells.fill(0, index, index + cellsOf(family.definition));
  }

  #map(chunk: number): Float64Array {
    const mapping = loadNative().map(this.#cellsFd, chunk * CHUNK_BYTES, CHUNK_BYTES);
    this.#mappings.push(mapping);
    return mapping.cells;
  }

  #grow(): Float64Array | undefined {
    if (this.#closed) return new Float64Array(CHUNK_CELLS);
    const chunk = this.#mappings.length;
    const made = this.#attempt(() => {
      fillWithZeros(this.#cellsFd, chunk * CHUNK_BYTES, (chunk + 1) * CHUNK_BYTES);
      this.#full = false;
    });
    return made ? this.#map(chunk) : undefined;
  }

  #append(record: NameRecord): boolean {
    if (this.#closed) return true;
    const bytes = encodeRecord(record);
    if (this.#end > 2 * this.#compactEnd && this.#end > 2 * NAMES_STEP_BYTES) this.#attempt(() => this.#rewriteNames());
    return this.#attempt(() => {
      const needed = this.#end + bytes.length;
      if (needed > this.#namesSize) {
        const size = Math.ceil(needed / NAMES_STEP_BYTES) * NAMES_STEP_BYTES;
        fillWithZeros(this.#namesFd, this.#namesSize, size);
        this.#namesSize = size;
        this.#full = false;
      }
      writeAll(this.#namesFd, bytes, this.#end);
      this.#end = needed;
    });
  }

  /**
   * Does what may find no space. Whatever the disk says, the application goes on, and is told once
   * until there is space again.
   */
  #attempt(work: () => void): boolean {
    try {
      work();
      return true;
    } catch (error) {
      if (!this.#full) {
        this.#full = true;
        process.emitWarning(
          `The metrics directory ${this.#directory.path} takes no more (${(error as NodeJS.ErrnoException).code ?? String(error)}): ` +
            'new series are counted in the overflow series of their families. Make room there.',
          { code: 'WARN_METRICS_STORE_FULL' },
        );
      }
      return false;
    }
  }

  /**
   * Replaces the names by a file that says the same without history. The slot stays locked all the
   * time.
   */
  #rewriteNames(): void {
    const records: Buffer[] = [encodeHeader(this.#header)];
    for (const family of this.#families.values())
      for (const record of familyRecords(family)) records.push(encodeRecord(record));
    for (const [cell, width] of this.#allocator.freeRuns()) records.push(encodeRecord(['free', cell, width]));
    const bytes = Buffer.concat(records);
    const size = (Math.floor(bytes.length / NAMES_STEP_BYTES) + 1) * NAMES_STEP_BYTES;
    const temporary = makeTemporary(this.#directory);
    try {
      fillWithZeros(temporary.fd, 0, size);
      writeAll(temporary.fd, bytes, 0);
      fs.renameSync(temporary.path, this.#path('names'));
    } catch (error) {
      fs.closeSync(temporary.fd);
      fs.rmSync(temporary.path, { force: true });
      throw error;
    }
    fs.closeSync(this.#namesFd);
    this.#namesFd = temporary.fd;
    this.#namesSize = size;
    this.#end = this.#compactEnd = bytes.length;
    this.#full = false;
  }

  /**
   * Writes the values to a new file and lets the maps see that one. No handle notices, since
   * nothing else runs meanwhile.
   */
  #moveCells(): void {
    const temporary = makeTemporary(this.#directory);
    try {
      for (const [i, { cells }] of this.#mappings.entries()) {
        writeAll(temporary.fd, new Uint8Array(cells.buffer, cells.byteOffset, cells.byteLength), i * CHUNK_BYTES);
      }
      writeAll(temporary.fd, cellsHeader(this.#header.lineage), 0);
      putInPlace(temporary.path, this.#path('cells'));
    } catch (error) {
      fs.closeSync(temporary.fd);
      fs.rmSync(temporary.path, { force: true });
      throw error;
    }
    for (const [i, mapping] of this.#mappings.entries()) loadNative().replace(mapping, temporary.fd, i * CHUNK_BYTES);
    fs.closeSync(this.#cellsFd);
    this.#cellsFd = temporary.fd;
  }
}
