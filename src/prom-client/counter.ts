import { type BoundCounter, Counter as CoreCounter } from '../core/counter.ts';
import type { FamilySnapshot } from '../snapshot/snapshot.ts';
import { createExemplar, toInput } from './exemplar.ts';
import { BaseMetric, type MetricConfiguration, type SeriesView } from './metric.ts';
import type { CollectFunction, IncreaseDataWithExemplar, LabelValues, Sample } from './types.ts';
import { assertFinite, isLabels, toLabels } from './validation.ts';

/** What counters are made with. */
export interface CounterConfiguration<T extends string> extends MetricConfiguration<T> {
  collect?: CollectFunction<Counter<T>>;
}

/** A counter by its labels. */
export interface CounterChild {
  inc(value?: number): void;
}

/** prom-client's counter: exposed under the name that it was given, with or without `_total`. */
export class Counter<T extends string = string> extends BaseMetric<T, BoundCounter> {
  readonly type = 'counter';

  /** @throws Error for a configuration that can't be, or a name that is taken. */
  constructor(configuration: CounterConfiguration<T>) {
    super(configuration, (options) => new CoreCounter({ ...options, exactName: true }));
  }

  /**
   * Adds to the counter.
   *
   * @param value Finite, not negative.
   * @default 1
   * @throws TypeError for what is no finite number (NaN too, which would spoil the counter for
   *   ever), Error for a negative one or unknown labels.
   */
  inc(value?: number): void;
  inc(labels: LabelValues<T>, value?: number): void;
  inc(data: IncreaseDataWithExemplar<T>): void;
  inc(first?: unknown, value?: unknown): void {
    if (this.enableExemplars) return this.#incWithExemplar(first ?? {});
    if (isLabels(first)) this.series(first).inc(amountOf(value));
    else this.series(NO_LABELS).inc(amountOf(first));
  }

  /** The series of these labels. @throws Error for too many or too few values. */
  labels(labels: LabelValues<T>): CounterChild;
  labels(...values: (string | number)[]): CounterChild;
  labels(...args: unknown[]): CounterChild {
    const labels = toLabels(this.labelNames, args);
    // With exemplars what a call is given are not labels, and prom-client's children take the same.
    if (this.enableExemplars)
      return { inc: (data?: unknown) => this.#incWithExemplar({ labels: labels as LabelValues<T>, ...dataOf(data) }) };
    let handle: BoundCounter | undefined;
    return {
      inc: (value?: number) => {
        const amount = amountOf(value);
        (handle ??= this.series(labels)).inc(amount);
      },
    };
  }

  protected override toSamples({ values }: FamilySnapshot, { labels, notes, index }: SeriesView): Sample[] {
    const exemplar = notes?.exemplars?.[0];
    return [exemplar ? { value: values[index]!, labels, exemplar } : { value: values[index]!, labels }];
  }

  protected override isZero({ values }: FamilySnapshot, index: number): boolean {
    return values[index] === 0;
  }

  #incWithExemplar({ labels = {}, value, exemplarLabels }: IncreaseDataWithExemplar<T>): void {
    const handle = this.series(labels);
    const amount = amountOf(value);
    if (!exemplarLabels) return handle.inc(amount);
    const exemplar = createExemplar(exemplarLabels, handle.value + amount);
    handle.inc(amount, toInput(exemplar));
    this.note(handle).exemplars = [exemplar];
  }
}

const NO_LABELS: Readonly<Record<string, unknown>> = Object.freeze({});

function amountOf(value: unknown): number {
  if (value === undefined || value === null) return 1;
  assertFinite(value);
  if (value < 0) throw new Error('It is not possible to decrease a counter');
  return value;
}

function dataOf(value: unknown): object {
  return isLabels(value) ? value : value === undefined ? {} : { value };
}
