import { keepsSetTime, type Aggregation, type LabelValues } from '../snapshot/snapshot.ts';
import { Bound, type BoundOwner } from './bound.ts';
import { MetricsError } from '../errors.ts';
import { toDefinition } from './definition.ts';
import { Metric, type MetricOptions } from './metric.ts';
import type { Bind } from './series-set.ts';

/** A handle on one gauge series. */
export class BoundGauge extends Bound {
  readonly #timed: boolean;

  /** @internal */
  constructor(owner: BoundOwner, labelValues: LabelValues) {
    super(owner, labelValues);
    this.#timed = keepsSetTime(owner.definition);
  }

  /**
   * @param value Any number; NaN and infinities too.
   * @throws MetricsError ERR_METRICS_INVALID_VALUE
   */
  set(value: number): void {
    if (typeof value !== 'number') throw this.invalid('set', value, 'a number');
    const at = this.index;
    if (at < 0) return this.wake().set(value);
    this.cells[at] = value;
    if (this.#timed) this.cells[at + 1] = this.owner.clock.sharedMs();
  }

  /** @param value Finite. @default 1 @throws MetricsError ERR_METRICS_INVALID_VALUE */
  inc(value: number = 1): void {
    if (!Number.isFinite(value)) throw this.invalid('inc', value, 'a finite number');
    this.#add(value);
  }

  /** @param value Finite. @default 1 @throws MetricsError ERR_METRICS_INVALID_VALUE */
  dec(value: number = 1): void {
    if (!Number.isFinite(value)) throw this.invalid('dec', value, 'a finite number');
    this.#add(-value);
  }

  /** Sets the gauge to the time of day, in seconds of the Unix epoch. */
  setToCurrentTime(): void {
    this.set(this.owner.clock.now() / 1000);
  }

  /**
   * Starts a stopwatch; the function that it returns sets the gauge to the seconds that have
   * passed, and returns them.
   */
  startTimer(): () => number {
    const start = this.owner.clock.sharedMs();
    return () => {
      const seconds = (this.owner.clock.sharedMs() - start) / 1000;
      this.set(seconds);
      return seconds;
    };
  }

  /** What this process has set. */
  get value(): number {
    return this.index < 0 ? (this.wake().cells[this.index] ?? 0) : this.cells[this.index]!;
  }

  #add(value: number): void {
    const at = this.index;
    if (at < 0) return this.wake().#add(value);
    this.cells[at]! += value;
    if (this.#timed) this.cells[at + 1] = this.owner.clock.sharedMs();
  }
}

/** What gauges are made with. */
export interface GaugeOptions<L extends string = string> extends MetricOptions<L> {
  /**
   * How the values of several processes become one. `all` shows each, with a label `process`.
   * @default 'sum'
   */
  readonly aggregation?: Aggregation;
  /** Leave out the values of processes that have ended. @default true */
  readonly liveOnly?: boolean;
  /**
   * @internal The name (without `_total`) of a counter with the same labels. The family holds
   *   amounts that are open while their process lives, and is on no page; what a process left open
   *   when it ended, however it did, is added to that counter.
   */
  readonly settlesInto?: string;
}

const AGGREGATIONS: readonly Aggregation[] = ['sum', 'min', 'max', 'mostRecent', 'all'];

/** A number that goes up and down: connections open, bytes in use. */
export class Gauge<L extends string = never> extends Metric<L, BoundGauge> {
  /** @throws MetricsError for a name, label or option that can't be, or a name that is taken. */
  constructor(options: GaugeOptions<L>) {
    const { settlesInto, aggregation = 'sum', liveOnly = settlesInto === undefined } = options;
    const definition = toDefinition('gauge', options);
    if (!AGGREGATIONS.includes(aggregation)) {
      throw new MetricsError(
        'ERR_METRICS_INVALID_OPTION',
        `${options.name}: aggregation must be one of ${AGGREGATIONS.join(', ')}`,
      );
    }
    if (aggregation === 'all' && definition.labelNames.includes('process')) {
      throw new MetricsError(
        'ERR_METRICS_INVALID_LABEL',
        `${options.name}: with aggregation 'all' the label process is added: choose another name`,
      );
    }
    const settles = settlesInto === undefined ? {} : { settlesInto };
    super({ ...definition, aggregation, liveOnly, ...settles }, options, bindGauge);
  }

  /** For a family without labels: see BoundGauge. */
  set(value: number): void {
    this.sole.set(value);
  }

  /** For a family without labels: see BoundGauge. */
  inc(value: number = 1): void {
    this.sole.inc(value);
  }

  /** For a family without labels: see BoundGauge. */
  dec(value: number = 1): void {
    this.sole.dec(value);
  }

  /** For a family without labels: see BoundGauge. */
  setToCurrentTime(): void {
    this.sole.setToCurrentTime();
  }

  /** For a family without labels: see BoundGauge. */
  startTimer(): () => number {
    return this.sole.startTimer();
  }
}

const bindGauge: Bind<BoundGauge> = (owner, labelValues) => new BoundGauge(owner, labelValues);
