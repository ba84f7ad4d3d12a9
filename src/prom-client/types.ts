import type { Exemplar } from './exemplar.ts';

/** prom-client's names for its types, so that code written for it compiles as it is. */

export type Charset = 'utf-8';
export type PrometheusMIME = 'text/plain';
export type PrometheusMetricsVersion = '0.0.4';
export type OpenMetricsMIME = 'application/openmetrics-text';
export type OpenMetricsVersion = '1.0.0';

export type PrometheusContentType = `${PrometheusMIME}; version=${PrometheusMetricsVersion}; charset=${Charset}`;
export type OpenMetricsContentType = `${OpenMetricsMIME}; version=${OpenMetricsVersion}; charset=${Charset}`;
/** The formats that a registry can write. */
export type RegistryContentType = PrometheusContentType | OpenMetricsContentType;

/** Any metric of this API: the part that all kinds have in common. */
export interface Metric<T extends string = string> extends Readable {
  readonly name: string;
  readonly help: string;
  readonly type: MetricType;
  readonly labelNames: readonly T[];
  readonly aggregator: Aggregator;
  get(): Promise<MetricObjectWithValues<MetricValueWithName<T>>>;
  remove(labels: LabelValues<T>): void;
  remove(...values: (string | number)[]): void;
  reset(): void;
}

/** How the values of several processes become one; see the guide for what becomes of each. */
export type Aggregator = 'omit' | 'sum' | 'first' | 'min' | 'max' | 'average';

export type MetricType = 'counter' | 'gauge' | 'histogram' | 'summary';

/** Labels of one series; those left out are as good as empty. */
export type LabelValues<T extends string> = Partial<Record<T, string | number>>;

/** Brings a metric up to date before it is read; `this` is the metric. */
export type CollectFunction<M> = (this: M) => void | Promise<void>;

/** One sample. */
export interface MetricValue<T extends string> {
  value: number;
  labels: LabelValues<T>;
  exemplar?: Exemplar | null | undefined;
}

/** One sample of a family that has several a series; without `metricName` it has the family's. */
export type MetricValueWithName<T extends string> = MetricValue<T> & { metricName?: string };

/** What a family is. */
export interface MetricObject {
  name: string;
  help: string;
  type: MetricType;
  aggregator: Aggregator;
  // As prom-client has it: what `this` is differs from metric to metric.
  // oxlint-disable-next-line typescript/no-explicit-any
  collect?: CollectFunction<any> | undefined;
}

/** What a family is, with its samples. */
export interface MetricObjectWithValues<V extends MetricValue<string>> extends MetricObject {
  values: V[];
}

/** What `counter.inc` takes where exemplars are enabled. */
export interface IncreaseDataWithExemplar<T extends string> {
  value?: number;
  labels?: LabelValues<T>;
  exemplarLabels?: LabelValues<string>;
}

/** What `histogram.observe` takes where exemplars are enabled. */
export interface ObserveDataWithExemplar<T extends string> {
  value: number;
  labels?: LabelValues<T>;
  exemplarLabels?: LabelValues<string>;
}

/** A sample as registries write it: the labels that a series' samples share can stand apart. */
export interface Sample {
  readonly value: number;
  readonly labels?: Readonly<Record<string, unknown>>;
  readonly sharedLabels?: Readonly<Record<string, unknown>> | undefined;
  readonly metricName?: string | undefined;
  readonly exemplar?: Exemplar | null | undefined;
}

/**
 * Says that a family's numbers are those of all processes that share a directory, so that what
 * several of them tell is one family told several times.
 */
export interface SharedMark {
  /** Which directory, and which beginning of it. */
  readonly directory: string;
  /** When reading began, in ms on a clock that the machine's processes share. */
  readonly readAt: number;
}

/** A family as registries write it. */
export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly aggregator?: string | undefined;
  readonly values?: readonly Sample[];
  readonly shared?: SharedMark;
}

/**
 * What a registry takes: this API's metrics, those of other copies of it, and whatever else can be
 * read like them.
 */
export interface Readable {
  readonly name: string;
  readonly aggregator?: string | undefined;
  get(): Family | Promise<Family>;
  /** {@link Readable.get} for text: shared labels stand apart. */
  getForPromString?(): Family | Promise<Family>;
  reset?(): void;
}
