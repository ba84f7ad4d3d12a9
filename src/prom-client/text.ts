import { escapeHelp, escapeQuoted } from '../exposition/escape.ts';
import { formatValue } from '../exposition/numbers.ts';
import type { Family } from './types.ts';

type Labels = Readonly<Record<string, unknown>>;

/** A family in the text format or OpenMetrics, without the last line feed. */
export function formatFamily(family: Family, defaultLabels: Labels, openMetrics: boolean): string {
  const { type, values = [] } = family;
  const isCounter = openMetrics && type === 'counter';
  const name = escapeHelp(isCounter ? family.name.replace(/_total$/, '') : family.name);
  const suffix = isCounter ? '_total' : '';
  const print = labelPrinter(defaultLabels);
  let text = `# HELP ${name} ${escapeHelp(family.help)}\n# TYPE ${name} ${type}`;
  for (const { metricName = name, labels, sharedLabels, value, exemplar } of values) {
    text += `\n${metricName}${suffix}${print(labels ?? NO_LABELS, sharedLabels)} ${formatValue(value)}`;
    if (openMetrics && exemplar) {
      text += ` # {${formatLabels(exemplar.labelSet)}} ${formatValue(exemplar.value)} ${exemplar.timestamp}`;
    }
  }
  return text;
}

const NO_LABELS: Labels = Object.freeze({});

/**
 * Prints a sample's own labels, the default ones and those that it shares, with their braces. The
 * samples of a series come one after the other and share one object, and the series of a histogram
 * have the objects of their bounds in common: neither is printed again.
 */
function labelPrinter(defaultLabels: Labels): (labels: Labels, shared: Labels | undefined) => string {
  const defaults = Object.keys(defaultLabels);
  const bounds = new Map<Labels, string>();
  let lastShared: Labels | undefined;
  let sharedText = '';
  return (labels, shared) => {
    if (shared !== lastShared) sharedText = (lastShared = shared) === undefined ? '' : formatLabels(shared!);
    let own: string | undefined;
    if (defaults.length > 0) {
      const all = { ...labels };
      for (const name of defaults) all[name] ??= defaultLabels[name];
      own = formatLabels(all, shared);
    } else if (!shared) {
      own = formatLabels(labels);
    } else {
      own = bounds.get(labels);
      if (own === undefined) bounds.set(labels, (own = formatLabels(labels, shared)));
    }
    if (own === '' && sharedText === '') return '';
    return own !== '' && sharedText !== '' ? `{${own},${sharedText}}` : `{${own}${sharedText}}`;
  };
}

/** Families as a page. */
export function joinFamilies(families: readonly string[], openMetrics: boolean): string {
  return openMetrics ? `${families.join('\n')}\n# EOF\n` : `${families.join('\n\n')}\n`;
}

/** A family whose samples have all their labels in one object, the default ones too. */
export function flatten(family: Family, defaultLabels: Labels = {}): Family {
  if (!family.values) return family;
  const values = family.values.map(({ sharedLabels, ...sample }) => {
    const labels: Record<string, unknown> = { ...sample.labels, ...sharedLabels };
    for (const label in defaultLabels) labels[label] ??= defaultLabels[label];
    return { ...sample, labels };
  });
  return { ...family, values };
}

/** @throws TypeError for null, as prom-client does. */
function formatLabels(labels: Labels, without?: Labels): string {
  let text = '';
  for (const [name, value] of Object.entries(labels)) {
    if (without && Object.hasOwn(without, name)) continue;
    text += `${text && ','}${name}="${escapeQuoted(`${value as string | number}`)}"`;
  }
  return text;
}
