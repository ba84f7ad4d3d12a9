export { aggregators } from './aggregators.ts';
export { exponentialBuckets, linearBuckets } from './bucket-generators.ts';
export { ClusterRegistry, ClusterRegistry as AggregatorRegistry } from './cluster-registry.ts';
export { Counter, type CounterConfiguration } from './counter.ts';
export { collectDefaultMetrics, type DefaultMetricsCollectorConfiguration } from './default-metrics.ts';
export type { Exemplar } from './exemplar.ts';
export { Gauge, type GaugeConfiguration } from './gauge.ts';
export { Histogram, type HistogramConfiguration } from './histogram.ts';
export type { MetricConfiguration } from './metric.ts';
export { Pushgateway, type PushgatewayOptions, type PushgatewayParameters } from './pushgateway.ts';
export { contentType, openMetricsContentType, prometheusContentType, register, Registry } from './registry.ts';
export { Summary, type SummaryConfiguration } from './summary.ts';
export type {
  Aggregator,
  CollectFunction,
  IncreaseDataWithExemplar,
  LabelValues,
  Metric,
  MetricObject,
  MetricObjectWithValues,
  MetricType,
  MetricValue,
  MetricValueWithName,
  ObserveDataWithExemplar,
  OpenMetricsContentType,
  PrometheusContentType,
  RegistryContentType,
} from './types.ts';
export { validateMetricName } from './validation.ts';
export { WorkerRegistry } from './worker-registry.ts';
