import { MetricsError } from '../errors.ts';
import type { FamilyDefinition, MetricType } from '../snapshot/snapshot.ts';

const METRIC_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
/** Of labels that every scraper takes. */
export const LABEL_NAME: RegExp = /^(?!__)[a-zA-Z_][a-zA-Z0-9_]*$/;
const MAX_NAME = 200;
const MAX_HELP = 10_000;
const MAX_LABELS = 64;

/** Labels that a format gives a meaning of its own. */
const RESERVED_LABELS: Partial<Record<MetricType, string>> = { histogram: 'le', summary: 'quantile' };

/** What every kind of metric is defined by. */
export interface DefinitionOptions<L extends string = string> {
  /** As Prometheus will see it; a counter's `_total` and an info's `_info` are added where they are not given. */
  readonly name: string;
  /** One sentence for people. */
  readonly help: string;
  /** @default none */
  readonly labelNames?: readonly L[];
  /** Base unit (`seconds`, `bytes`, ...); the name has to end in it. @default none */
  readonly unit?: string;
}

/**
 * Checks what all kinds of metric have in common.
 *
 * @throws MetricsError ERR_METRICS_INVALID_NAME, ERR_METRICS_INVALID_LABEL or ERR_METRICS_INVALID_OPTION.
 */
export function toDefinition(type: MetricType, options: DefinitionOptions, suffix: string = ''): FamilyDefinition {
  const { help, unit = '' } = options;
  const name = familyName(options.name, suffix);
  if (typeof help !== 'string' || help.length > MAX_HELP) {
    throw new MetricsError(
      'ERR_METRICS_INVALID_OPTION',
      `${name}: help must be a string of at most ${MAX_HELP} characters`,
    );
  }
  if (unit !== '' && !name.endsWith(`_${unit}`)) {
    throw new MetricsError(
      'ERR_METRICS_INVALID_NAME',
      `${name}: a family with the unit ${unit} must have a name that ends in _${unit}`,
    );
  }
  return {
    name,
    type,
    help: help.toWellFormed(),
    unit,
    labelNames: Object.freeze([...labelNames(name, options.labelNames ?? [], type)]),
  };
}

function familyName(given: unknown, suffix: string): string {
  if (typeof given !== 'string' || !METRIC_NAME.test(given) || given.length > MAX_NAME) {
    throw new MetricsError(
      'ERR_METRICS_INVALID_NAME',
      `${describe(given)} is no metric name: letters, digits, _ and : (no digit first), at most ${MAX_NAME}`,
    );
  }
  const name = suffix && given.endsWith(suffix) ? given.slice(0, -suffix.length) : given;
  if (name === '') throw new MetricsError('ERR_METRICS_INVALID_NAME', `${describe(given)} is a suffix without a name`);
  return name;
}

function labelNames(family: string, names: readonly unknown[], type: MetricType): readonly string[] {
  if (!Array.isArray(names) || names.length > MAX_LABELS) {
    throw new MetricsError(
      'ERR_METRICS_INVALID_LABEL',
      `${family}: labelNames must be an array of at most ${MAX_LABELS} names`,
    );
  }
  for (const [i, name] of names.entries()) {
    const fault =
      typeof name !== 'string' || !LABEL_NAME.test(name) || name.length > MAX_NAME
        ? 'is no label name: letters, digits and _ (no digit first, not __ first)'
        : name === RESERVED_LABELS[type]
          ? `is the ${type}'s own label: choose another`
          : names.indexOf(name) !== i
            ? 'is given twice'
            : undefined;
    if (fault) throw new MetricsError('ERR_METRICS_INVALID_LABEL', `${family}: label ${describe(name)} ${fault}`);
  }
  return names as readonly string[];
}

function describe(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 80)) : typeof value;
}
