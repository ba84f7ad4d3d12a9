/**
 * The field numbers of what a page has, from io/prometheus/client/metrics.proto of the Prometheus
 * repository. A message's fields are written in the order in which they stand here.
 */
export const FAMILY = {
  name: 1,
  help: 2,
  type: 3,
  unit: 5,
  metric: 4,
} as const;

/** MetricType. */
export const TYPES = { counter: 0, gauge: 1, summary: 2, unknown: 3, histogram: 4, info: 1, stateset: 1 } as const;

export const METRIC = {
  label: 1,
  gauge: 2,
  counter: 3,
  summary: 4,
  untyped: 5,
  histogram: 7,
} as const;

export const LABEL = { name: 1, value: 2 } as const;

/** Of a gauge and of what has no type. */
export const VALUE = 1;

export const COUNTER = {
  value: 1,
  exemplar: 2,
  startTimestamp: 3,
} as const;

export const SUMMARY = {
  count: 1,
  sum: 2,
  quantile: 3,
  startTimestamp: 4,
} as const;

export const QUANTILE = { quantile: 1, value: 2 } as const;

export const HISTOGRAM = {
  count: 1,
  sum: 2,
  bucket: 3,
  schema: 5,
  zeroThreshold: 6,
  zeroCount: 7,
  negativeSpan: 9,
  negativeDelta: 10,
  positiveSpan: 12,
  positiveDelta: 13,
  startTimestamp: 15,
  exemplar: 16,
} as const;

export const BUCKET = {
  cumulativeCount: 1,
  upperBound: 2,
  exemplar: 3,
} as const;

export const SPAN = { offset: 1, length: 2 } as const;

export const EXEMPLAR = {
  label: 1,
  value: 2,
  timestamp: 3,
} as const;

export const TIMESTAMP = { seconds: 1, nanos: 2 } as const;
