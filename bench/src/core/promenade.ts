import { Counter, defaultRegistry, Gauge, Histogram } from 'promenade';
import { createPage } from '../harness/promenade-page.ts';
import type { CoreContender } from './contender.ts';
import { BOUND, BUCKETS, LABEL_NAMES, labelSet, METHODS, ROUTES, STATUSES, VALUES } from './workload.ts';

/** The default registry: on the heap, or in the directory of PROMETHEUS_MULTIPROC_DIR. */
export function createContender(): CoreContender {
  const plain = new Counter({ name: 'plain_total', help: 'Plain.' });
  const counter = new Counter({ name: 'requests_total', help: 'Requests.', labelNames: LABEL_NAMES });
  const histogram = new Histogram({ name: 'seconds', help: 'Durations.', labelNames: LABEL_NAMES, buckets: BUCKETS });
  const gauge = new Gauge({ name: 'level', help: 'Levels.', labelNames: LABEL_NAMES });
  const counters = Array.from({ length: BOUND }, (_, i) => counter.labels(labelSet(i * 4)));
  const histograms = Array.from({ length: BOUND }, (_, i) => histogram.labels(labelSet(i * 4)));
  const gauges = Array.from({ length: BOUND }, (_, i) => gauge.labels(labelSet(i * 4)));
  return {
    loops: {
      'counter without labels': (times) => {
        for (let i = 0; i < times; i++) plain.inc();
      },
      'counter bound': (times) => {
        for (let i = 0; i < times; i++) counters[i & 63]!.inc();
      },
      'counter looked up': (times) => {
        for (let i = 0; i < times; i++) {
          counter
            .labels({ method: METHODS[i & 3]!, route: ROUTES[(i >> 2) & 15]!, status: STATUSES[(i >> 6) & 3]! })
            .inc();
        }
      },
      'histogram bound': (times) => {
        for (let i = 0; i < times; i++) histograms[i & 63]!.observe(VALUES[i & 1023]!);
      },
      'histogram looked up': (times) => {
        for (let i = 0; i < times; i++) {
          histogram
            .labels({ method: METHODS[i & 3]!, route: ROUTES[(i >> 2) & 15]!, status: STATUSES[(i >> 6) & 3]! })
            .observe(VALUES[i & 1023]!);
        }
      },
      'gauge bound': (times) => {
        for (let i = 0; i < times; i++) gauges[i & 63]!.set(VALUES[i & 1023]!);
      },
      'gauge looked up': (times) => {
        for (let i = 0; i < times; i++) {
          gauge
            .labels({ method: METHODS[i & 3]!, route: ROUTES[(i >> 2) & 15]!, status: STATUSES[(i >> 6) & 3]! })
            .set(VALUES[i & 1023]!);
        }
      },
    },
    page: createPage(defaultRegistry),
  };
}
