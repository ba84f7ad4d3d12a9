import { debuglog } from 'node:util';
import { MetricsError } from '../errors.ts';
import { LABEL_NAME } from './definition.ts';
import type { LabelValue } from './labels.ts';

const debug: ReturnType<typeof debuglog> = debuglog('promenade');

/**
 * What an exemplar says, above all which trace to look at: `{ trace_id: '...', span_id: '...' }`.
 */
export type ExemplarLabels = Readonly<Record<string, LabelValue>>;

/** An example of what is recorded, given together with the value. */
export interface ExemplarInput {
  /** Names and values together have at most 128 code points. */
  readonly labels: ExemplarLabels;
  /** In seconds of the Unix epoch. @default now */
  readonly timestamp?: number;
}

/**
 * Asked for the labels of an exemplar while something is recorded; `undefined`: there is none to be
 * had at this moment. What it throws is swallowed.
 */
export type ExemplarSource = () => ExemplarLabels | undefined;

/** OpenMetrics 1.0: names and values together. */
const MAX_CODE_POINTS = 128;

/** The source gives a series, or a bucket, one exemplar in this time at the most. */
const TURN_MS = 1000;

/** A registry's source of exemplars, asked seldom enough not to be felt. */
export class ExemplarSampler {
  readonly #source: ExemplarSource;
  readonly #timer: NodeJS.Timeout;
  #turn = 1;
  #asking = false;

  constructor(source: ExemplarSource) {
    this.#source = source;
    this.#timer = setInterval(() => this.#turn++, TURN_MS).unref();
  }

  /** Counts the time in steps of a second, since to read a clock takes longer than to count. */
  get turn(): number {
    return this.#turn;
  }

  /** The labels of an exemplar, if the source has any. Never throws. */
  take(): Readonly<Record<string, string>> | undefined {
    // A source that itself records something is not asked about that.
    if (this.#asking) return undefined;
    this.#asking = true;
    try {
      const labels = this.#source();
      return labels && toExemplarLabels('the exemplar source', labels);
    } catch (error) {
      debug('the exemplar source failed: %o', error);
      return undefined;
    } finally {
      this.#asking = false;
    }
  }

  /** Idempotent. */
  close(): void {
    clearInterval(this.#timer);
  }
}

/** @throws MetricsError ERR_METRICS_INVALID_EXEMPLAR where an exemplar can't be written. */
export function checkExemplar(family: string, exemplar: ExemplarInput): void {
  if (typeof exemplar !== 'object' || exemplar === null) throw invalid(family, 'give an object with labels');
  toExemplarLabels(family, exemplar.labels);
  const { timestamp = 0 } = exemplar;
  if (!Number.isFinite(timestamp)) throw invalid(family, 'timestamp must be a number of seconds of the Unix epoch');
}

/**
 * An exemplar's labels as they are kept: strings, well-formed.
 *
 * @throws MetricsError ERR_METRICS_INVALID_EXEMPLAR
 */
export function toExemplarLabels(family: string, labels: ExemplarLabels): Readonly<Record<string, string>> {
  if (typeof labels !== 'object' || labels === null) throw invalid(family, 'labels must be an object');
  const kept: Record<string, string> = {};
  let codePoints = 0;
  for (const [name, value] of Object.entries(labels)) {
    if (!LABEL_NAME.test(name)) {
      throw invalid(
        family,
        `${JSON.stringify(name)} is no label name: letters, digits and _ (no digit first, not __ first)`,
      );
    }
    if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') {
      throw invalid(family, `the label ${name} must be a string, a number or a boolean`);
    }
    const text = String(value).toWellFormed();
    kept[name] = text;
    codePoints += name.length + Array.from(text).length;
  }
  if (codePoints > MAX_CODE_POINTS) {
    throw invalid(family, `names and values have ${codePoints} characters, and OpenMetrics allows ${MAX_CODE_POINTS}`);
  }
  return kept;
}

function invalid(family: string, fault: string): MetricsError {
  return new MetricsError('ERR_METRICS_INVALID_EXEMPLAR', `exemplar of ${family}: ${fault}`);
}
