export { BUCKETS, createAmounts, LABEL_NAMES, labelSet, toSeconds } from '../exposition/workload.ts';

/** Of one histogram: 140,000 lines. */
export const SERIES = 10_000;
export const HISTOGRAM = { name: 'work_seconds', help: 'Durations.' };
