import type * as PromClient from 'prom-client';
import type { ClusterContender } from './contender.ts';
import { BUCKETS, HISTOGRAM, LABEL_NAMES, labelSet, SERIES } from './workload.ts';

/**
 * prom-client's aggregation over a cluster, or @prometheus-io/client's, which has the same
 * interface.
 */
export function createContender(client: typeof PromClient): ClusterContender {
  // In workers too: it answers the primary's questions.
  const aggregator = new client.AggregatorRegistry();
  return {
    createPage: () => (_request, response) => {
      response.setHeader('Content-Type', aggregator.contentType);
      void aggregator.clusterMetrics().then((page) => response.end(page));
    },
    createSeries() {
      const histogram = new client.Histogram({ ...HISTOGRAM, labelNames: [...LABEL_NAMES], buckets: [...BUCKETS] });
      const children = Array.from({ length: SERIES }, (_, i) => histogram.labels(labelSet(i)));
      return (i, seconds) => children[i]!.observe(seconds);
    },
  };
}
