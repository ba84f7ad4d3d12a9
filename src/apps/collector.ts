import type { LabelSet } from '../core/labels.ts';
import { MetricsError } from '../errors.ts';

/** One series of a family: its labels and its value. */
export type CollectedSample<L extends string = string> = {
  /** A finite number; for a gauge also an infinity. Leave samples without a value out. */
  readonly value: number | bigint;
} & ([L] extends [never]
  ? { readonly labels?: undefined }
  : string extends L
    ? { readonly labels?: LabelSet<L> | undefined }
    : { readonly labels: LabelSet<L> });

/** A family as a collector yields it: its definition and all of its series. */
export interface CollectedFamily<L extends string = string> {
  /** The name on the page. A missing `_total` of a counter is added; METRICS_NAMESPACE is not. */
  readonly name: string;
  /** One sentence for people. */
  readonly help: string;
  /** `counter` for what only ever rises. @default 'gauge' */
  readonly type?: 'gauge' | 'counter' | undefined;
  /** Base unit (`seconds`, `bytes`, ...); the name has to end in it. @default none */
  readonly unit?: string | undefined;
  /** @default none */
  readonly labelNames?: readonly L[] | undefined;
  readonly samples: Iterable<CollectedSample<NoInfer<L>>>;
}

/** The context of one run of a collector. */
export interface CollectContext {
  /**
   * Aborts when the run exceeds `timeoutMs`, or when metrics are closed. Pass it to queries and
   * requests.
   */
  readonly signal: AbortSignal;
}

/** Families, all at once or one by one. */
export type CollectedFamilies = Iterable<CollectedFamily> | AsyncIterable<CollectedFamily>;

/** Measures something for the page of an app: object counts, utilisations. */
export interface Collector {
  /** Lower-case letters, digits, `_` and `-`. It is the label in the families about collectors. */
  readonly name: string;
  /**
   * Minimum time between runs. With 0 it runs for each scrape.
   *
   * @default 60
   */
  readonly refreshSeconds?: number | undefined;
  /**
   * Time limit of a run.
   * @default 5000
   */
  readonly timeoutMs?: number | undefined;
  /**
   * How long the last good values stay on the page while runs fail.
   *
   * @default ten times `refreshSeconds`, at least ten minutes
   */
  readonly keepSeconds?: number | undefined;
  /**
   * Maximum number of series. A run with more fails.
   * @default 10000
   */
  readonly maxSeries?: number | undefined;
  /**
   * An async generator, or a function that returns families. If one family is invalid, the page
   * shows none of this run.
   */
  collect(context: CollectContext): CollectedFamilies | Promise<CollectedFamilies>;
}

/** A collector whose options have been checked. */
export interface CheckedCollector {
  readonly app: string;
  readonly name: string;
  /** The key of its results on the board. */
  readonly key: string;
  readonly refreshMs: number;
  readonly timeoutMs: number;
  readonly keepMs: number;
  readonly maxSeries: number;
  readonly collect: (context: CollectContext) => unknown;
}

const MAX_TIMER_MS = 2 ** 31 - 1;
const LEAST_KEPT_MS = 600_000;
const NAME = /^[a-z][a-z0-9_-]{0,63}$/;

/**
 * Returns the family unchanged. The compiler checks the labels of its samples against `labelNames`.
 *
 *     yield collectedFamily({ name: 'prefixes', help: 'Prefixes.', labelNames: ['vrf'], samples: [{ labels: { vrf: 'a' }, value: 2 }] });
 */
export function collectedFamily<const L extends string = never>(family: CollectedFamily<L>): CollectedFamily {
  return family;
}

/** @throws MetricsError ERR_METRICS_INVALID_NAME */
export function checkName(kind: 'an app' | 'a collector', name: unknown): string {
  if (typeof name === 'string' && NAME.test(name)) return name;
  throw new MetricsError(
    'ERR_METRICS_INVALID_NAME',
    `${typeof name === 'string' ? JSON.stringify(name.slice(0, 80)) : typeof name} can not name ${kind}: ` +
      'use small letters, digits, _ and -, a letter first, at most 64',
  );
}

/** @throws MetricsError ERR_METRICS_INVALID_NAME, ERR_METRICS_INVALID_OPTION */
export function checkCollector(app: string, collector: Collector): CheckedCollector {
  const given = collector ?? {};
  const name = checkName('a collector', given.name);
  const number = (option: keyof Collector, fallback: number, least: number, most: number): number => {
    const value = given[option] ?? fallback;
    if (typeof value === 'number' && value >= least && value <= most) return value;
    throw invalid(app, name, `${option} must be a number from ${least} to ${most}`);
  };
  if (typeof given.collect !== 'function') throw invalid(app, name, 'collect must be a function');
  const refreshMs = number('refreshSeconds', 60, 0, 86_400) * 1000;
  const keepMs = number('keepSeconds', Math.max(10 * refreshMs, LEAST_KEPT_MS) / 1000, 1, 31 * 86_400) * 1000;
  if (keepMs < refreshMs) throw invalid(app, name, 'keepSeconds must not be less than refreshSeconds');
  return {
    app,
    name,
    key: `${app}.${name}`,
    refreshMs,
    timeoutMs: number('timeoutMs', 5000, 1, MAX_TIMER_MS),
    keepMs,
    maxSeries: number('maxSeries', 10_000, 1, 100_000),
    collect: (context) => given.collect(context),
  };
}

/**
 * Returns the differences between two sets of collectors of one app, functions aside; empty for
 * none.
 */
export function collectorDifferences(
  before: readonly CheckedCollector[],
  after: readonly CheckedCollector[],
): string[] {
  const names = (collectors: readonly CheckedCollector[]): string =>
    collectors
      .map(({ name }) => name)
      .sort()
      .join(', ') || 'none';
  if (names(before) !== names(after)) return [`the collectors were ${names(before)} and are ${names(after)}`];
  return after.flatMap((collector) => {
    const other = before.find(({ name }) => name === collector.name)!;
    return (['refreshMs', 'timeoutMs', 'keepMs', 'maxSeries'] as const)
      .filter((option) => other[option] !== collector[option])
      .map((option) => `${option} of ${collector.name} was ${other[option]} and is ${collector[option]}`);
  });
}

function invalid(app: string, name: string, problem: string): MetricsError {
  return new MetricsError('ERR_METRICS_INVALID_OPTION', `the collector ${name} of ${app}: ${problem}`);
}
