import protobuf from 'protobufjs';
import { seriesKey } from '../../src/testing/page.ts';

/**
 * Prometheus' io/prometheus/client/metrics.proto, as far as it matters here: what an independent
 * decoder reads our pages by. `uint64` and `sint64` become numbers.
 */
const PROTO = `
syntax = "proto2";
package io.prometheus.client;
message Timestamp { optional int64 seconds = 1; optional int32 nanos = 2; }
message LabelPair { optional string name = 1; optional string value = 2; }
enum MetricType { COUNTER = 0; GAUGE = 1; SUMMARY = 2; UNTYPED = 3; HISTOGRAM = 4; GAUGE_HISTOGRAM = 5; }
message Gauge { optional double value = 1; }
message Counter { optional double value = 1; optional Exemplar exemplar = 2; optional Timestamp start_timestamp = 3; }
message Quantile { optional double quantile = 1; optional double value = 2; }
message Summary {
  optional uint64 sample_count = 1; optional double sample_sum = 2; repeated Quantile quantile = 3; optional Timestamp start_timestamp = 4;
}
message Untyped { optional double value = 1; }
message Histogram {
  optional uint64 sample_count = 1; optional double sample_count_float = 4; optional double sample_sum = 2; repeated Bucket bucket = 3;
  optional Timestamp start_timestamp = 15;
  optional sint32 schema = 5; optional double zero_threshold = 6; optional uint64 zero_count = 7; optional double zero_count_float = 8;
  repeated BucketSpan negative_span = 9; repeated sint64 negative_delta = 10; repeated double negative_count = 11;
  repeated BucketSpan positive_span = 12; repeated sint64 positive_delta = 13; repeated double positive_count = 14;
  repeated Exemplar exemplars = 16;
}
message Bucket {
  optional uint64 cumulative_count = 1; optional double cumulative_count_float = 4; optional double upper_bound = 2; optional Exemplar exemplar = 3;
}
message BucketSpan { optional sint32 offset = 1; optional uint32 length = 2; }
message Exemplar { repeated LabelPair label = 1; optional double value = 2; optional Timestamp timestamp = 3; }
message Metric {
  repeated LabelPair label = 1; optional Gauge gauge = 2; optional Counter counter = 3; optional Summary summary = 4;
  optional Untyped untyped = 5; optional Histogram histogram = 7; optional int64 timestamp_ms = 6;
}
message MetricFamily {
  optional string name = 1; optional string help = 2; optional MetricType type = 3; repeated Metric metric = 4; optional string unit = 5;
}
`;

const type = protobuf.parse(PROTO, { keepCase: false }).root.lookupType('io.prometheus.client.MetricFamily');

export interface ProtobufTimestamp {
  readonly seconds: number;
  readonly nanos: number;
}

export interface ProtobufExemplar {
  readonly label: readonly ProtobufLabel[];
  readonly value: number;
  readonly timestamp: ProtobufTimestamp;
}

export interface ProtobufLabel {
  readonly name: string;
  readonly value: string;
}

export interface ProtobufSpan {
  readonly offset: number;
  readonly length: number;
}

export interface ProtobufHistogram {
  readonly sampleCount: number;
  readonly sampleSum: number;
  readonly bucket: readonly { cumulativeCount: number; upperBound: number; exemplar?: ProtobufExemplar }[];
  readonly schema?: number;
  readonly zeroThreshold?: number;
  readonly zeroCount?: number;
  readonly negativeSpan: readonly ProtobufSpan[];
  readonly negativeDelta: readonly number[];
  readonly positiveSpan: readonly ProtobufSpan[];
  readonly positiveDelta: readonly number[];
  readonly startTimestamp?: ProtobufTimestamp;
  readonly exemplars: readonly ProtobufExemplar[];
}

export interface ProtobufMetric {
  readonly label: readonly ProtobufLabel[];
  readonly gauge?: { readonly value: number };
  readonly untyped?: { readonly value: number };
  readonly counter?: {
    readonly value: number;
    readonly exemplar?: ProtobufExemplar;
    readonly startTimestamp?: ProtobufTimestamp;
  };
  readonly summary?: {
    readonly sampleCount: number;
    readonly sampleSum: number;
    readonly quantile: readonly { readonly quantile: number; readonly value: number }[];
    readonly startTimestamp?: ProtobufTimestamp;
  };
  readonly histogram?: ProtobufHistogram;
}

export interface ProtobufFamily {
  readonly name: string;
  readonly help?: string;
  readonly type: string;
  readonly unit?: string;
  readonly metric: readonly ProtobufMetric[];
}

/**
 * What protobufjs reads in a page; fails where a message is not whole, or has a field that the
 * definition has not.
 */
export function decodeProtobuf(chunks: Iterable<string | Uint8Array>): ProtobufFamily[] {
  const reader = protobuf.Reader.create(Buffer.concat([...chunks].map((chunk) => Buffer.from(chunk as Uint8Array))));
  const families: ProtobufFamily[] = [];
  while (reader.pos < reader.len) {
    const length = reader.uint32();
    const start = reader.pos;
    const message = type.decode(reader, length);
    if (reader.pos !== start + length) throw new Error('a message is longer or shorter than it says');
    // Without `defaults` a field that is not there is not there.
    families.push(type.toObject(message, { longs: Number, enums: String, arrays: true }) as ProtobufFamily);
  }
  return families;
}

/** The samples of a page as text 0.0.4 has them, by `seriesKey`: to compare one with the other. */
export function samplesOf(families: readonly ProtobufFamily[]): Map<string, number> {
  const samples = new Map<string, number>();
  const put = (name: string, label: readonly ProtobufLabel[], value: number, own?: ProtobufLabel): void => {
    const labels = Object.fromEntries([...label, ...(own ? [own] : [])].map((pair) => [pair.name, pair.value]));
    samples.set(seriesKey(name, labels), value + 0); // the texts know no -0
  };
  for (const { name, metric } of families) {
    for (const { label, gauge, counter, untyped, summary, histogram } of metric) {
      for (const one of [gauge, counter, untyped]) if (one) put(name, label, one.value);
      for (const { quantile, value } of summary?.quantile ?? []) {
        put(name, label, value, { name: 'quantile', value: String(quantile) });
      }
      const whole = summary ?? histogram;
      if (!whole) continue;
      put(`${name}_sum`, label, whole.sampleSum);
      put(`${name}_count`, label, whole.sampleCount);
      if (!histogram) continue;
      for (const { cumulativeCount, upperBound } of histogram.bucket) {
        put(`${name}_bucket`, label, cumulativeCount, { name: 'le', value: String(upperBound) });
      }
      put(`${name}_bucket`, label, histogram.sampleCount, { name: 'le', value: 'Infinity' });
    }
  }
  return samples;
}
