import { sampleNames, shownName } from '../snapshot/names.ts';
import { countOf, quantileOf } from '../snapshot/quantile.ts';
import { startOf, strideOf } from '../snapshot/snapshot.ts';
import type { FamilyDefinition, FamilySnapshot, Snapshot, SparseBuckets } from '../snapshot/snapshot.ts';
import { onlyRises } from './family-layout.ts';
import type { EscapingScheme } from './name-escaping.ts';
import { toSpans } from './native-spans.ts';
import { formatBound, formatValue } from './numbers.ts';
import { exemplarText, formatTimestamp, printFamilyName, printLabelName, printLabels } from './pieces.ts';
import { OPEN_METRICS_END, openMetricsMetadata } from './text-dialect.ts';

const CHUNK_SIZE = 56 * 1024;

/**
 * OpenMetrics 2.0.0-rc0, https://prometheus.io/docs/specs/om/open_metrics_spec_2_0/: a series is
 * one line, also of a histogram or summary, whose parts stand between braces. Written from the
 * grammar, and apart from the other text formats, since it may still change.
 */
export class OpenMetrics2Renderer {
  readonly #scheme: EscapingScheme;

  constructor(scheme: EscapingScheme) {
    this.#scheme = scheme;
  }

  /** See Exposition. */
  *render(snapshot: Snapshot, filter?: ReadonlySet<string>): Generator<string, void, undefined> {
    let text = '';
    for (const family of snapshot.families) {
      const { definition } = family;
      if (filter?.size && !sampleNames(definition).some((name) => filter.has(name))) continue;
      const name = printFamilyName(definition, this.#scheme, suffixOf(definition));
      text += `${openMetricsMetadata(definition, name, definition.type)}\n`;
      const labelNames = definition.labelNames.map((label) => printLabelName(label, this.#scheme));
      const rises = onlyRises(definition);
      for (let i = 0; i < family.series.length; i++) {
        const labels = printLabels(labelNames, family.series[i]!);
        if (definition.type === 'stateset') text += this.#states(family, i, name, labels);
        else {
          const start = rises ? ` st@${formatTimestamp(startOf(family, i, snapshot.startTimestamp))}` : '';
          const exemplars = family.exemplars?.[i]?.map(exemplarText).join('') ?? '';
          text += `${seriesText(name, labels)} ${valueText(family, i)}${start}${exemplars}\n`;
        }
        if (text.length >= CHUNK_SIZE) {
          yield text;
          text = '';
        }
      }
    }
    yield text + OPEN_METRICS_END;
  }

  #states({ definition, values }: FamilySnapshot, index: number, name: string, labels: string): string {
    const own = printLabelName(definition.name, this.#scheme);
    const lines = definition.states!.map((state, i) => {
      const all = [labels, printLabels([own], [state])].filter(Boolean).join(',');
      return `${seriesText(name, all)} ${values[index * definition.states!.length + i]}\n`;
    });
    return lines.join('');
  }
}

/** What a family's name has here behind it: the samples have the family's name, as it stands. */
function suffixOf(definition: FamilyDefinition): string {
  return shownName(definition).slice(definition.name.length);
}

/** A quoted name stands inside the braces. */
function seriesText(name: string, labels: string): string {
  if (name.startsWith('"')) return `{${[name, labels].filter(Boolean).join(',')}}`;
  return labels === '' ? name : `${name}{${labels}}`;
}

function valueText(family: FamilySnapshot, index: number): string {
  const { definition, values } = family;
  const stride = strideOf(definition);
  const first = values[index * stride]!;
  const sparse = family.sparse?.[index];
  switch (definition.type) {
    case 'histogram':
      return histogramText(definition, values.subarray(index * stride, (index + 1) * stride), sparse);
    case 'summary':
      return summaryText(definition, first, sparse!);
    default:
      return formatValue(first);
  }
}

function histogramText({ bounds, native }: FamilyDefinition, numbers: Float64Array, sparse?: SparseBuckets): string {
  let count = 0;
  const buckets = [...bounds!, Infinity].map((bound, i) => {
    count += numbers[i + 1]!;
    return `${formatBound(bound)}:${formatValue(count)}`;
  });
  const fields = [`count:${formatValue(count)}`, `sum:${formatValue(numbers[0]!)}`];
  if (native) fields.push(...nativeFields(sparse!));
  if (!native || bounds!.length > 0) fields.push(`bucket:[${buckets.join(',')}]`);
  return `{${fields.join(',')}}`;
}

function nativeFields({ schema, zeroThreshold, zeroCount, negative, positive }: SparseBuckets): string[] {
  return [
    `schema:${schema}`,
    `zero_threshold:${formatBound(zeroThreshold)}`,
    `zero_count:${formatValue(zeroCount)}`,
    ...sideFields('negative', negative),
    ...sideFields('positive', positive),
  ];
}

/**
 * Spans are an index (the first) or a gap, and how many buckets follow; the counts are absolute. A
 * side without buckets is left out.
 */
function sideFields(side: 'negative' | 'positive', buckets: SparseBuckets['positive']): string[] {
  if (buckets.length === 0) return [];
  const { spans, counts } = toSpans(buckets);
  return [
    `${side}_spans:[${spans.map(([offset, length]) => `${offset}:${length}`).join(',')}]`,
    `${side}_buckets:[${counts.map(formatValue).join(',')}]`,
  ];
}

function summaryText({ quantiles }: FamilyDefinition, sum: number, sparse: SparseBuckets): string {
  const shown = quantiles!.map((q) => `${formatBound(q)}:${formatValue(quantileOf(sparse, q))}`);
  return `{count:${formatValue(countOf(sparse))},sum:${formatValue(sum)},quantile:[${shown.join(',')}]}`;
}
