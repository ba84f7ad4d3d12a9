import type { Exemplar } from '../../snapshot/exemplar.ts';
import { MAX_EXEMPLARS, type RingEntry } from '../format/exemplars.ts';

/**
 * Where a store keeps exemplars: one for each place of a series, which is known by the number of
 * its first cell.
 */
export interface ExemplarKeeper {
  keep(cell: number, exemplar: Exemplar): void;
  /** For a series that is gone, or restarts. */
  forget(cell: number): void;
  readonly isEmpty: boolean;
  /** Sorted by place. */
  of(cell: number): readonly Exemplar[];
}

const NONE: readonly Exemplar[] = [];

/** Exemplars in memory, as many as there may be. */
export class ExemplarRing implements ExemplarKeeper {
  readonly #entries: (RingEntry | undefined)[] = [];
  /** By cell and place: where in the entries it is. */
  readonly #indices: Map<number, Map<number, number>> = new Map();
  #next = 0;

  get isEmpty(): boolean {
    return this.#indices.size === 0;
  }

  /** Returns at which index the exemplar is now. */
  keep(cell: number, exemplar: Exemplar): number {
    let index = this.#indices.get(cell)?.get(exemplar.place);
    if (index === undefined) {
      index = this.#next;
      this.#next = (index + 1) % MAX_EXEMPLARS;
    }
    this.put(index, { cell, exemplar });
    return index;
  }

  /** Puts an entry, or none, at an index; what is there gives way. */
  put(index: number, entry: RingEntry | undefined): void {
    if (index >= this.#entries.length) this.#next = (index + 1) % MAX_EXEMPLARS;
    const old = this.#entries[index];
    if (old) this.#unlist(old);
    this.#entries[index] = entry;
    if (!entry) return;
    const places = this.#indices.get(entry.cell);
    if (places) places.set(entry.exemplar.place, index);
    else this.#indices.set(entry.cell, new Map([[entry.exemplar.place, index]]));
  }

  /** Returns at which indices there is nothing any more. */
  forget(cell: number): Iterable<number> {
    const indices = [...(this.#indices.get(cell)?.values() ?? [])];
    for (const index of indices) this.#entries[index] = undefined;
    this.#indices.delete(cell);
    return indices;
  }

  of(cell: number): readonly Exemplar[] {
    const places = this.#indices.get(cell);
    if (!places) return NONE;
    return [...places.values()].map((index) => this.#entries[index]!.exemplar).sort((a, b) => a.place - b.place);
  }

  entries(): readonly (readonly [index: number, entry: RingEntry])[] {
    return [...this.#entries.entries()].filter((pair): pair is [number, RingEntry] => pair[1] !== undefined);
  }

  #unlist({ cell, exemplar }: RingEntry): void {
    const places = this.#indices.get(cell)!;
    places.delete(exemplar.place);
    if (places.size === 0) this.#indices.delete(cell);
  }
}
