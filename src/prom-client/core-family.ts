import { fillSamples, sampleLines } from '../exposition/family-layout.ts';
import { prometheusText } from '../exposition/text-dialect.ts';
import { shownName } from '../snapshot/names.ts';
import type { FamilySnapshot, LabelValues } from '../snapshot/snapshot.ts';
import type { Family, Sample } from './types.ts';

const STYLE = prometheusText('0.0.4');

const TYPES: Partial<Record<string, string>> = { info: 'gauge', stateset: 'gauge', unknown: 'untyped' };

/** A family of the core as this API shows families. */
export function toFamily(family: FamilySnapshot): Family {
  const { definition, series } = family;
  const name = shownName(definition);
  const lines = sampleLines(definition, STYLE);
  const numbers = new Float64Array(lines.length);
  const values = series.flatMap((labelValues, index): Sample[] => {
    fillSamples(family, index, numbers);
    const sharedLabels = toObject(definition.labelNames, labelValues);
    return lines.map(({ suffix, label }, i) => {
      const metricName = definition.name + suffix;
      const value = numbers[i]!;
      if (!label) return { value, labels: sharedLabels, ...(metricName !== name && { metricName }) };
      const [own, text] = label;
      const bound = own === 'le' || own === 'quantile' ? Number(text) : NaN;
      return {
        value,
        labels: { [own]: Number.isFinite(bound) ? bound : text, ...sharedLabels },
        ...(metricName !== name && { metricName }),
      };
    });
  });
  return { name, help: definition.help, type: TYPES[definition.type] ?? definition.type, values, aggregator: 'sum' };
}

/** Labels by name; an empty one is as good as none. */
export function toObject(names: readonly string[], values: LabelValues): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const [i, name] of names.entries()) if (values[i] !== '') labels[name] = values[i]!;
  return labels;
}
