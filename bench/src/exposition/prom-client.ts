import type * as PromClient from 'prom-client';
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

/** prom-client, or @prometheus-io/client, which has the same interface. */
export function createContender(client: typeof PromClient): PageContender {
  const registry = new client.Registry();
  const options = { labelNames: [...LABEL_NAMES], registers: [registry] };
  const histograms = Array.from({ length: HISTOGRAMS }, (_, f) => {
    const histogram = new client.Histogram({
      ...options,
      name: histogramName(f),
      help: 'Durations.',
      buckets: [...BUCKETS],
    });
    return Array.from({ length: SERIES }, (__, i) => {
      const child = histogram.labels(labelSet(i));
      return (seconds: number) => child.observe(seconds);
    });
  });
  const counters = Array.from({ length: COUNTERS }, (_, f) => {
    const counter = new client.Counter({ ...options, name: `${counterName(f)}_total`, help: 'Things.' });
    return Array.from({ length: SERIES }, (__, i) => {
      const child = counter.labels(labelSet(i));
      return (things: number) => child.inc(things);
    });
  });
  return {
    record: createRecorder(histograms.flat(), counters.flat()),
    listener: (_request, response) => {
      response.setHeader('Content-Type', registry.contentType);
      void registry.metrics().then((page) => response.end(page));
    },
  };
}
