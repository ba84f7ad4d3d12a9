import { escapeHelp, escapeQuoted } from '../exposition/escape.ts';
import { formatValue } from '../exposition/numbers.ts';
import type { Family, Sample } from './types.ts';

type Labels = Readonly<Record<string, unknown>>;

/** A family in the text format or OpenMetrics, without the last line feed. */
export function formatFamily(family: Family, defaultLabels: Labels, openMetrics: boolean): string {
  const { type, values = [] } = family;
  const isCounter = openMetrics && type === 'counter';
  const name = escapeHelp(isCounter ? family.name.replace(/_total$/, '') : family.name);
  const lines = [`# HELP ${name} ${escapeHelp(family.help)}`, `# TYPE ${name} ${type}`];
  const shared = new SharedLabels();
  for (const sample of values) {
    const { metricName = name, labels = {}, sharedLabels, value, exemplar } = sample;
    const own = { ...labels };
    for (const label in defaultLabels) own[label] ??= defaultLabels[label];
    const inside = [formatLabels(own, sharedLabels), shared.format(sharedLabels)].filter(Boolean).join(',');
    const seen =
      openMetrics && exemplar
        ? ` # {${formatLabels(exemplar.labelSet)}} ${formatValue(exemplar.value)} ${exemplar.timestamp}`
        : '';
    lines.push(`${metricName}${isCounter ? '_total' : ''}${inside && `{${inside}}`} ${formatValue(value)}${seen}`);
  }
  return lines.join('\n');
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

/** The samples of a histogram's series come one after the other, and share one object. */
class SharedLabels {
  #labels: Sample['sharedLabels'];
  #text = '';

  /** @throws TypeError for null, as prom-client does. */
  format(labels: Sample['sharedLabels']): string {
    if (labels !== this.#labels) {
      this.#labels = labels;
      this.#text = labels === undefined ? '' : formatLabels(labels);
    }
    return this.#text;
  }
}

function formatLabels(labels: Labels, without?: Labels): string {
  let text = '';
  for (const [name, value] of Object.entries(labels)) {
    if (value === undefined || (without && Object.hasOwn(without, name))) continue;
    text += `${text && ','}${name}="${escapeQuoted(`${value as string | number}`)}"`;
  }
  return text;
}
