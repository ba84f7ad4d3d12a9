import type { CellRange } from '../store.ts';

/** Cells to a chunk: 64 KiB, a multiple of every page size in use. */
export const CHUNK_CELLS = 8192;
export const CHUNK_BYTES: number = CHUNK_CELLS * 8;

/**
 * Hands out runs of cells from chunks, each run within one chunk. A cell's number is its place in
 * all chunks taken together, and stays what it is. Freed runs are handed out again, oldest first.
 */
export class CellAllocator {
  readonly chunks: Float64Array[];
  readonly #grow: () => Float64Array | undefined;
  /** The first cells of free runs, by the runs' width. */
  readonly #free: Map<number, number[]> = new Map();
  /** What lies behind was never handed out. */
  #next: number;

  /**
   * `grow` gives one more chunk of zeros, or `undefined` when there is no space; cells below `next`
   * are taken.
   */
  constructor(chunks: Float64Array[], next: number, grow: () => Float64Array | undefined) {
    this.chunks = chunks;
    this.#next = next;
    this.#grow = grow;
  }

  /**
   * The number of the first of `width` zeroed cells, or `undefined` when there is no space. At most
   * a chunk wide.
   */
  allocate(width: number): number | undefined {
    const freed = this.#free.get(width)?.shift();
    if (freed !== undefined) return freed;
    let cell = this.#next;
    const room = CHUNK_CELLS - (cell % CHUNK_CELLS);
    if (room < width) cell += room; // left over: less than one run in 64 KiB
    if (cell >= this.chunks.length * CHUNK_CELLS) {
      const chunk = this.#grow();
      if (!chunk) return undefined;
      this.chunks.push(chunk);
    }
    this.#next = cell + width;
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

/** Where in the chunks a cell lies. */
export function rangeIn(chunks: readonly Float64Array[], cell: number): CellRange {
  return { cells: chunks[Math.floor(cell / CHUNK_CELLS)]!, index: cell % CHUNK_CELLS };
}
