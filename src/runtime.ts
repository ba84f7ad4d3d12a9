export { setBuildInfo, type BuildInfoOptions } from './runtime/build-info.ts';
export { collectRuntimeMetrics, type RuntimeMetricsOptions } from './runtime/collect-runtime-metrics.ts';
