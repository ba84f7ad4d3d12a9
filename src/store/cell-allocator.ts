import type { CellRange } from './store.ts';

/** Cells to a chunk: 64 KiB, a multiple of every page size in use. */
export const CHUNK_CELLS = 8192;
export const CHUNK_BYTES: number = CHUNK_CELLS * 8;

/**
 * Hands out runs of cells from chunks, each run within one chunk. A cell's number is its place in all chunks taken together,
 * and stays what it is. Freed runs are handed out again, oldest first.
 */
export class CellAllocator {
  readonly chunks: Float64Array[];
  readonly #grow: () => Float64Array | undefined;
  /** Free runs by their width; the rest of the newest chunk is `#next` to `#end`. */
  readonly #free: Map<number, number[]> = new Map();
  #next: number;
  #end: number;

  /** `grow` gives one more chunk of zeros, or `undefined` when there is no space; cells below `first` are taken. */
  constructor(chunks: Float64Array[], first: number, grow: () => Float64Array | undefined) {
    this.chunks = chunks;
    this.#grow = grow;
    this.#next = first;
    this.#end = chunks.length * CHUNK_CELLS;
  }

  /** The number of a run of zeroed cells, or `undefined` when there is no space. At most a chunk wide. */
  allocate(width: number): number | undefined {
    const freed = this.#free.get(width)?.shift();
    if (freed !== undefined) return freed;
    if (this.#next + width > this.#end) {
      // The rest of the chunk is left over: at most one run's width in 64 KiB.
      const chunk = this.#grow();
      if (!chunk) return undefined;
      this.#next = this.chunks.length * CHUNK_CELLS;
      this.chunks.push(chunk);
      this.#end = this.#next + CHUNK_CELLS;
    }
    const cell = this.#next;
    this.#next += width;
    return cell;
  }

  /** Takes a run back. It is zeroed now, and handed out again later. */
  free(cell: number, width: number): void {
    const { cells, index } = this.range(cell);
    cells.fill(0, index, index + width);
    const runs = this.#free.get(width);
    if (runs) runs.push(cell);
    else this.#free.set(width, [cell]);
  }

  range(cell: number): CellRange {
    return rangeIn(this.chunks, cell);
  }
}

/** Where in the chunks a cell lies. */
export function rangeIn(chunks: readonly Float64Array[], cell: number): CellRange {
  return { cells: chunks[Math.floor(cell / CHUNK_CELLS)]!, index: cell % CHUNK_CELLS };
}
