import type { CellRange, Intent } from '../../src/store/store.ts';

/** Plans the new value of the first cell of a range. */
export function planFirst(intent: Intent, { cells, index }: CellRange, value: number): boolean {
  return intent.plan(cells, index, value);
}
