import { MetricsError } from '../errors.ts';
import {
  BLOCK_CELLS,
  blockKey,
  NO_BUCKET,
  observations,
  SUMMARY_SCHEMA,
  summaryIndex,
  ZERO,
} from '../store/format/layout.ts';
import type { CellRange } from '../store/store.ts';
import { Bound } from './bound.ts';
import { toDefinition } from './definition.ts';
import { Metric, type MetricOptions } from './metric.ts';
import type { Bind } from './series-set.ts';

/** A handle on one summary series. */
export class BoundSummary extends Bound {
  readonly #blocks: Map<number, CellRange> = new Map();
  /** The number of observations modulo 2: which of the two sums counts (see layout.ts). */
  #parity = 0;

  /**
   * Counts a value in its sketch and adds it to the sum; some 30 ns.
   *
   * @param value Finite. @throws MetricsError ERR_METRICS_INVALID_VALUE
   */
  observe(value: number): void {
    if (!Number.isFinite(value)) throw this.invalid('observe', value, 'a finite number');
    const at = this.index;
    if (at < 0) return this.wake().observe(value);
    let { cells } = this;
    let place = at + ZERO;
    const bucket = summaryIndex(value);
    if (bucket !== NO_BUCKET) {
      const block = this.#block(blockKey(bucket, value < 0, SUMMARY_SCHEMA));
      // Where the store is full a value is counted with the zeros: the count and the sum stay
      // right.
      if (block) {
        cells = block.cells;
        place = block.index + (bucket & (BLOCK_CELLS - 1));
      }
    }
    this.cells[at + 1 - this.#parity] = this.cells[at + this.#parity]! + value;
    cells[place]! += 1;
    this.#parity = 1 - this.#parity;
  }

  /**
   * Starts a stopwatch; the function that it returns observes the seconds that have passed, and
   * returns them.
   */
  startTimer(): () => number {
    const { clock } = this.owner;
    const start = clock.sharedMs();
    return () => {
      const seconds = (clock.sharedMs() - start) / 1000;
      this.observe(seconds);
      return seconds;
    };
  }

  override attach(home: CellRange): void {
    super.attach(home);
    const { definition, family } = this.owner;
    this.#blocks.clear();
    for (const key of family.blocks(this.labelValues)) this.#blocks.set(key, family.block(this.labelValues, key)!);
    this.#parity = observations(definition, home.cells, home.index, this.#blocks.values()) % 2;
  }

  #block(key: number): CellRange | undefined {
    let block = this.#blocks.get(key);
    if (!block) {
      block = this.owner.family.block(this.labelValues, key);
      if (block) this.#blocks.set(key, block);
    }
    return block;
  }
}

/** What summaries are made with. */
export interface SummaryOptions<L extends string = string> extends MetricOptions<L> {
  /** The quantiles shown, each in [0, 1]. @default 0.5 0.9 0.95 0.99 */
  readonly quantiles?: readonly number[];
}

/**
 * Quantiles over everything observed, right to 1.1 % and over any number of processes. Prefer
 * histograms where they do.
 */
export class Summary<L extends string = never> extends Metric<L, BoundSummary> {
  /** @throws MetricsError for a name, label or option that can't be, or a name that is taken. */
  constructor(options: SummaryOptions<L>) {
    const definition = toDefinition('summary', options);
    const quantiles = options.quantiles ?? [0.5, 0.9, 0.95, 0.99];
    if (
      !Array.isArray(quantiles) ||
      !quantiles.every((q, i) => q >= 0 && q <= 1 && (i === 0 || q > quantiles[i - 1]))
    ) {
      throw new MetricsError(
        'ERR_METRICS_INVALID_OPTION',
        `${options.name}: quantiles must be numbers from 0 to 1, each larger than the one before`,
      );
    }
    super({ ...definition, quantiles: Object.freeze([...quantiles]) }, options, bindSummary);
  }

  /** For a family without labels: see BoundSummary. */
  observe(value: number): void {
    this.sole.observe(value);
  }

  /** For a family without labels: see BoundSummary. */
  startTimer(): () => number {
    return this.sole.startTimer();
  }
}

const bindSummary: Bind<BoundSummary> = (owner, labelValues) => new BoundSummary(owner, labelValues);
