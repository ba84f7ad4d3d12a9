import { debuglog } from 'node:util';
import { canAddUp, sameShape } from '../../snapshot/merge.ts';
import { type FamilyDefinition, keepsSetTime, type LabelValues, LONG_AGO } from '../../snapshot/snapshot.ts';
import type { Directory } from '../files/directory.ts';
import { slotFile } from '../files/slot-files.ts';
import { CHUNK_CELLS, HEADER_CELLS, rangeIn } from '../format/cells-file.ts';
import { repair } from '../format/fence.ts';
import { ARMED, INTENT_CELLS } from '../format/intent.ts';
import { cellsOf } from '../format/layout.ts';
import type { NameRecord } from '../format/names-log.ts';
import { settles } from '../reader/open-amounts.ts';
import { applyIntent } from '../reader/slot-reader.ts';
import type { CellRange } from '../store.ts';
import { CellAllocator } from '../tables/cell-allocator.ts';
import { FamilyTable } from '../tables/family-table.ts';
import { familyRecords } from '../tables/slot-tables.ts';
import { type Journal, StoreFamily } from '../tables/store-family.ts';
import { CellsWriter } from './cells-writer.ts';
import { ExemplarFile } from './exemplar-file.ts';
import { NamesWriter } from './names-writer.ts';
import { type ClaimedSlot, claimNewSlot } from './slot-claim.ts';
import { SlotIntent } from '../tables/slot-intent.ts';
import { Space } from './space.ts';

const debug: ReturnType<typeof debuglog> = debuglog('promenade');

/** Cells that are kept for families that count what else finds no space. */
const RESERVED_CELLS = 256;

/** The slot that this process (or thread) owns: its one writer. */
export class Slot implements Journal {
  readonly #directory: Directory;
  readonly #space: Space;
  readonly #names: NamesWriter;
  readonly #cells: CellsWriter;
  readonly #families: Map<number, FamilyTable>;
  readonly #allocator: CellAllocator;
  readonly #exemplars: ExemplarFile;
  readonly #damaged: number;
  #name: string;
  /** The cells of the intent, once there is one: in no record, but in the header. */
  readonly #intentCell: number | undefined;
  #intent: SlotIntent | undefined;
  /** Its descriptors may be another file's by now. */
  #closed = false;

  /**
   * Takes a claimed slot into use and counts on from its values; gauges of live processes restart.
   */
  constructor(directory: Directory, claimed: ClaimedSlot) {
    const { header, tables } = claimed;
    this.#directory = directory;
    this.#space = new Space(directory.path);
    this.#name = claimed.name;
    this.#names = new NamesWriter(claimed.namesFd, header, claimed.end, this.#space);
    this.#cells = new CellsWriter(claimed.cellsFd, header.lineage);
    this.#families = tables.families;
    const { chunks } = this.#cells;
    // First of all, what the last owner had armed is stored: twice does no harm.
    this.#intentCell = fitsIn(chunks, header.intent) ? header.intent : undefined;
    applyIntent(chunks, this.#intentCell);
    if (this.#intentCell !== undefined) disarm(chunks, this.#intentCell);
    const intentEnd = this.#intentCell === undefined ? 0 : this.#intentCell + INTENT_CELLS;
    const end = Math.max(tables.end, HEADER_CELLS, intentEnd);
    // Behind the last cell that was named there are zeros, unless a record was lost with what its
    // series had counted.
    for (const [i, cells] of chunks.entries()) cells.fill(0, Math.max(0, end - i * CHUNK_CELLS));
    this.#allocator = new CellAllocator(chunks, end, () => this.#grow(), RESERVED_CELLS);
    for (const [cell, width] of tables.freeRuns()) this.#allocator.free(cell, width);
    this.#damaged = claimed.missing + this.#repair();
    if (claimed.missing > 0) this.#space.attempt(() => this.#rewriteNames());
    const taken = new Set([...this.#families.values()].flatMap((family) => [...family.all()].map(({ cell }) => cell)));
    this.#exemplars = new ExemplarFile(directory.path, claimed.name, header.lineage, taken);
    this.#settleOpenAmounts();
    for (const family of this.#families.values()) {
      if (family.definition.liveOnly) this.#restart(family);
      else if (claimed.rebooted && keepsSetTime(family.definition)) this.#forgetTimes(family);
    }
  }

  /** `<role>-<n>`. */
  get name(): string {
    return this.#name;
  }

  /** True if something found no space the last time it needed some. */
  get full(): boolean {
    return this.#space.full;
  }

  /** Records and cells that were damaged when this process took the slot over. */
  get damaged(): number {
    return this.#damaged;
  }

  /**
   * Returns a family of this slot: the one that is there, if the definitions agree, or a new one.
   * `undefined`: there is no space.
   */
  define(definition: FamilyDefinition): StoreFamily | undefined {
    const alike = this.#named(definition.name).filter((family) => {
      // What was counted under other buckets goes on counting beside the new ones, so that neither
      // a deploy nor its rollback loses anything; readers add both up.
      if (canAddUp(family.definition, definition)) return true;
      this.#end(family);
      return false;
    });
    const known = alike.find((family) => sameShape(family.definition, definition));
    if (known) {
      const isLatest = alike.every((other) => other === known || other.definedAt < known.definedAt);
      const isSame = JSON.stringify(known.definition) === JSON.stringify(definition);
      if (!isSame || !isLatest) this.#redefine(known, definition);
      return this.#open(known);
    }
    const width = cellsOf(definition);
    const cell = this.#allocator.allocate(width, definition.usesReserve);
    if (cell === undefined) return undefined;
    const id = Math.max(0, ...this.#families.keys()) + 1;
    const now = Date.now();
    if (!this.#append(['family', id, now, cell, definition, now], definition)) {
      this.#allocator.free(cell, width);
      return undefined;
    }
    const family = new FamilyTable(id, definition, now, cell, now);
    this.#families.set(id, family);
    return this.#open(family);
  }

  undefine(family: StoreFamily): void {
    if (!this.#families.has(family.table.id)) return;
    for (const table of this.#named(family.definition.name)) this.#end(table);
  }

  /** The intent of this process; its cells are taken when it is first asked for. */
  intent(): SlotIntent {
    return (this.#intent ??= this.#makeIntent());
  }

  series({ id, definition }: FamilyTable, labelValues: LabelValues, cell: number, startedAt: number): boolean {
    return this.#append(['series', id, labelValues, cell, startedAt], definition);
  }

  restart({ id, definition, definedAt, fallback }: FamilyTable, startedAt: number): boolean {
    return this.#append(['family', id, definedAt, fallback.cell, definition, startedAt]);
  }

  blocks({ id }: FamilyTable, labelValues: LabelValues, keys: readonly number[], cells: readonly number[]): boolean {
    return this.#append(['blocks', id, labelValues, keys, cells]);
  }

  unblock({ id }: FamilyTable, labelValues: LabelValues, keys: readonly number[]): boolean {
    return this.#append(['unblock', id, labelValues, keys]);
  }

  removal({ id }: FamilyTable, labelValues: LabelValues): boolean {
    // Without space for the record the series stays on the page, at zero, until the names are
    // rewritten.
    return this.#append(['removal', id, labelValues]);
  }

  /** Called by the heartbeat: heals, and checks a part of the slot's own files. Some 50 µs. */
  beat(): void {
    this.heal();
    if (this.#closed) return;
    try {
      this.#cells.mendHeader();
      if (!this.#names.check()) this.#rewriteNames();
    } catch (error) {
      debug('the names of %s can not be checked: %o', this.#name, error);
    }
  }

  /**
   * Rewrites the slot's files with all values if they are gone, under this or another name. Some 20
   * µs while they are there.
   */
  heal(): void {
    if (this.#closed) return;
    try {
      this.#directory.refresh();
      const named = this.#names.isAt(this.#path('names'));
      const celled = this.#cells.isAt(this.#path('cells'));
      if (named && celled) return this.#exemplars.heal(this.#name);
      const { header } = this.#names;
      if (!named) {
        const claim = claimNewSlot(this.#directory, header);
        this.#names.replace(claim.namesFd, claim.header);
        this.#name = claim.name;
      }
      this.#cells.moveTo(this.#path('cells'), this.#directory.path);
      this.#names.finish();
      this.#rewriteNames();
      this.#exemplars.heal(this.#name);
    } catch (error) {
      debug('the slot %s could not be mended: %o', this.#name, error);
    }
  }

  /** Gives the slot up: the next process may count on from its values. */
  close(): void {
    this.#closed = true;
    this.#cells.close();
    this.#exemplars.close();
    this.#names.close();
  }

  #path(kind: 'names' | 'cells'): string {
    return slotFile(this.#directory.path, this.#name, kind);
  }

  #open(family: FamilyTable): StoreFamily {
    return new StoreFamily(family, this.#allocator, this, this.#exemplars);
  }

  /** The families of that name: several, where their buckets were changed. */
  #named(name: string): FamilyTable[] {
    return [...this.#families.values()].filter((family) => family.definition.name === name);
  }

  #end(family: FamilyTable): void {
    const gone = this.#append(['end', family.id]);
    this.#families.delete(family.id);
    this.#open(family).empty(gone);
  }

  #redefine(family: FamilyTable, definition: FamilyDefinition): void {
    const { id, fallback } = family;
    const now = Date.now();
    const start: [] | [number] = fallback.startedAt === undefined ? [] : [fallback.startedAt];
    const record: NameRecord = ['family', id, now, fallback.cell, definition, ...start];
    if (this.#append(record)) family.redefine(definition, now);
  }

  #forgetTimes(family: FamilyTable): void {
    for (const { cell } of family.all()) {
      const { cells, index } = this.#allocator.range(cell);
      if (cells[index + 1] !== 0) cells[index + 1] = LONG_AGO;
    }
  }

  #restart(family: FamilyTable): void {
    const mine = this.#open(family);
    for (const { labelValues } of [...family.entries()]) mine.remove(labelValues);
    const { cells, index } = mine.fallback;
    cells.fill(0, index, index + cellsOf(family.definition));
  }

  /**
   * Moves what the last owner left open to the families that it settles into. By intents, so that a
   * kill in between moves nothing twice.
   */
  #settleOpenAmounts(): void {
    const families = [...this.#families.values()];
    for (const open of families.filter(({ definition }) => definition.settlesInto !== undefined)) {
      const target = families.find(({ definition }) => settles(open.definition, definition));
      for (const { labelValues, cell } of [...open.all()]) {
        const from = this.#allocator.range(cell);
        const amount = from.cells[from.index]!;
        if (!Number.isFinite(amount) || amount <= 0) from.cells[from.index] = 0;
        else if (target) this.#move(from, amount, this.#open(target).allocate(labelValues));
      }
    }
  }

  #move(from: CellRange, amount: number, to: CellRange | undefined): void {
    if (!to) return; // No space: the next owner finds the amount as this one did.
    const intent = this.intent();
    intent.plan(to.cells, to.index, to.cells[to.index]! + amount);
    intent.plan(from.cells, from.index, 0);
    intent.arm();
    intent.apply();
  }

  /** Repairs what is damaged in the cells; returns how many they were. */
  #repair(): number {
    let damaged = 0;
    for (const family of this.#families.values()) {
      for (const { cell, blocks } of family.all()) {
        const ranges = new Map([...blocks].map(([key, at]) => [key, this.#allocator.range(at)]));
        damaged += repair(family.definition, this.#allocator.range(cell), ranges);
      }
    }
    return damaged;
  }

  #makeIntent(): SlotIntent {
    const cell = this.#intentCell ?? (this.#closed ? undefined : this.#allocator.allocate(INTENT_CELLS));
    if (cell === undefined) return new SlotIntent();
    if (this.#intentCell === undefined) {
      try {
        this.#names.writeHeader({ ...this.#names.header, intent: cell });
      } catch (error) {
        debug('the intent of %s can not be written down: %o', this.#name, error);
        return new SlotIntent();
      }
    }
    const intent = new SlotIntent(this.#allocator.chunks, this.#allocator.range(cell));
    intent.drop();
    return intent;
  }

  #grow(): Float64Array | undefined {
    if (this.#closed) return new Float64Array(CHUNK_CELLS);
    let chunk: Float64Array | undefined;
    this.#space.attempt(() => (chunk = this.#cells.grow()));
    return chunk;
  }

  #append(record: NameRecord, { usesReserve = false }: { readonly usesReserve?: boolean } = {}): boolean {
    if (this.#closed) return true;
    if (this.#names.isLong) this.#space.attempt(() => this.#rewriteNames());
    return this.#names.append(record, usesReserve);
  }

  #rewriteNames(): void {
    this.#names.rewrite(this.#path('names'), this.#directory.path, this.#records());
  }

  /** The records of all families, without their history. */
  *#records(): Iterable<NameRecord> {
    for (const family of this.#families.values()) yield* familyRecords(family);
    for (const [cell, width] of this.#allocator.freeRuns()) yield ['free', cell, width];
  }
}

function disarm(chunks: readonly Float64Array[], intent: number): void {
  const { cells, index } = rangeIn(chunks, intent);
  cells[index + ARMED] = 0;
}

/** False for the cells of an intent that a damaged header speaks of. */
function fitsIn(chunks: readonly Float64Array[], intent: number | undefined): boolean {
  if (intent === undefined || !Number.isSafeInteger(intent) || intent < HEADER_CELLS) return false;
  return (intent % CHUNK_CELLS) + INTENT_CELLS <= CHUNK_CELLS && Math.floor(intent / CHUNK_CELLS) < chunks.length;
}
