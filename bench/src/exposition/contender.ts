import type { RequestListener } from 'node:http';
import { createAmounts, toSeconds, toThings } from './workload.ts';

/** A library with 140,000 lines to show. */
export interface PageContender {
  /** Counts on in every series, so that the next page has other numbers. */
  record(): void;
  /** Serves the page as its documentation says. */
  readonly listener: RequestListener;
}

/** Counts the same amounts as every other contender that is made with this. */
export function createRecorder(
  histograms: ReadonlyArray<(seconds: number) => void>,
  counters: ReadonlyArray<(things: number) => void>,
): () => void {
  const amount = createAmounts();
  return () => {
    for (const observe of histograms) observe(toSeconds(amount()));
    for (const add of counters) add(toThings(amount()));
  };
}
