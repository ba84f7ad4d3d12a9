import { defaultRegistry, Histogram } from 'promenade';
import { createEndpoint } from 'promenade/http';
import type { ClusterContender } from './contender.ts';
import { BUCKETS, HISTOGRAM, LABEL_NAMES, labelSet, SERIES } from './workload.ts';

export const contender: ClusterContender = {
  createPage: () => createEndpoint({ enabled: true, registry: defaultRegistry }).handler,
  createSeries() {
    const histogram = new Histogram({ ...HISTOGRAM, labelNames: LABEL_NAMES, buckets: BUCKETS });
    const bound = Array.from({ length: SERIES }, (_, i) => histogram.labels(labelSet(i)));
    return (i, seconds) => bound[i]!.observe(seconds);
  },
};
