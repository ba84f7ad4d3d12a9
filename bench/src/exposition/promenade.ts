import { Counter, defaultRegistry, Histogram } from 'promenade';
import { createEndpoint } from 'promenade/http';
import { createRecorder, type PageContender } from './contender.ts';
import {
  BUCKETS,
  counterName,
  COUNTERS,
  histogramName,
  HISTOGRAMS,
  LABEL_NAMES,
  labelSet,
  SERIES,
} from './workload.ts';

/** The default registry: on the heap, or in the directory of PROMETHEUS_MULTIPROC_DIR. */
export function createContender(): PageContender {
  const histograms = Array.from({ length: HISTOGRAMS }, (_, f) => {
    const histogram = new Histogram({
      name: histogramName(f),
      help: 'Durations.',
      labelNames: LABEL_NAMES,
      buckets: BUCKETS,
    });
    return Array.from({ length: SERIES }, (__, i) => {
      const bound = histogram.labels(labelSet(i));
      return (seconds: number) => bound.observe(seconds);
    });
  });
  const counters = Array.from({ length: COUNTERS }, (_, f) => {
    const counter = new Counter({ name: counterName(f), help: 'Things.', labelNames: LABEL_NAMES });
    return Array.from({ length: SERIES }, (__, i) => {
      const bound = counter.labels(labelSet(i));
      return (things: number) => bound.inc(things);
    });
  });
  const endpoint = createEndpoint({ enabled: true, registry: defaultRegistry });
  return { record: createRecorder(histograms.flat(), counters.flat()), listener: endpoint.handler };
}
