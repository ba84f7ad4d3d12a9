import { format, inspect } from 'node:util';

const METRIC_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
/** Two leading underscores are Prometheus' own: it drops such labels when it scrapes. */
const LABEL_NAME = /^(?!__)[a-zA-Z_][a-zA-Z0-9_]*$/;

/** Whether Prometheus takes the name for a metric's. */
export function validateMetricName(name: string): boolean {
  return METRIC_NAME.test(name);
}

/** The names that are none for a label. */
export function invalidLabelNames(names: readonly string[]): string[] {
  return names.filter((name) => !LABEL_NAME.test(name));
}

/** @throws TypeError for anything but a finite number. */
export function assertFinite(value: unknown): asserts value is number {
  if (!Number.isFinite(value)) throw notANumber('Value', value);
}

/** The error for what is no number. */
export function notANumber(what: 'Value' | 'Delta', value: unknown): TypeError {
  return new TypeError(`${what} is not a valid number: ${format(value)}`);
}

/** The error for a label that the metric does not have. */
export function unknownLabel(name: string, labelNames: readonly string[]): Error {
  return new Error(`Added label "${name}" is not included in initial labelset: ${inspect(labelNames)}`);
}

/**
 * The labels that `labels(...)` and `remove(...)` were given, as an object or as values in the
 * order of the names.
 *
 * @throws Error where there are more or fewer values than names.
 */
export function toLabels(labelNames: readonly string[], args: readonly unknown[]): Readonly<Record<string, unknown>> {
  const [first] = args;
  if (typeof first === 'object') return (first ?? {}) as Readonly<Record<string, unknown>>;
  if (labelNames.length !== args.length) {
    throw new Error(
      `Invalid number of arguments (${args.length}): "${args.join(', ')}" for label names (${labelNames.length}): "${labelNames.join(', ')}".`,
    );
  }
  return Object.fromEntries(labelNames.map((name, i) => [name, args[i]]));
}

/** Whether the first argument of a recording method are labels. */
export function isLabels(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
