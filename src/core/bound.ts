import { MetricsError } from '../errors.ts';
import type { Exemplar } from '../snapshot/exemplar.ts';
import type { FamilyDefinition, LabelValues } from '../snapshot/snapshot.ts';
import type { CellRange, Intent, StoredFamily } from '../store/store.ts';
import type { Clock } from './clock.ts';
import { checkExemplar, type ExemplarInput, type ExemplarSampler, toExemplarLabels } from './exemplars.ts';

export type { Intent };

const NOWHERE: Float64Array = new Float64Array(0);

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
  protected cells: Float64Array = NOWHERE;
  /**
   * Below zero while the series is dormant or removed: the one look that recording takes at
   * anything but its cells.
   */
  protected index: number = -1;
  /**
   * Whether the registry has a source of exemplars. V8 leaves the question out while no handle has
   * ever been told otherwise.
   */
  protected sampled: boolean = false;
  /** @internal */
  protected readonly owner: BoundOwner;
  /** Where the series is; `undefined` once it is removed. */
  protected home: CellRange | undefined;
  /** By place: in which turn of the sampler there was an exemplar. */
  #turns: number[] | undefined;

  constructor(owner: BoundOwner, labelValues: LabelValues) {
    this.owner = owner;
    this.labelValues = labelValues;
    if (owner.sampler) this.sampled = true;
  }

  /** @internal Whether nothing was recorded since `doze`. */
  get dormant(): boolean {
    return this.index < 0;
  }

  /** @internal Gives the series its cells. */
  attach(home: CellRange): void {
    this.home = home;
    this.cells = home.cells;
    this.index = home.index;
  }

  /** @internal The registry has got a source of exemplars, or lost it. */
  followSampler(): void {
    const sampled = this.owner.sampler !== undefined;
    if (sampled !== this.sampled) this.sampled = sampled;
  }

  /** @internal From now on the next thing recorded shows, through `dormant`. */
  doze(): void {
    this.index = -1;
  }

  /** @internal The series is no more. */
  detach(): void {
    this.home = undefined;
    this.cells = NOWHERE;
    this.index = -1;
  }

  /** The handle to record on when this one's index is below zero. */
  protected wake(): this {
    if (!this.home) return this.owner.readmit(this) as this;
    this.index = this.home.index;
    return this;
  }

  /**
   * Keeps an exemplar of what was just recorded: the one given, which was checked, or one of the
   * registry's source, if it is this place's turn. Called where there is one, or `sampled`.
   */
  protected exemplify(place: number, value: number, given: ExemplarInput | undefined): void {
    if (given !== undefined) {
      const labels = toExemplarLabels(this.owner.name, given.labels);
      this.owner.keepExemplar(this.labelValues, { place, labels, value }, given.timestamp);
      return;
    }
    const { sampler } = this.owner;
    if (!sampler) return;
    const turns = (this.#turns ??= []);
    if (turns[place] === sampler.turn) return;
    const labels = sampler.take();
    if (!labels) return;
    turns[place] = sampler.turn;
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
