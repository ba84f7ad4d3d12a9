import type { FamilySource } from '../core/page/sources.ts';
import type { Registry } from '../core/registry.ts';
import type { FamilyDefinition, FamilySnapshot } from '../snapshot/snapshot.ts';
import { toFamilyName, toLabelName } from './opentelemetry-names.ts';

/** What the bridge needs of a MetricReader of `@opentelemetry/sdk-metrics`. */
export interface OpenTelemetryReader {
  collect(): Promise<{ readonly resourceMetrics: { readonly scopeMetrics: readonly OpenTelemetryScope[] } }>;
}

interface OpenTelemetryScope {
  readonly metrics: readonly OpenTelemetryMetric[];
}

interface OpenTelemetryMetric {
  readonly descriptor: { readonly name: string; readonly description: string; readonly unit: string };
  /** 0 histogram, 1 exponential histogram, 2 gauge, 3 sum. */
  readonly dataPointType: number;
  /** 0 delta, 1 cumulative. */
  readonly aggregationTemporality?: number;
  readonly isMonotonic?: boolean;
  readonly dataPoints: readonly { readonly attributes: object; readonly value: unknown }[];
}

interface OpenTelemetryHistogram {
  readonly sum?: number;
  readonly buckets: { readonly boundaries: readonly number[]; readonly counts: readonly number[] };
}

/**
 * Shows what OpenTelemetry's instruments count on a page, through any MetricReader with cumulative
 * sums. It is read when the page is, in this process alone. When it fails or does not answer in
 * time the rest of the page is shown without it; what can't be shown (delta sums, exponential
 * histograms) is left out and counted, and so is a family whose name the page has already.
 *
 *     const reader = new PrometheusExporter({ preventServerStart: true });
 *     const provider = new MeterProvider({ readers: [reader] });
 *     bridgeOpenTelemetry(defaultRegistry, reader);
 *
 * Returns what ends it.
 */
export function bridgeOpenTelemetry(registry: Registry, reader: OpenTelemetryReader): () => void {
  const source: FamilySource = {
    name: 'opentelemetry',
    read: async () => {
      const { resourceMetrics } = await reader.collect();
      const metrics = resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics);
      return metrics.flatMap((metric) => {
        const family = toFamily(metric);
        if (!family) registry.self?.collectFailed(metric.descriptor.name);
        return family ?? [];
      });
    },
  };
  return registry.addSource(source);
}

function toFamily(metric: OpenTelemetryMetric): FamilySnapshot | undefined {
  const { descriptor, dataPointType, isMonotonic = false, aggregationTemporality = 1 } = metric;
  if (aggregationTemporality !== 1) return undefined;
  const isSum = dataPointType === 3;
  if (!isSum && dataPointType !== 2) return dataPointType === 0 ? toHistogram(metric) : undefined;
  const isCounter = isSum && isMonotonic;
  const named = toFamilyName(descriptor.name, descriptor.unit, !isSum);
  const kind: Pick<FamilyDefinition, 'type' | 'aggregation' | 'liveOnly'> = isCounter
    ? { type: 'counter' }
    : { type: 'gauge', aggregation: 'sum', liveOnly: true };
  return toSnapshot(metric, { ...named, ...kind }, (value) => [Number(value)]);
}

function toHistogram(metric: OpenTelemetryMetric): FamilySnapshot | undefined {
  const points = metric.dataPoints.map(({ value }) => value as OpenTelemetryHistogram);
  const bounds = points[0]?.buckets.boundaries ?? [];
  const fits = points.every(({ buckets }) => buckets.boundaries.join() === bounds.join());
  if (!fits) return undefined;
  const named = toFamilyName(metric.descriptor.name, metric.descriptor.unit, false);
  return toSnapshot(metric, { ...named, type: 'histogram', bounds }, (value) => {
    const { sum = 0, buckets } = value as OpenTelemetryHistogram;
    return [sum, ...buckets.counts];
  });
}

function toSnapshot(
  { descriptor, dataPoints }: OpenTelemetryMetric,
  definition: Omit<FamilyDefinition, 'help' | 'labelNames'>,
  toNumbers: (value: unknown) => readonly number[],
): FamilySnapshot {
  const points = dataPoints.map(({ attributes, value }) => ({
    labels: new Map(Object.entries(attributes).map(([name, text]) => [toLabelName(name), String(text)])),
    value,
  }));
  const labelNames = [...new Set(points.flatMap(({ labels }) => [...labels.keys()]))];
  return {
    definition: { ...definition, help: descriptor.description, labelNames },
    series: points.map(({ labels }) => Object.freeze(labelNames.map((name) => labels.get(name) ?? ''))),
    values: Float64Array.from(points.flatMap(({ value }) => toNumbers(value))),
  };
}
