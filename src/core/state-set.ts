import { MetricsError } from '../errors.ts';
import type { LabelValues } from '../snapshot/snapshot.ts';
import { Bound, type BoundOwner } from './bound.ts';
import { legalLabel, toDefinition } from './definition.ts';
import { Metric, type MetricOptions } from './metric.ts';
import type { Bind } from './series-set.ts';

/** A handle on one series of a state set. */
export class BoundStateSet extends Bound {
  readonly #states: readonly string[];

  /** @internal */
  constructor(owner: BoundOwner, labelValues: LabelValues) {
    super(owner, labelValues);
    this.#states = owner.definition.states!;
  }

  /**
   * Switches to one state; or, with `on`, switches that state alone on or off, where several can be
   * at once.
   *
   * @throws MetricsError ERR_METRICS_INVALID_VALUE for an unknown state.
   */
  set(state: string, on?: boolean): void {
    const place = this.#states.indexOf(state);
    if (place < 0) throw this.invalid('set', state, `one of the states ${this.#states.join(', ')}`);
    if (this.index < 0) return this.wake().set(state, on);
    if (on === undefined) this.cells.fill(0, this.index, this.index + this.#states.length);
    this.cells[this.index + place] = on === false ? 0 : 1;
  }
}

/** What state sets are made with. */
export interface StateSetOptions<L extends string = string> extends MetricOptions<L> {
  readonly states: readonly string[];
}

/** Which of some named states something is in. A state that any live process is in shows as on. */
export class StateSet<L extends string = never> extends Metric<L, BoundStateSet> {
  /** @throws MetricsError for a name, label or option that can't be, or a name that is taken. */
  constructor(options: StateSetOptions<L>) {
    const definition = toDefinition('stateset', options);
    const { states } = options;
    if (
      !Array.isArray(states) ||
      states.length === 0 ||
      states.length > 1000 ||
      new Set(states).size < states.length ||
      states.some((state) => typeof state !== 'string' || !state.isWellFormed() || state.length > 200)
    ) {
      throw new MetricsError(
        'ERR_METRICS_INVALID_OPTION',
        `${options.name}: states must be 1 to 1000 different strings of at most 200 characters`,
      );
    }
    if (definition.name.includes(':')) {
      throw new MetricsError(
        'ERR_METRICS_INVALID_NAME',
        `${options.name}: a state set's name is also its label's, which can have no colon: choose another`,
      );
    }
    if (definition.labelNames.some((label) => legalLabel(label) === legalLabel(definition.name))) {
      throw new MetricsError(
        'ERR_METRICS_INVALID_LABEL',
        `${options.name}: the label of that name tells the states: choose another`,
      );
    }
    super({ ...definition, states: Object.freeze([...states]), liveOnly: true }, options, bindStateSet);
  }

  /** For a family without labels: see BoundStateSet. */
  set(state: string, on?: boolean): void {
    this.sole.set(state, on);
  }
}

const bindStateSet: Bind<BoundStateSet> = (owner, labelValues) => new BoundStateSet(owner, labelValues);
