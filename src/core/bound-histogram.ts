import { nativePlace } from '../snapshot/exemplar.ts';
import type { LabelValues } from '../snapshot/snapshot.ts';
import { observations, SUMS } from '../store/format/layout.ts';
import { NativeBuckets } from '../store/tables/native-buckets.ts';
import type { CellRange, Intent } from '../store/store.ts';
import { Bound, type BoundOwner } from './bound.ts';
import { BucketFinder } from './bucket-finder.ts';
import type { ExemplarInput } from './exemplars.ts';

/** A handle on one histogram series. */
export abstract class BoundHistogram extends Bound {
  protected readonly buckets: BucketFinder;
  /** The number of observations modulo 2: which of the two sums counts (see layout.ts). */
  protected parity = 0;

  /** @internal */
  constructor(owner: BoundOwner, labelValues: LabelValues) {
    super(owner, labelValues);
    this.buckets = BucketFinder.of(owner.definition.bounds!);
  }

  /**
   * Counts a value in its bucket and adds it to the sum; some 30 ns, and 70 to 100 ns where there
   * are native buckets (bench/results).
   *
   * @param value Finite; any number where there are native buckets (see Histogram).
   * @param exemplar An example of it, in the place of the last one in the same bucket.
   * @throws MetricsError ERR_METRICS_INVALID_VALUE, ERR_METRICS_INVALID_EXEMPLAR; nothing is
   *   counted then.
   */
  abstract observe(value: number, exemplar?: ExemplarInput): void;

  /**
   * @internal Writes down what `observe(value)` is going to store, in case the process is killed
   *   first. Not for native buckets, which have too many cells.
   */
  plan(intent: Intent, value: number): void {
    const { cells, place, parity } = this;
    if (place === undefined || this.owner.definition.native !== undefined) return;
    const bucket = place + SUMS + this.buckets.find(value);
    intent.plan(cells, place + 1 - parity, cells[place + parity]! + value);
    intent.plan(cells, bucket, cells[bucket]! + 1);
  }

  /**
   * Starts a stopwatch; the function that it returns observes the seconds that have passed, and
   * returns them.
   */
  startTimer(): (exemplar?: ExemplarInput) => number {
    const { clock } = this.owner;
    const start = clock.sharedMs();
    return (exemplar) => {
      const seconds = (clock.sharedMs() - start) / 1000;
      this.observe(seconds, exemplar);
      return seconds;
    };
  }

  override attach(home: CellRange): void {
    super.attach(home);
    this.parity = observations(this.owner.definition, home.cells, home.index, []) % 2;
  }
}

/** Of a histogram with classic buckets only. */
export class BoundClassicHistogram extends BoundHistogram {
  override observe(value: number, exemplar?: ExemplarInput): void {
    if (!Number.isFinite(value)) throw this.invalid('observe', value, 'a finite number');
    if (exemplar !== undefined) this.check(exemplar);
    const at = this.index;
    if (at < 0) return this.wake().observe(value, exemplar);
    const bucket = this.buckets.find(value);
    const { cells, parity } = this;
    cells[at + 1 - parity] = cells[at + parity]! + value;
    cells[at + SUMS + bucket]! += 1;
    this.parity = 1 - parity;
    if (exemplar !== undefined || this.turns !== undefined) this.exemplify(bucket, value, exemplar);
  }
}

/** Of a histogram with native buckets, alone or beside classic ones. */
export class BoundNativeHistogram extends BoundHistogram {
  readonly #infinity: number;
  #native!: NativeBuckets;

  /** @internal */
  constructor(owner: BoundOwner, labelValues: LabelValues) {
    super(owner, labelValues);
    this.#infinity = owner.definition.bounds!.length;
  }

  // What is seldom is apart, so that the compiler puts the rest where it is called.
  override observe(value: number, exemplar?: ExemplarInput): void {
    const at = this.index;
    if (at < 0 || typeof value !== 'number') return this.#begin(value, exemplar);
    if (exemplar !== undefined) this.check(exemplar);
    const infinity = this.#infinity;
    // Go counts NaN in the last classic bucket too.
    const bucket = infinity === 0 || value !== value ? infinity : this.buckets.find(value);
    const { cells, parity } = this;
    cells[at + 1 - parity] = cells[at + parity]! + value;
    const crowded = this.#native.add(value);
    cells[at + SUMS + bucket]! += 1;
    this.parity = 1 - parity;
    if (crowded) this.#native.reduce();
    if (exemplar !== undefined || this.turns !== undefined) this.#example(value, bucket, exemplar);
  }

  #begin(value: number, exemplar: ExemplarInput | undefined): void {
    if (typeof value !== 'number') throw this.invalid('observe', value, 'a number');
    this.wake().observe(value, exemplar);
  }

  /** NaN is an example of no bucket. */
  #example(value: number, bucket: number, exemplar: ExemplarInput | undefined): void {
    if (value === value) this.exemplify(this.#infinity > 0 ? bucket : nativePlace(value), value, exemplar);
  }

  override attach(home: CellRange): void {
    this.#native = new NativeBuckets(this.owner.family, this.labelValues, home);
    super.attach(home);
  }
}
