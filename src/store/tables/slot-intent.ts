import { ARMED, CHECK, MAX_PAIRS, nextCheck, PAIRS } from '../format/intent.ts';
import { CHUNK_CELLS } from '../format/cells-file.ts';
import type { CellRange, Intent } from '../store.ts';

/**
 * The one intent of a process. Without cells of its own (on the heap, or where a full store had
 * none) it works the same, but a kill loses it.
 */
export class SlotIntent implements Intent {
  readonly #chunks: readonly Float64Array[];
  readonly #own: CellRange | undefined;
  readonly #targets: Float64Array[] = Array.from({ length: MAX_PAIRS }, () => NOWHERE);
  readonly #places: Int32Array = new Int32Array(MAX_PAIRS);
  readonly #values: Float64Array = new Float64Array(MAX_PAIRS);
  #count = 0;
  /** How many of them are written down: cells of other stores are not. */
  #written = 0;
  #check = 0;
  #lastCells: Float64Array = NOWHERE;
  /** The number of the first cell of `#lastCells`; negative for cells of another store. */
  #lastFirst = -1;

  /**
   * @param chunks of the slot, to which more may be added later
   * @param own the cells of the intent itself
   */
  constructor(chunks: readonly Float64Array[] = [], own?: CellRange) {
    this.#chunks = chunks;
    this.#own = own;
  }

  plan(cells: Float64Array, place: number, value: number): boolean {
    const i = this.#count;
    if (i === MAX_PAIRS) return false;
    this.#targets[i] = cells;
    this.#places[i] = place;
    this.#values[i] = value;
    this.#count = i + 1;
    if (this.#own === undefined) return true;
    if (cells !== this.#lastCells) this.#find(cells);
    if (this.#lastFirst < 0) return true;
    const { cells: own, index } = this.#own;
    const cell = this.#lastFirst + place;
    const pair = index + PAIRS + 2 * this.#written;
    own[pair] = cell;
    own[pair + 1] = value;
    this.#check = nextCheck(this.#check, cell, value);
    this.#written++;
    return true;
  }

  arm(): void {
    if (this.#own === undefined || this.#written === 0) return;
    const { cells, index } = this.#own;
    cells[index + CHECK] = this.#check + this.#written;
    cells[index + ARMED] = this.#written;
  }

  apply(): void {
    for (let i = 0; i < this.#count; i++) this.#targets[i]![this.#places[i]!] = this.#values[i]!;
    this.drop();
  }

  drop(): void {
    if (this.#own !== undefined) this.#own.cells[this.#own.index + ARMED] = 0;
    this.#count = 0;
    this.#written = 0;
    this.#check = 0;
  }

  /** Looks up which chunk an array of cells is: a handful of them, and the same one mostly. */
  #find(cells: Float64Array): void {
    const chunk = this.#chunks.indexOf(cells);
    this.#lastCells = cells;
    this.#lastFirst = chunk < 0 ? -1 : chunk * CHUNK_CELLS;
  }
}

const NOWHERE: Float64Array = new Float64Array(0);
