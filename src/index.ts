export { MetricsError, type MetricsErrorCode } from './errors.ts';
export {
  collectedFamily,
  type CollectContext,
  type CollectedFamilies,
  type CollectedFamily,
  type CollectedSample,
  type Collector,
} from './apps/collector.ts';
export { type App, type AppInfo, type AppOptions, registerApp, registeredApps } from './apps/register-app.ts';
export { BoundCounter, Counter, type CounterOptions } from './core/counter.ts';
export { defaultRegistry } from './core/default-registry.ts';
export type { ExemplarInput, ExemplarLabels, ExemplarSource } from './core/exemplars.ts';
export { BoundGauge, Gauge, type GaugeOptions } from './core/gauge.ts';
export { BoundHistogram } from './core/bound-histogram.ts';
export {
  DEFAULT_BUCKETS,
  exponentialBuckets,
  Histogram,
  type HistogramOptions,
  linearBuckets,
} from './core/histogram.ts';
export { Info } from './core/info.ts';
export type { LabelSet, LabelValue } from './core/labels.ts';
export type { NativeOptions } from './core/native-options.ts';
export type { MetricOptions } from './core/metric.ts';
export { Registry, type RegistryOptions } from './core/registry.ts';
export { BoundStateSet, StateSet, type StateSetOptions } from './core/state-set.ts';
export { BoundSummary, Summary, type SummaryOptions } from './core/summary.ts';
export type { Aggregation, FamilySnapshot, Snapshot } from './snapshot/snapshot.ts';
