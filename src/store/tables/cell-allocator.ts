import { CHUNK_CELLS, rangeIn } from '../format/cells-file.ts';
import type { CellRange } from '../store.ts';

/**
 * Hands out runs of cells from chunks, each run within one chunk. A cell's number is its place in
 * all chunks taken together, and stays what it is. Freed runs are handed out again, oldest first.
 */
export class CellAllocator {
  readonly chunks: Float64Array[];
  readonly #grow: () => Float64Array | undefined;
  /** The first cells of free runs, by the runs' width. */
  readonly #free: Map<number, number[]> = new Map();
  /** The first cell that was never handed out. */
  #next: number;
  /** How many cells at the end are kept for those who may use the reserve. */
  readonly #reserve: number;

  /**
   * @param next cells below it are taken
   * @param grow returns one more chunk of zeros; `undefined` when there is no space
   * @param reserve cells that are handed out only to those who may use them
   */
  constructor(chunks: Float64Array[], next: number, grow: () => Float64Array | undefined, reserve: number = 0) {
    this.chunks = chunks;
    this.#next = next;
    this.#grow = grow;
    this.#reserve = reserve;
  }

  /**
   * Returns the number of the first of `width` zeroed cells; `undefined` when there is no space. At
   * most a chunk wide.
   *
   * @param mayUseReserve for what must be counted when all else is full
   */
  allocate(width: number, mayUseReserve: boolean = false): number | undefined {
    const freed = this.#free.get(width)?.shift();
    if (freed !== undefined) return freed;
    let cell = this.#next;
    const room = CHUNK_CELLS - (cell % CHUNK_CELLS);
    if (room < width) cell += room; // Wastes less than one run in 64 KiB.
    const end = cell + width;
    if (end + (mayUseReserve ? 0 : this.#reserve) > this.chunks.length * CHUNK_CELLS) {
      const chunk = this.#grow();
      if (!chunk) return undefined;
      this.chunks.push(chunk);
    }
    this.#next = end;
    return cell;
  }

  /** Takes a run back. It is zeroed now, and handed out again later. */
  free(cell: number, width: number): void {
    this.zero(cell, width);
    const runs = this.#free.get(width);
    if (runs) runs.push(cell);
    else this.#free.set(width, [cell]);
  }

  zero(cell: number, width: number): void {
    const { cells, index } = this.range(cell);
    cells.fill(0, index, index + width);
  }

  /** The free runs, for those who write the state down. */
  *freeRuns(): Iterable<readonly [cell: number, width: number]> {
    for (const [width, cells] of this.#free) for (const cell of cells) yield [cell, width];
  }

  range(cell: number): CellRange {
    return rangeIn(this.chunks, cell);
  }
}
