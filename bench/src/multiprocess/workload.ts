export { BUCKETS, createAmounts, LABEL_NAMES, labelSet, toSeconds } from '../exposition/workload.ts';

export const WORKERS = 8;
/** Of one histogram, in each worker; the same label sets in all. */
export const SERIES = 1000;
export const HISTOGRAM = { name: 'work_seconds', help: 'Durations.' };

/** Slots of processes that have ended. */
export const DEAD_SLOTS = 256;
/** Two counters with half of the entries each. */
export const DEAD_COUNTERS: readonly string[] = ['lost', 'found'];
export const DEAD_SERIES = 2000;
