/**
 * An intent: values that the owner of a slot is about to store, written down before something
 * happens that can't be undone (FORMAT.md). Its cells:
 *
 *     armed   how many pairs count; 0: none
 *     check   of these pairs, plus how many they are
 *     pairs   number of a cell, and the value that it is to have
 *
 * The one store of `armed` commits it. Values are absolute, so that applying them twice does no
 * harm.
 */
export const ARMED = 0;
export const CHECK = 1;
export const PAIRS = 2;
export const MAX_PAIRS = 64;
export const INTENT_CELLS: number = PAIRS + 2 * MAX_PAIRS;

/** The check of pairs, from that of all but the last. */
export function nextCheck(check: number, cell: number, value: number): number {
  return check * 0.5 + cell + value;
}

/** Returns the pairs of an armed intent; none where it is not armed, or damaged. */
export function readIntent(cells: Float64Array, index: number): readonly (readonly [cell: number, value: number])[] {
  const armed = cells[index + ARMED]!;
  if (!(Number.isInteger(armed) && armed > 0 && armed <= MAX_PAIRS)) return [];
  const pairs: [number, number][] = [];
  let check = 0;
  for (let i = 0; i < armed; i++) {
    const cell = cells[index + PAIRS + 2 * i]!;
    const value = cells[index + PAIRS + 2 * i + 1]!;
    check = nextCheck(check, cell, value);
    pairs.push([cell, value]);
  }
  return Object.is(check + armed, cells[index + CHECK]) &&
    pairs.every(([cell]) => Number.isSafeInteger(cell) && cell >= 0)
    ? pairs
    : [];
}
