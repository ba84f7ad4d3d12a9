import { type FamilyDefinition, keepsSparseBuckets, type LabelValues } from '../../snapshot/snapshot.ts';
import { sameShape } from '../../snapshot/merge.ts';
import { FamilyTable, type SeriesEntry } from './family-table.ts';
import { BLOCK_CELLS, cellsOf } from '../format/layout.ts';
import type { NameRecord } from '../format/names-log.ts';

/**
 * The families of a slot with their series, and its free cells: built by replaying the records of
 * its names.
 */
export class SlotTables {
  readonly families: Map<number, FamilyTable> = new Map();
  readonly #free: Map<number, number> = new Map();
  /** Which series holds a cell; kept only where records are missing. */
  #holders: Map<number, Holder> | undefined;
  /** One past the highest cell ever named. */
  end = 0;

  /** Applies one record. @throws Error where it makes no sense: then it is damaged. */
  apply(record: NameRecord): void {
    switch (record[0]) {
      case 'family': {
        const [, id, definedAt, fallbackCell, definition, startedAt] = record;
        checkDefinition(definition);
        const known = this.families.get(id);
        if (known && known.fallback.cell === fallbackCell && sameShape(known.definition, definition)) {
          known.redefine(definition, definedAt, startedAt);
        } else this.families.set(id, new FamilyTable(id, definition, definedAt, fallbackCell, startedAt));
        this.#take(fallbackCell, cellsOf(definition));
        break;
      }
      case 'series': {
        const [, id, labelValues, cell, startedAt] = record;
        const family = this.#family(id);
        if (labelValues.length !== family.definition.labelNames.length) throw new Error('a series with other labels');
        this.#take(cell, cellsOf(family.definition));
        family.add(labelValues, cell, startedAt);
        this.#holders?.set(cell, { family: id, labelValues });
        break;
      }
      case 'blocks': {
        const [, id, labelValues, keys, cells] = record;
        const { blocks } = this.#series(id, labelValues);
        if (!keepsSparseBuckets(this.#family(id).definition)) throw new Error(`blocks in family ${id}, which has none`);
        for (const [i, key] of keys.entries()) {
          this.#take(cells[i]!, BLOCK_CELLS);
          blocks.set(key, cells[i]!);
          this.#holders?.set(cells[i]!, { family: id, labelValues, block: key });
        }
        break;
      }
      case 'unblock': {
        const [, id, labelValues, keys] = record;
        const { blocks } = this.#series(id, labelValues);
        for (const key of keys) {
          const cell = blocks.get(key);
          if (blocks.delete(key)) this.#free.set(cell!, BLOCK_CELLS);
        }
        break;
      }
      case 'removal': {
        const [, id, labelValues] = record;
        const family = this.#family(id);
        const entry = family.delete(labelValues);
        if (entry) this.#release(entry.cell, entry.blocks.values(), family.definition);
        break;
      }
      case 'end': {
        const family = this.#family(record[1]);
        for (const { cell, blocks } of [...family.entries(), family.fallback]) {
          this.#release(cell, blocks.values(), family.definition);
        }
        this.families.delete(record[1]);
        break;
      }
      case 'free':
        this.#free.set(record[1], record[2]);
        this.end = Math.max(this.end, record[1] + record[2]);
        break;
      default:
        throw new Error(`a record of an unknown kind: ${String((record as readonly unknown[])[0])}`);
    }
  }

  /**
   * Must be called where records are missing, before the next one is applied: from then on a record
   * that names a cell takes it from the series that held it, whose removal is among what is missing.
   */
  expectGaps(): void {
    if (this.#holders) return;
    this.#holders = new Map();
    for (const [family, table] of this.families) {
      for (const { labelValues, cell, blocks } of table.all()) {
        if (cell !== table.fallback.cell) this.#holders.set(cell, { family, labelValues });
        for (const [block, at] of blocks) this.#holders.set(at, { family, labelValues, block });
      }
    }
  }

  /** Free runs of cells: the first cell, and how many. */
  freeRuns(): Iterable<readonly [cell: number, width: number]> {
    return this.#free;
  }

  #family(id: number): FamilyTable {
    const family = this.families.get(id);
    if (!family) throw new Error(`a record of family ${id}, which is not there`);
    return family;
  }

  #series(id: number, labelValues: LabelValues): SeriesEntry {
    const entry = this.#family(id).get(labelValues);
    if (!entry) throw new Error(`blocks of a series that is not there, in family ${id}`);
    return entry;
  }

  #take(cell: number, width: number): void {
    if (!Number.isSafeInteger(cell) || cell < 0) throw new Error(`a series at cell ${cell}`);
    this.#free.delete(cell);
    const holder = this.#holders?.get(cell);
    if (holder) this.#evict(cell, holder);
    this.end = Math.max(this.end, cell + width);
  }

  #evict(cell: number, { family, labelValues, block }: Holder): void {
    this.#holders!.delete(cell);
    const table = this.families.get(family);
    const entry = table?.get(labelValues);
    if (!table || !entry) return;
    if (block === undefined && entry.cell === cell) table.delete(labelValues);
    else if (block !== undefined && entry.blocks.get(block) === cell) entry.blocks.delete(block);
  }

  #release(cell: number, blocks: Iterable<number>, definition: FamilyDefinition): void {
    this.#free.set(cell, cellsOf(definition));
    for (const block of blocks) this.#free.set(block, BLOCK_CELLS);
  }
}

/** The series, or the block of one, that holds a cell. */
interface Holder {
  readonly family: number;
  readonly labelValues: LabelValues;
  readonly block?: number;
}

function checkDefinition({ name, type, labelNames, bounds }: FamilyDefinition): void {
  if (typeof name !== 'string' || !Array.isArray(labelNames)) throw new Error('a family without a name or labels');
  if (type === 'histogram' && !Array.isArray(bounds)) throw new Error('a histogram without bounds');
}

/** Yields the records of one family, without its history. */
export function* familyRecords(family: FamilyTable): Iterable<NameRecord> {
  const { id, definition, definedAt, fallback } = family;
  yield ['family', id, definedAt, fallback.cell, definition, ...startOf(fallback)];
  for (const entry of [fallback, ...family.entries()]) {
    const { labelValues, cell, blocks } = entry;
    if (entry !== fallback) yield ['series', id, labelValues, cell, ...startOf(entry)];
    if (blocks.size > 0) yield ['blocks', id, labelValues, [...blocks.keys()], [...blocks.values()]];
  }
}

function startOf({ startedAt }: SeriesEntry): [] | [startedAt: number] {
  return startedAt === undefined ? [] : [startedAt];
}
