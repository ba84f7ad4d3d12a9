import { bucketIndex, coarserIndex, MIN_SCHEMA } from '../../snapshot/exponential-buckets.ts';
import type { LabelValues, SparseBuckets } from '../../snapshot/snapshot.ts';
import { mergeBuckets } from '../../snapshot/sparse-buckets.ts';
import { BLOCK_CELLS, blockKey, blockKeyOf, observations, schemaOfKey } from '../format/layout.ts';
import {
  bucketCode,
  nativeAt,
  OTHERS,
  PENDING,
  PENDING_OTHER,
  PENDING_ZERO,
  SCHEMA,
  SCHEMA_OFFSET,
  schemaAt,
  THRESHOLD,
  ZEROS,
} from '../format/native-histogram.ts';
import type { CellRange, StoredFamily } from '../store.ts';

/** How many blocks of a series are remembered as counted in lately. */
const RECENT = 16;

/** A block of the current resolution. */
interface Block extends CellRange {
  /** What all codes of its buckets have in common. */
  readonly id: number;
}

const NO_BLOCK: Block = { id: 2 ** 30, cells: new Float64Array(0), index: 0 };

/**
 * The native buckets of one series as its one writer has them; native-histogram.ts says how they
 * lie in the cells.
 */
export class NativeBuckets {
  readonly #family: StoredFamily;
  readonly #labelValues: LabelValues;
  readonly #cells: Float64Array;
  readonly #native: number;
  /** The cell of that name. */
  readonly #pending: Float64Array;
  readonly #maxBuckets: number;
  /** Those of the current resolution. */
  readonly #blocks: Map<number, CellRange> = new Map();
  #schema: number;
  #threshold: number;
  /** Populated buckets, but for that of zero. */
  #populated = 0;
  /** With more of them the resolution is halved. */
  #limit: number;
  /**
   * Those that were counted in lately, by the last bits of their ids: neighbours don't displace
   * each other. A third of a Map's time.
   */
  readonly #recent: Block[] = Array.from({ length: RECENT }, () => NO_BLOCK);

  /** Takes a series' buckets up as they are, and clears away what a writer left that was killed. */
  constructor(family: StoredFamily, labelValues: LabelValues, home: CellRange) {
    const { definition } = family;
    const { schema, maxBuckets, zeroThreshold } = definition.native!;
    this.#family = family;
    this.#labelValues = labelValues;
    this.#cells = home.cells;
    this.#native = home.index + nativeAt(definition);
    this.#pending = home.cells.subarray(this.#native + PENDING, this.#native + PENDING + 1);
    this.#limit = this.#maxBuckets = maxBuckets;
    if (this.#cells[this.#native + SCHEMA] === 0) {
      this.#cells[this.#native + THRESHOLD] = zeroThreshold;
      this.#cells[this.#native + SCHEMA] = schema + SCHEMA_OFFSET;
    }
    this.#threshold = this.#cells[this.#native + THRESHOLD]!;
    this.#schema = schemaAt(definition, this.#cells, this.#native) ?? schema;
    this.#dropOthers();
    for (const key of family.blocks(labelValues)) {
      if (schemaOfKey(key) === this.#schema) this.#blocks.set(key, family.block(labelValues, key)!);
    }
    this.#takeOut(home);
    for (const [, count] of this.#buckets()) if (count !== 0) this.#populated++;
    if (schema < this.#schema) this.#changeTo(schema);
    if (this.#crowded) this.reduce();
  }

  /**
   * Counts a value, which can be any number, in its bucket. The caller commits it right after.
   *
   * @returns whether there are more buckets now than there may be, so that it is time to `reduce`
   *   once that is done
   */
  add(value: number): boolean {
    const size = Math.abs(value);
    if (!(size > this.#threshold)) return this.#addUnusual(value);
    const code = bucketCode(bucketIndex(size, this.#schema), value < 0);
    const id = code >> 5;
    let block = this.#recent[id & (RECENT - 1)]!;
    if (block.id !== id) {
      block = this.#find(id);
      // Where the store is full a value is counted with the zeros: the count and the sum stay
      // right.
      if (block === NO_BLOCK) return this.#addUnusual(0);
    }
    const place = block.index + (code & (BLOCK_CELLS - 1));
    const count = block.cells[place]!;
    this.#pending[0] = code;
    block.cells[place] = count + 1;
    return count === 0 && this.#grow();
  }

  /**
   * Halves the resolution as often as it takes until there are no more populated buckets than there
   * may be.
   */
  reduce(): void {
    let times = 0;
    let populated: number;
    do {
      times++;
      const indexes = new Set<number>();
      for (const [index, count, negative] of this.#buckets()) {
        if (count !== 0) indexes.add(coarserIndex(index, times) * 2 + negative);
      }
      populated = indexes.size;
    } while (populated > this.#maxBuckets && this.#schema - times > MIN_SCHEMA);
    // Without space for the new blocks it stays as it is, and is tried again when there are twice
    // as many.
    this.#limit = this.#changeTo(this.#schema - times) ? this.#maxBuckets : this.#populated * 2;
  }

  /** Adds what another series has counted, native buckets alone: not to be interrupted. */
  carry(buckets: SparseBuckets, others: number, own: SparseBuckets): void {
    const merged = mergeBuckets(buckets, own);
    if (merged.schema < this.#schema) this.#changeTo(merged.schema);
    for (const { cells, index } of this.#blocks.values()) cells.fill(0, index, index + BLOCK_CELLS);
    this.#threshold = this.#cells[this.#native + THRESHOLD] = merged.zeroThreshold;
    this.#cells[this.#native + ZEROS] = merged.zeroCount;
    this.#cells[this.#native + OTHERS]! += others;
    for (const [side, negative] of [
      [merged.positive, false],
      [merged.negative, true],
    ] as const) {
      for (const [index, count] of side) {
        const block = this.#block(blockKey(index, negative, this.#schema));
        if (block) block.cells[block.index + (index & (BLOCK_CELLS - 1))] = count;
        else this.#cells[this.#native + ZEROS]! += count;
      }
    }
  }

  /** Zeros, and NaN, which is in no bucket. */
  #addUnusual(value: number): boolean {
    const isNumber = value === value;
    this.#pending[0] = isNumber ? PENDING_ZERO : PENDING_OTHER;
    this.#cells[this.#native + (isNumber ? ZEROS : OTHERS)]! += 1;
    return false;
  }

  #grow(): boolean {
    this.#populated++;
    return this.#crowded;
  }

  get #crowded(): boolean {
    return this.#populated > this.#limit && this.#schema > MIN_SCHEMA;
  }

  #find(id: number): Block {
    const range = this.#block(blockKeyOf(id, this.#schema));
    return range ? (this.#recent[id & (RECENT - 1)] = { id, cells: range.cells, index: range.index }) : NO_BLOCK;
  }

  #block(key: number): CellRange | undefined {
    const known = this.#blocks.get(key);
    if (known) return known;
    const block = this.#family.block(this.#labelValues, key);
    if (block) this.#blocks.set(key, block);
    return block;
  }

  *#buckets(): Iterable<readonly [index: number, count: number, negative: 0 | 1]> {
    for (const [key, { cells, index }] of this.#blocks) {
      const first = (key >> 5) * BLOCK_CELLS;
      const negative = ((key >> 4) & 1) as 0 | 1;
      for (let i = 0; i < BLOCK_CELLS; i++) yield [first + i, cells[index + i]!, negative];
    }
  }

  /** Gives back the blocks of other resolutions than the current one. */
  #dropOthers(): void {
    const others = this.#family.blocks(this.#labelValues).filter((key) => schemaOfKey(key) !== this.#schema);
    if (others.length > 0) this.#family.dropBlocks(this.#labelValues, others);
  }

  /** Takes the observation out that the last writer was killed over. */
  #takeOut({ cells, index }: CellRange): void {
    let count = cells[this.#native + ZEROS]! + cells[this.#native + OTHERS]!;
    for (const [, inBucket] of this.#buckets()) count += inBucket;
    if (count !== observations(this.#family.definition, cells, index, []) + 1) return;
    const pending = cells[this.#native + PENDING]!;
    if (pending === PENDING_ZERO) cells[this.#native + ZEROS]! -= 1;
    else if (pending === PENDING_OTHER) cells[this.#native + OTHERS]! -= 1;
    else {
      const block = this.#blocks.get(blockKeyOf(pending >> 5, this.#schema));
      if (block) block.cells[block.index + (pending & (BLOCK_CELLS - 1))]! -= 1;
    }
  }

  /**
   * Changes to a lower resolution: new blocks first, then the one store that makes them count.
   * `false`: there is no space for them.
   */
  #changeTo(schema: number): boolean {
    const times = this.#schema - schema;
    const counts = new Map<number, Float64Array>();
    for (const [index, count, negative] of this.#buckets()) {
      if (count === 0) continue;
      const coarse = coarserIndex(index, times);
      const key = blockKey(coarse, negative === 1, schema);
      let block = counts.get(key);
      if (!block) counts.set(key, (block = new Float64Array(BLOCK_CELLS)));
      block[coarse & (BLOCK_CELLS - 1)]! += count;
    }
    const keys = [...counts.keys()];
    const blocks = this.#family.addBlocks(this.#labelValues, keys);
    if (!blocks) return false;
    for (const [i, { cells, index }] of blocks.entries()) cells.set(counts.get(keys[i]!)!, index);
    this.#cells[this.#native + SCHEMA] = schema + SCHEMA_OFFSET;

    this.#schema = schema;
    this.#blocks.clear();
    for (let slot = 0; slot < RECENT; slot++) this.#recent[slot] = NO_BLOCK;
    this.#populated = 0;
    for (const [i, key] of keys.entries()) {
      this.#blocks.set(key, blocks[i]!);
      for (const count of counts.get(key)!) if (count !== 0) this.#populated++;
    }
    this.#dropOthers();
    return true;
  }
}
