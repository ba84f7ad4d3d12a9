import type { FamilyDefinition } from '../snapshot/snapshot.ts';
import { escapeHelp, escapeQuoted } from './escape.ts';
import type { LineStyle } from './family-layout.ts';
import { formatBound, formatCanonicalBound } from './numbers.ts';

/** Where the text formats differ; samples look the same in all of them. */
export interface TextDialect extends LineStyle {
  /** Whether names outside the old alphabet can be written, between quotation marks. */
  readonly quotesNames: boolean;
  /** Whether counters and buckets can have exemplars. */
  readonly hasExemplars: boolean;
  /**
   * The lines that open a family, without the last line feed; `print` gives a name its final form.
   */
  openFamily(definition: FamilyDefinition, print: (suffix: string) => string): string;
  /** The page's end. */
  readonly end: string;
}

const PROMETHEUS_TYPES: Readonly<Record<FamilyDefinition['type'], string>> = {
  counter: 'counter',
  gauge: 'gauge',
  histogram: 'histogram',
  summary: 'summary',
  info: 'gauge',
  stateset: 'gauge',
  unknown: 'untyped',
};

/**
 * The suffix that a family's name has in the Prometheus formats, where HELP and TYPE carry the
 * samples' name.
 */
const PROMETHEUS_SUFFIXES: Partial<Record<FamilyDefinition['type'], string>> = {
  counter: '_total',
  info: '_info',
};

/**
 * Prometheus' text format, https://prometheus.io/docs/instrumenting/exposition_formats/. 1.0.0 adds
 * quoted names.
 */
export function prometheusText(version: '0.0.4' | '1.0.0'): TextDialect {
  return {
    quotesNames: version === '1.0.0',
    hasExemplars: false,
    openFamily(definition, print) {
      const name = print(definition.exactName ? '' : (PROMETHEUS_SUFFIXES[definition.type] ?? ''));
      const help = definition.help && `# HELP ${name} ${escapeHelp(definition.help)}\n`;
      return `${help}# TYPE ${name} ${PROMETHEUS_TYPES[definition.type]}`;
    },
    sumsNegativeValues: true,
    createdSamples: false,
    formatBound,
    end: '',
  };
}

/** OpenMetrics 1.0, https://prometheus.io/docs/specs/om/open_metrics_spec/. */
export function openMetricsText(createdSamples: boolean): TextDialect {
  return {
    quotesNames: true,
    hasExemplars: true,
    openFamily(definition, print) {
      // Go's library does the same for a counter whose samples have no `_total`.
      return openMetricsMetadata(definition, print(''), definition.exactName ? 'unknown' : definition.type);
    },
    sumsNegativeValues: false,
    createdSamples,
    formatBound: formatCanonicalBound,
    end: OPEN_METRICS_END,
  };
}

export const OPEN_METRICS_END = '# EOF\n';

/** The lines that open a family in every version of OpenMetrics, without the last line feed. */
export function openMetricsMetadata(definition: FamilyDefinition, name: string, type: string): string {
  const hasUnit = definition.type !== 'info' && definition.type !== 'stateset' && definition.unit !== '';
  const unit = hasUnit ? `\n# UNIT ${name} ${definition.unit}` : '';
  const help = definition.help && `\n# HELP ${name} ${escapeQuoted(definition.help)}`;
  return `# TYPE ${name} ${type}${unit}${help}`;
}
