import { PrometheusExporter, PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import type { CoreContender } from './contender.ts';
import { BUCKETS, METHODS, ROUTES, STATUSES, VALUES } from './workload.ts';

/** OpenTelemetry's SDK with its Prometheus exporter. It has no bound handles. */
export function createContender(): CoreContender {
  const reader = new PrometheusExporter({ preventServerStart: true });
  const meter = new MeterProvider({ readers: [reader] }).getMeter('bench');
  const plain = meter.createCounter('plain_total', { description: 'Plain.' });
  const counter = meter.createCounter('requests_total', { description: 'Requests.' });
  const advice = { explicitBucketBoundaries: [...BUCKETS] };
  const histogram = meter.createHistogram('seconds', { description: 'Durations.', advice });
  const gauge = meter.createGauge('level', { description: 'Levels.' });
  const serializer = new PrometheusSerializer();
  return {
    loops: {
      'counter without labels': (times) => {
        for (let i = 0; i < times; i++) plain.add(1);
      },
      'counter looked up': (times) => {
        for (let i = 0; i < times; i++) {
          counter.add(1, { method: METHODS[i & 3]!, route: ROUTES[(i >> 2) & 15]!, status: STATUSES[(i >> 6) & 3]! });
        }
      },
      'histogram looked up': (times) => {
        for (let i = 0; i < times; i++) {
          histogram.record(VALUES[i & 1023]!, {
            method: METHODS[i & 3]!,
            route: ROUTES[(i >> 2) & 15]!,
            status: STATUSES[(i >> 6) & 3]!,
          });
        }
      },
      'gauge looked up': (times) => {
        for (let i = 0; i < times; i++) {
          gauge.record(VALUES[i & 1023]!, {
            method: METHODS[i & 3]!,
            route: ROUTES[(i >> 2) & 15]!,
            status: STATUSES[(i >> 6) & 3]!,
          });
        }
      },
    },
    page: async () => serializer.serialize((await reader.collect()).resourceMetrics),
  };
}
