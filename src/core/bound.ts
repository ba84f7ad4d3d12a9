import { MetricsError } from '../errors.ts';
import type { Exemplar } from '../snapshot/exemplar.ts';
import type { FamilyDefinition, LabelValues } from '../snapshot/snapshot.ts';
import type { CellRange, Intent, StoredFamily } from '../store/store.ts';
import type { Clock } from './clock.ts';
import { checkExemplar, type ExemplarInput, type ExemplarSampler, toExemplarLabels } from './exemplars.ts';

export type { Intent };

const NOWHERE: Float64Array = new Float64Array(0);

/** Of the handles that have had no exemplar yet. */
const NO_TURNS: number[] = [];

/** What a handle needs of its family. */
export interface BoundOwner {
  /** As the user wrote it, for messages. */
  readonly name: string;
  /** @internal */
  readonly definition: FamilyDefinition;
  /** @internal */
  readonly family: StoredFamily;
  /** @internal */
  readonly clock: Clock;
  /**
   * @internal Takes a removed series up again: the handle itself, or the one that took its place
   *   meanwhile.
   */
  readmit(handle: Bound): Bound;
  /** @internal Where exemplars come from that nobody gives. */
  readonly sampler: ExemplarSampler | undefined;
  /**
   * @internal Keeps an exemplar of a series; it is of this moment where it does not say of which.
   */
  keepExemplar(labelValues: LabelValues, exemplar: Omit<Exemplar, 'timestamp'>, timestamp: number | undefined): void;
}

/**
 * One series, its labels resolved: a place in an array of numbers. Recording on it is an addition.
 *
 * A handle stays good for ever. When its series has been removed, the next thing it records brings
 * the series back.
 */
export abstract class Bound {
  /** In the order of the family's label names. */
  readonly labelValues: LabelValues;
  /** `NOWHERE` once the series is removed. */
  protected cells: Float64Array = NOWHERE;
  /**
   * The first of its cells; its complement, below zero, while the series is dormant or removed: the
   * one look that recording takes at anything but its cells.
   */
  protected index: number = -1;
  /**
   * By place: in which turn of the sampler there was an exemplar. `undefined` where the registry has
   * no source of exemplars.
   */
  protected turns: number[] | undefined;
  /** @internal */
  protected readonly owner: BoundOwner;

  constructor(owner: BoundOwner, labelValues: LabelValues) {
    this.owner = owner;
    this.labelValues = labelValues;
    this.turns = owner.sampler && NO_TURNS;
  }

  /** @internal Whether nothing was recorded since `doze`. */
  get dormant(): boolean {
    return this.index < 0;
  }

  /** @internal Gives the series its cells. */
  attach(home: CellRange): void {
    this.cells = home.cells;
    this.index = home.index;
  }

  /** @internal The registry has got a source of exemplars, or lost it. */
  followSampler(): void {
    this.turns = this.owner.sampler && NO_TURNS;
  }

  /** @internal The first of its cells, dormant or not; `undefined` once the series is removed. */
  protected get place(): number | undefined {
    if (this.cells === NOWHERE) return undefined;
    return this.index < 0 ? ~this.index : this.index;
  }

  /** @internal From now on the next thing recorded shows, through `dormant`. */
  doze(): void {
    if (this.index >= 0) this.index = ~this.index;
  }

  /** @internal The series is no more. */
  detach(): void {
    this.cells = NOWHERE;
    this.index = -1;
  }

  /** The handle to record on when this one's index is below zero. */
  protected wake(): this {
    if (this.cells === NOWHERE) return this.owner.readmit(this) as this;
    this.index = ~this.index;
    return this;
  }

  /**
   * Keeps an exemplar of what was just recorded: the one given, which was checked, or one of the
   * registry's source, if it is this place's turn. Called where there is one, or there are `turns`.
   */
  protected exemplify(place: number, value: number, given: ExemplarInput | undefined): void {
    if (given !== undefined) {
      const labels = toExemplarLabels(this.owner.name, given.labels);
      this.owner.keepExemplar(this.labelValues, { place, labels, value }, given.timestamp);
      return;
    }
    const { sampler } = this.owner;
    if (!sampler) return;
    if (this.turns?.[place] === sampler.turn) return;
    const labels = sampler.take();
    if (!labels) return;
    if (this.turns === undefined || this.turns === NO_TURNS) this.turns = [];
    this.turns[place] = sampler.turn;
    this.owner.keepExemplar(this.labelValues, { place, labels, value }, undefined);
  }

  /** @throws MetricsError ERR_METRICS_INVALID_EXEMPLAR */
  protected check(exemplar: ExemplarInput): void {
    checkExemplar(this.owner.name, exemplar);
  }

  /** What recording throws: in the application's own call, never out of an instrumentation. */
  protected invalid(operation: string, value: unknown, expected: string): MetricsError {
    return invalidValue(this.owner.name, operation, value, expected);
  }
}

/** The error for a value that can't be recorded. */
export function invalidValue(family: string, operation: string, value: unknown, expected: string): MetricsError {
  const shown = typeof value === 'number' ? String(value) : `a ${typeof value}`;
  return new MetricsError('ERR_METRICS_INVALID_VALUE', `${family}: ${operation}(${shown}): give ${expected}`);
}
