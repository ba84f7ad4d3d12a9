import type { Intent } from '../store/store.ts';
import { Bound } from './bound.ts';
import { toDefinition } from './definition.ts';
import type { ExemplarInput } from './exemplars.ts';
import { Metric, type MetricOptions } from './metric.ts';
import type { Bind } from './series-set.ts';

/** A handle on one counter series. */
export class BoundCounter extends Bound {
  /**
   * Adds to the counter; a few nanoseconds.
   *
   * @param value Finite, not negative.
   * @default 1
   * @param exemplar An example of it, in the place of the last one.
   * @throws MetricsError ERR_METRICS_INVALID_VALUE, ERR_METRICS_INVALID_EXEMPLAR; nothing is
   *   counted then.
   */
  inc(value: number = 1, exemplar?: ExemplarInput): void {
    if (!Number.isFinite(value) || value < 0) throw this.invalid('inc', value, 'a finite number that is not negative');
    if (exemplar !== undefined) this.check(exemplar);
    const at = this.index;
    if (at < 0) return this.wake().inc(value, exemplar);
    this.cells[at]! += value;
    if (exemplar !== undefined || this.turns !== undefined) this.exemplify(0, value, exemplar);
  }

  /** @internal Writes down what `inc()` is going to store, in case the process is killed first. */
  plan(intent: Intent): void {
    const { cells, place } = this;
    if (place !== undefined) intent.plan(cells, place, cells[place]! + 1);
  }

  /** What this process's slot has counted; other processes have their own. */
  get value(): number {
    return this.index < 0 ? (this.wake().cells[this.index] ?? 0) : this.cells[this.index]!;
  }
}

/** What counters are made with. */
export interface CounterOptions<L extends string = string> extends MetricOptions<L> {
  /**
   * Whether the page has the name as it stands, and does not add `_total`. OpenMetrics, where
   * counters end in it, then says `unknown` for the type, as Go's library does. For counters whose
   * name others rely on.
   * @default false
   */
  readonly exactName?: boolean;
  /** @internal The family counts what found no space elsewhere: see FamilyDefinition. */
  readonly usesReserve?: boolean;
}

/**
 * A number that only goes up: requests, bytes, errors. Summed over processes.
 *
 *     const requests = new Counter({ name: 'requests_total', help: 'Requests served.', labelNames: ['method'] });
 *     const gets = requests.labels({ method: 'GET' });
 *     gets.inc();
 */
export class Counter<L extends string = never> extends Metric<L, BoundCounter> {
  /** @throws MetricsError for a name, label or option that can't be, or a name that is taken. */
  constructor(options: CounterOptions<L>) {
    const definition = options.exactName
      ? { ...toDefinition('counter', options), exactName: true }
      : toDefinition('counter', options, '_total');
    super(options.usesReserve ? { ...definition, usesReserve: true } : definition, options, bindCounter);
  }

  /** For a family without labels: see BoundCounter. */
  inc(value: number = 1, exemplar?: ExemplarInput): void {
    this.sole.inc(value, exemplar);
  }
}

const bindCounter: Bind<BoundCounter> = (owner, labelValues) => new BoundCounter(owner, labelValues);
