import type { Exemplar } from '../snapshot/exemplar.ts';
import { shownName } from '../snapshot/names.ts';
import { countOf, quantileOf } from '../snapshot/quantile.ts';
import { startOf, strideOf, type FamilySnapshot, type SparseBuckets } from '../snapshot/snapshot.ts';
import { escapeLabelName, escapeName, type EscapingScheme } from './name-escaping.ts';
import { toSpans } from './native-spans.ts';
import {
  BUCKET,
  COUNTER,
  EXEMPLAR,
  FAMILY,
  HISTOGRAM,
  METRIC,
  QUANTILE,
  SPAN,
  SUMMARY,
  TIMESTAMP,
  TYPES,
  VALUE,
} from './protobuf-fields.ts';
import { type KeptLabels, roomForLabel, SeriesLabels, writeLabel } from './protobuf-labels.ts';
import type { ProtobufWriter } from './protobuf-writer.ts';

const NO_EXEMPLARS: readonly Exemplar[] = [];
/**
 * What the fields of a series take at the most, beside its labels, buckets, quantiles and
 * exemplars.
 */
const SERIES_BYTES = 256;
const BUCKET_BYTES = 32;
/** 128 code points of labels, and their lengths. */
const EXEMPLAR_BYTES = 1024;

/** What a family is written with. */
interface FamilyOptions {
  readonly writer: ProtobufWriter;
  readonly scheme: EscapingScheme;
  /** Since when sums have counted. */
  readonly startTimestamp: number;
  readonly kept: KeptLabels | undefined;
}

/** Writes one MetricFamily message. */
export class ProtobufFamily {
  readonly labels: SeriesLabels;
  readonly #writer: ProtobufWriter;
  readonly #family: FamilySnapshot;
  readonly #scheme: EscapingScheme;
  readonly #startTimestamp: number;
  readonly #stride: number;
  /** A copy, since the numbers of a frozen array lie in boxes. */
  readonly #bounds: Float64Array;

  constructor(family: FamilySnapshot, { writer, scheme, startTimestamp, kept }: FamilyOptions) {
    const { definition, series } = family;
    const names = definition.labelNames.map((name) => escapeLabelName(name, scheme));
    this.labels = new SeriesLabels(names, series, kept);
    this.#writer = writer;
    this.#family = family;
    this.#scheme = scheme;
    this.#startTimestamp = startTimestamp;
    this.#stride = strideOf(definition);
    this.#bounds = Float64Array.from(definition.bounds ?? []);
  }

  writeHead(): void {
    const { definition } = this.#family;
    const { type, help, unit } = definition;
    const name = escapeName(shownName(definition), this.#scheme);
    const writer = this.#writer;
    writer.reserve(3 * (name.length + help.length + unit.length) + SERIES_BYTES);
    writer.text(FAMILY.name, name);
    if (help !== '') writer.text(FAMILY.help, help);
    writer.uint(FAMILY.type, TYPES[type]);
    if (unit !== '' && type !== 'info' && type !== 'stateset') writer.text(FAMILY.unit, unit);
  }

  /**
   * Writes the series' metric, or that of each state of a state set. Returns how many bytes its
   * labels took.
   */
  writeSeries(index: number): number {
    const { definition, values } = this.#family;
    if (definition.type === 'stateset') {
      const name = escapeLabelName(definition.name, this.#scheme);
      let size = 0;
      for (const [i, state] of definition.states!.entries()) {
        this.#writer.reserve(this.labels.room(index) + roomForLabel(name, state) + SERIES_BYTES);
        const metric = this.#writer.begin(FAMILY.metric);
        size = this.labels.write(this.#writer, index);
        writeLabel(this.#writer, METRIC.label, name, state);
        this.#value(METRIC.gauge, values[index * this.#stride + i]!);
        this.#writer.end(metric);
      }
      return size;
    }
    this.#writer.reserve(this.labels.room(index) + this.#room(index));
    const width = definition.type === 'histogram' ? 2 : 1;
    const metric = this.#writer.begin(FAMILY.metric, width);
    const size = this.labels.write(this.#writer, index);
    this.#numbers(index);
    this.#writer.end(metric, width);
    return size;
  }

  /** How many bytes the numbers of a series take at the most. */
  #room(index: number): number {
    const { definition, sparse, exemplars } = this.#family;
    let buckets = this.#stride + (definition.quantiles?.length ?? 0);
    if (definition.native) buckets += sparse![index]!.positive.length + sparse![index]!.negative.length;
    return SERIES_BYTES + buckets * BUCKET_BYTES + (exemplars?.[index]?.length ?? 0) * EXEMPLAR_BYTES;
  }

  #numbers(index: number): void {
    const { definition, values, exemplars } = this.#family;
    switch (definition.type) {
      case 'counter':
        return this.#counter(index, exemplars?.[index]?.[0]);
      case 'histogram':
        return this.#histogram(index, exemplars?.[index] ?? NO_EXEMPLARS);
      case 'summary':
        return this.#summary(index);
      case 'unknown':
        return this.#value(METRIC.untyped, values[index * this.#stride]!);
      default:
        return this.#value(METRIC.gauge, values[index * this.#stride]!);
    }
  }

  #value(field: number, value: number): void {
    const message = this.#writer.begin(field);
    this.#writer.double(VALUE, value);
    this.#writer.end(message);
  }

  #start(index: number): number {
    return startOf(this.#family, index, this.#startTimestamp);
  }

  #counter(index: number, exemplar: Exemplar | undefined): void {
    const value = this.#family.values[index * this.#stride]!;
    const writer = this.#writer;
    const counter = writer.begin(METRIC.counter);
    writer.double(COUNTER.value, value);
    if (exemplar) this.#exemplar(COUNTER.exemplar, exemplar);
    this.#timestamp(COUNTER.startTimestamp, this.#start(index));
    writer.end(counter);
  }

  #summary(index: number): void {
    const { definition, sparse, values } = this.#family;
    const writer = this.#writer;
    const summary = writer.begin(METRIC.summary);
    writer.uint(SUMMARY.count, countOf(sparse![index]!));
    writer.double(SUMMARY.sum, values[index]!);
    for (const quantile of definition.quantiles!) {
      const message = writer.begin(SUMMARY.quantile);
      writer.double(QUANTILE.quantile, quantile);
      writer.double(QUANTILE.value, quantileOf(sparse![index]!, quantile));
      writer.end(message);
    }
    this.#timestamp(SUMMARY.startTimestamp, this.#start(index));
    writer.end(summary);
  }

  #histogram(index: number, exemplars: readonly Exemplar[]): void {
    const { values, sparse } = this.#family;
    const writer = this.#writer;
    const at = index * this.#stride;
    const end = at + this.#stride;
    let count = 0;
    for (let i = at + 1; i < end; i++) count += values[i]!;
    const histogram = writer.begin(METRIC.histogram, 2);
    writer.uint(HISTOGRAM.count, count);
    writer.double(HISTOGRAM.sum, values[at]!);
    const bounds = this.#bounds;
    if (bounds.length > 0) this.#classicBuckets(at, exemplars);
    if (sparse) this.#nativeBuckets(index);
    this.#timestamp(HISTOGRAM.startTimestamp, this.#start(index));
    if (bounds.length === 0) for (const exemplar of exemplars) this.#exemplar(HISTOGRAM.exemplar, exemplar);
    writer.end(histogram, 2);
  }

  /** That of +Inf is understood, unless it has an exemplar. */
  #classicBuckets(at: number, exemplars: readonly Exemplar[]): void {
    const { values } = this.#family;
    const writer = this.#writer;
    const bounds = this.#bounds;
    let count = 0;
    let next = 0;
    for (let i = 0; i <= bounds.length; i++) {
      count += values[at + 1 + i]!;
      const exemplar = exemplars[next]?.place === i ? exemplars[next++] : undefined;
      if (i === bounds.length && !exemplar) break;
      const bucket = writer.begin(HISTOGRAM.bucket);
      writer.uint(BUCKET.cumulativeCount, count);
      writer.double(BUCKET.upperBound, i < bounds.length ? bounds[i]! : Infinity);
      if (exemplar) this.#exemplar(BUCKET.exemplar, exemplar);
      writer.end(bucket);
    }
  }

  #nativeBuckets(index: number): void {
    const { schema, zeroThreshold, zeroCount, positive, negative } = this.#family.sparse![index]!;
    const writer = this.#writer;
    writer.sint(HISTOGRAM.schema, schema);
    writer.double(HISTOGRAM.zeroThreshold, zeroThreshold);
    writer.uint(HISTOGRAM.zeroCount, zeroCount);
    this.#side(HISTOGRAM.negativeSpan, HISTOGRAM.negativeDelta, negative);
    this.#side(HISTOGRAM.positiveSpan, HISTOGRAM.positiveDelta, positive);
    // By a span that has no buckets readers know a native histogram that has none.
    if (positive.length === 0 && negative.length === 0) this.#span(HISTOGRAM.positiveSpan, 0, 0);
  }

  #side(span: number, delta: number, buckets: SparseBuckets['positive']): void {
    if (buckets.length === 0) return;
    const writer = this.#writer;
    const { spans, counts } = toSpans(buckets);
    for (const [offset, length] of spans) this.#span(span, offset, length);
    const packed = writer.begin(delta);
    let before = 0;
    for (const count of counts) {
      writer.zigzag(count - before);
      before = count;
    }
    writer.end(packed);
  }

  #span(field: number, offset: number, length: number): void {
    const writer = this.#writer;
    const span = writer.begin(field);
    writer.sint(SPAN.offset, offset);
    writer.uint(SPAN.length, length);
    writer.end(span);
  }

  #exemplar(field: number, { labels, value, timestamp }: Exemplar): void {
    const writer = this.#writer;
    const exemplar = writer.begin(field);
    for (const name of Object.keys(labels)) writeLabel(writer, EXEMPLAR.label, name, labels[name]!);
    writer.double(EXEMPLAR.value, value);
    this.#timestamp(EXEMPLAR.timestamp, timestamp);
    writer.end(exemplar);
  }

  #timestamp(field: number, seconds: number): void {
    const writer = this.#writer;
    const timestamp = writer.begin(field);
    const whole = Math.floor(seconds);
    writer.uint(TIMESTAMP.seconds, whole);
    writer.uint(TIMESTAMP.nanos, Math.min(Math.round((seconds - whole) * 1e9), 999_999_999));
    writer.end(timestamp);
  }
}
