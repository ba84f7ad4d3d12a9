/**
 * 140,000 lines: 8 histograms with 14 lines a series and 28 counters, each with 1,000 series of 3
 * labels.
 */
export const LINES = 140_000;
export const HISTOGRAMS = 8;
export const COUNTERS = 28;
export const SERIES = 1000;

export const LABEL_NAMES = ['method', 'route', 'status'] as const;
export const BUCKETS: readonly number[] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** The beginnings of the families' names. */
export const FAMILIES = ['work_', 'things_'];

export type ThingLabels = { method: string; route: string; status: string };

const METHODS = ['GET', 'POST', 'PUT', 'DELETE'];
const STATUSES = ['200', '201', '404', '500'];

export function labelSet(i: number): ThingLabels {
  return { method: METHODS[i & 3]!, route: `/api/things-${i >> 4}/:id`, status: STATUSES[(i >> 2) & 3]! };
}

export const histogramName = (i: number): string => `work_${i}_seconds`;
/** Without `_total`. */
export const counterName = (i: number): string => `things_${i}`;

/** What contenders count: from 0 to 1, the same for all that start alike. */
export function createAmounts(seed: number = 1): () => number {
  let state = seed;
  return () => {
    state = (state * 48271) % 0x7fffffff;
    return state / 0x7fffffff;
  };
}

/** From 2 ms to 7 s. */
export const toSeconds = (amount: number): number => Math.exp(amount * 8 - 6);
export const toThings = (amount: number): number => Math.ceil(amount * 20);
