import { type FamilyDefinition, keepsSparseBuckets, type LabelValues } from '../../snapshot/snapshot.ts';
import { sameShape } from '../../snapshot/merge.ts';
import { FamilyTable, type SeriesEntry } from './family-table.ts';
import { BLOCK_CELLS, cellsOf } from '../format/layout.ts';
import type { NameRecord } from '../format/names-log.ts';

/**
 * What a slot's names come to: its families with their series, and the cells that are free. Built
 * by replaying the records.
 */
export class SlotNames {
  readonly families: Map<number, FamilyTable> = new Map();
  readonly #free: Map<number, number> = new Map();
  /** One past the highest cell ever named. */
  end = 0;

  /** @throws Error where the record makes no sense, which means damage. */
  apply(record: NameRecord): void {
    switch (record[0]) {
      case 'family': {
        const [, id, definedAt, fallbackCell, definition] = record;
        const known = this.families.get(id);
        if (known && sameShape(known.definition, definition)) known.redefine(definition, definedAt);
        else this.families.set(id, new FamilyTable(id, definition, definedAt, fallbackCell));
        this.#take(fallbackCell, cellsOf(definition));
        break;
      }
      case 'series': {
        const [, id, labelValues, cell] = record;
        const family = this.#family(id);
        family.add(labelValues, cell);
        this.#take(cell, cellsOf(family.definition));
        break;
      }
      case 'blocks': {
        const [, id, labelValues, keys, cells] = record;
        const { blocks } = this.#series(id, labelValues);
        if (!keepsSparseBuckets(this.#family(id).definition)) throw new Error(`blocks in family ${id}, which has none`);
        for (const [i, key] of keys.entries()) {
          blocks.set(key, cells[i]!);
          this.#take(cells[i]!, BLOCK_CELLS);
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
    this.end = Math.max(this.end, cell + width);
  }

  #release(cell: number, blocks: Iterable<number>, definition: FamilyDefinition): void {
    this.#free.set(cell, cellsOf(definition));
    for (const block of blocks) this.#free.set(block, BLOCK_CELLS);
  }
}

/** The records of one family, without its history. */
export function* familyRecords(family: FamilyTable): Iterable<NameRecord> {
  const { id, definition, definedAt, fallback } = family;
  yield ['family', id, definedAt, fallback.cell, definition];
  for (const entry of [fallback, ...family.entries()]) {
    const { labelValues, cell, blocks } = entry;
    if (entry !== fallback) yield ['series', id, labelValues, cell];
    if (blocks.size > 0) yield ['blocks', id, labelValues, [...blocks.keys()], [...blocks.values()]];
  }
}
