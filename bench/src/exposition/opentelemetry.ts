import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { createRecorder, type PageContender } from './contender.ts';
import { BUCKETS, counterName, COUNTERS, histogramName, HISTOGRAMS, labelSet, SERIES } from './workload.ts';

/** OpenTelemetry's SDK with its Prometheus exporter. */
export function createContender(): PageContender {
  const exporter = new PrometheusExporter({ preventServerStart: true });
  const meter = new MeterProvider({ readers: [exporter] }).getMeter('bench');
  const advice = { explicitBucketBoundaries: [...BUCKETS] };
  const histograms = Array.from({ length: HISTOGRAMS }, (_, f) => {
    const histogram = meter.createHistogram(histogramName(f), { description: 'Durations.', advice });
    return Array.from({ length: SERIES }, (__, i) => (seconds: number) => histogram.record(seconds, labelSet(i)));
  });
  const counters = Array.from({ length: COUNTERS }, (_, f) => {
    const counter = meter.createCounter(`${counterName(f)}_total`, { description: 'Things.' });
    return Array.from({ length: SERIES }, (__, i) => (things: number) => counter.add(things, labelSet(i)));
  });
  return {
    record: createRecorder(histograms.flat(), counters.flat()),
    listener: (request, response) => exporter.getMetricsRequestHandler(request, response),
  };
}
