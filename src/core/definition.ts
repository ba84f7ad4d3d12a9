import { MetricsError } from '../errors.ts';
import { legalForm } from '../snapshot/names.ts';
import type { FamilyDefinition, MetricType } from '../snapshot/snapshot.ts';
import { checkOptions } from './known-options.ts';

const METRIC_NAME = /^(?!U__)[a-zA-Z_:][a-zA-Z0-9_:]*$/;
/** Of labels that every scraper takes. */
export const LABEL_NAME: RegExp = /^(?!__|U__)[a-zA-Z_][a-zA-Z0-9_]*$/;
/** With `U__` begin names that were escaped, with `__` labels of Prometheus' own. */
const UTF8_METRIC_NAME = /^(?!U__)./s;
const UTF8_LABEL_NAME = /^(?!__|U__)./s;
const MAX_NAME = 200;
const MAX_HELP = 10_000;
const MAX_LABELS = 64;

/** Labels that a format gives a meaning of its own. */
const RESERVED_LABELS: Partial<Record<MetricType, string>> = { histogram: 'le', summary: 'quantile' };

/** What every kind of metric is defined by. */
export interface DefinitionOptions<L extends string = string> {
  /**
   * As Prometheus will see it; a counter's `_total` and an info's `_info` are added where they are
   * not given.
   */
  readonly name: string;
  /** One sentence for people. */
  readonly help: string;
  /** @default none */
  readonly labelNames?: readonly L[];
  /** Base unit (`seconds`, `bytes`, ...); the name has to end in it. @default none */
  readonly unit?: string;
  /**
   * Whether the names may have any characters, as Prometheus 3 and OpenTelemetry allow:
   * `http.server.duration`. Scrapers that do not ask for such names get them with underscores, so
   * that names that are alike then are refused.
   * @default false
   */
  readonly utf8Names?: boolean;
}

/**
 * Checks what all kinds of metric have in common.
 *
 * @throws MetricsError ERR_METRICS_INVALID_NAME, ERR_METRICS_INVALID_LABEL or
 *   ERR_METRICS_INVALID_OPTION.
 */
export function toDefinition(type: MetricType, options: DefinitionOptions, suffix: string = ''): FamilyDefinition {
  if (typeof options !== 'object' || options === null) {
    throw new MetricsError('ERR_METRICS_INVALID_OPTION', `a ${type}: give an object with name and help`);
  }
  checkOptions(type, options);
  const { help, unit = '', utf8Names = false, name: given } = options;
  const name = familyName(given, suffix, utf8Names);
  if (typeof help !== 'string' || help.length > MAX_HELP) {
    throw new MetricsError(
      'ERR_METRICS_INVALID_OPTION',
      `${given}: help must be a string of at most ${MAX_HELP} characters`,
    );
  }
  if (unit !== '' && !name.endsWith(`_${unit}`)) {
    throw new MetricsError(
      'ERR_METRICS_INVALID_NAME',
      `${given}: a family with the unit ${unit} must have a name that ends in _${unit}`,
    );
  }
  return {
    name,
    type,
    help: help.toWellFormed(),
    unit,
    labelNames: Object.freeze([...labelNames(given, options.labelNames ?? [], type, utf8Names)]),
  };
}

function familyName(given: unknown, suffix: string, utf8: boolean): string {
  const pattern = utf8 ? UTF8_METRIC_NAME : METRIC_NAME;
  if (typeof given !== 'string' || !pattern.test(given) || !given.isWellFormed() || given.length > MAX_NAME) {
    throw new MetricsError(
      'ERR_METRICS_INVALID_NAME',
      `${describe(given)} is no metric name: ` +
        (utf8
          ? `any characters, but not U__ first, at most ${MAX_NAME}`
          : `letters, digits, _ and : (no digit and not U__ first), at most ${MAX_NAME}; utf8Names allows more`),
    );
  }
  const name = suffix && given.endsWith(suffix) ? given.slice(0, -suffix.length) : given;
  if (name === '') throw new MetricsError('ERR_METRICS_INVALID_NAME', `${describe(given)} is a suffix without a name`);
  return name;
}

function labelNames(family: string, names: readonly unknown[], type: MetricType, utf8: boolean): readonly string[] {
  if (!Array.isArray(names) || names.length > MAX_LABELS) {
    throw new MetricsError(
      'ERR_METRICS_INVALID_LABEL',
      `${family}: labelNames must be an array of at most ${MAX_LABELS} names`,
    );
  }
  const pattern = utf8 ? UTF8_LABEL_NAME : LABEL_NAME;
  const seen = new Set<string>();
  for (const name of names) {
    const fault =
      typeof name !== 'string' || !pattern.test(name) || !name.isWellFormed() || name.length > MAX_NAME
        ? utf8
          ? 'is no label name: any characters, but not __ or U__ first'
          : 'is no label name: letters, digits and _ (no digit first, not __ or U__ first)'
        : name === RESERVED_LABELS[type]
          ? `is the ${type}'s own label: choose another`
          : seen.has(legalLabel(name))
            ? 'is given twice, or is alike with underscores'
            : undefined;
    if (fault) throw new MetricsError('ERR_METRICS_INVALID_LABEL', `${family}: label ${describe(name)} ${fault}`);
    seen.add(legalLabel(name as string));
  }
  return names as readonly string[];
}

/** A label's name as scrapers see it that know no others than the old ones. */
export function legalLabel(name: string): string {
  return legalForm(name, /[a-zA-Z0-9]/);
}

function describe(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 80)) : typeof value;
}
