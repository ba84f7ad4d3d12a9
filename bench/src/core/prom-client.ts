import type * as PromClient from 'prom-client';
import type { CoreContender } from './contender.ts';
import { BOUND, BUCKETS, LABEL_NAMES, labelSet, METHODS, ROUTES, STATUSES, VALUES } from './workload.ts';

/**
 * prom-client, or @prometheus-io/client, which has the same interface. Looked up in its own, faster
 * way: `inc(labels)`.
 */
export function createContender(client: typeof PromClient): CoreContender {
  const registry = new client.Registry();
  const registers = [registry];
  const labelNames = [...LABEL_NAMES];
  const plain = new client.Counter({ name: 'plain_total', help: 'Plain.', registers });
  const counter = new client.Counter({ name: 'requests_total', help: 'Requests.', labelNames, registers });
  const histogram = new client.Histogram({
    name: 'seconds',
    help: 'Durations.',
    labelNames,
    registers,
    buckets: [...BUCKETS],
  });
  const gauge = new client.Gauge({ name: 'level', help: 'Levels.', labelNames, registers });
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
          counter.inc({ method: METHODS[i & 3]!, route: ROUTES[(i >> 2) & 15]!, status: STATUSES[(i >> 6) & 3]! });
        }
      },
      'histogram bound': (times) => {
        for (let i = 0; i < times; i++) histograms[i & 63]!.observe(VALUES[i & 1023]!);
      },
      'histogram looked up': (times) => {
        for (let i = 0; i < times; i++) {
          histogram.observe(
            { method: METHODS[i & 3]!, route: ROUTES[(i >> 2) & 15]!, status: STATUSES[(i >> 6) & 3]! },
            VALUES[i & 1023]!,
          );
        }
      },
      'gauge bound': (times) => {
        for (let i = 0; i < times; i++) gauges[i & 63]!.set(VALUES[i & 1023]!);
      },
      'gauge looked up': (times) => {
        for (let i = 0; i < times; i++) {
          gauge.set(
            { method: METHODS[i & 3]!, route: ROUTES[(i >> 2) & 15]!, status: STATUSES[(i >> 6) & 3]! },
            VALUES[i & 1023]!,
          );
        }
      },
    },
    page: () => registry.metrics(),
  };
}
