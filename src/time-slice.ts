import { setImmediate as nextTurn } from 'node:timers/promises';

let lastTurn: Promise<void> = Promise.resolve();

/**
 * Resolves in a turn of the event loop of its own: a hundred concurrent callers that work in slices
 * block the loop no longer at a stretch than one.
 */
export function ownTurn(): Promise<void> {
  lastTurn = lastTurn.then(() => nextTurn());
  return lastTurn;
}

/**
 * Keeps long work from blocking the event loop. Check `spent` between steps, and `await rest()` if
 * it is true.
 *
 *     if (slice.spent) await slice.rest();
 */
export class TimeSlice {
  readonly #budgetMs: number;
  #start: number = performance.now();

  constructor(budgetMs: number = 2) {
    this.#budgetMs = budgetMs;
  }

  /** True if this turn of the event loop has used its time budget. Costs about 50 ns. */
  get spent(): boolean {
    return performance.now() - this.#start > this.#budgetMs;
  }

  /** Lets other work run, then starts a new slice. */
  async rest(): Promise<void> {
    await ownTurn();
    this.#start = performance.now();
  }
}

/** Steps between two reads of the clock; a step is a fraction of a microsecond. */
const STRIDE = 256;

/** Sorts in slices, stably: natively in short runs, then by merging runs. */
export async function sortInSlices<T>(items: T[], compare: (a: T, b: T) => number, slice: TimeSlice): Promise<T[]> {
  let runs: T[][] = [];
  for (let i = 0; i < items.length; i += STRIDE) {
    runs.push(items.slice(i, i + STRIDE).sort(compare));
    if (slice.spent) await slice.rest();
  }
  while (runs.length > 1) {
    const next: T[][] = [];
    for (let i = 0; i + 1 < runs.length; i += 2) next.push(await mergeRuns(runs[i]!, runs[i + 1]!, compare, slice));
    if (runs.length % 2 === 1) next.push(runs.at(-1)!);
    runs = next;
  }
  return runs[0] ?? [];
}

async function mergeRuns<T>(a: T[], b: T[], compare: (a: T, b: T) => number, slice: TimeSlice): Promise<T[]> {
  const out: T[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    out.push(compare(a[i]!, b[j]!) <= 0 ? a[i++]! : b[j++]!);
    if (out.length % STRIDE === 0 && slice.spent) await slice.rest();
  }
  while (i < a.length) out.push(a[i++]!);
  while (j < b.length) out.push(b[j++]!);
  return out;
}
