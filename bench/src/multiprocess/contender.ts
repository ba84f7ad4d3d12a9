import type { RequestListener } from 'node:http';

/** A library whose numbers a cluster's workers count and its primary shows. */
export interface ClusterContender {
  /** In the primary, before it forks. */
  createPage(): RequestListener;
  /** In a worker: defines the histogram. Returns what observes a value in its series `i`. */
  createSeries(): (i: number, seconds: number) => void;
}
