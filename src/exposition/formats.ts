import type { Exposition } from './exposition.ts';
import type { EscapingScheme } from './name-escaping.ts';
import { ProtobufRenderer } from './protobuf-renderer.ts';
import { openMetricsText, prometheusText, type TextDialect } from './text-dialect.ts';
import { TextRenderer, type KeptFamilies } from './text-renderer.ts';

/** A format as Accept headers name it, and how it is written. */
export interface Format {
  readonly type: string;
  readonly subtype: string;
  readonly parameters: ReadonlyMap<string, string>;
  /** What an entry of this type means where it leaves a parameter out. */
  readonly defaults: ReadonlyMap<string, string>;
  /** The format under the escaping scheme that was asked for, if one was; the same object each time. */
  exposition(scheme: EscapingScheme | undefined): Exposition;
}

const prometheusLines: KeptFamilies = new WeakMap();
const openMetricsLines: KeptFamilies = new WeakMap();

/** Every format, in the order of preference where a scraper has none. */
export const FORMATS: readonly Format[] = [
  textFormat({ format: 'text', version: '0.0.4', dialect: prometheusText('0.0.4'), kept: prometheusLines }),
  textFormat({ format: 'openmetrics', version: '1.0.0', dialect: openMetricsText, kept: openMetricsLines }),
  textFormat({
    format: 'text',
    version: '1.0.0',
    dialect: prometheusText('1.0.0'),
    kept: prometheusLines,
    statesEscaping: true,
  }),
  // Drafts of OpenMetrics went by this version; Go's library too answers it with the text of 1.0.
  textFormat({ format: 'openmetrics', version: '0.0.1', dialect: openMetricsText, kept: openMetricsLines }),
  protobufFormat(),
];

interface TextFormatOptions {
  readonly format: 'text' | 'openmetrics';
  readonly version: string;
  readonly dialect: TextDialect;
  readonly kept: KeptFamilies;
  /** Whether the Content-Type names the escaping scheme even if the scraper did not. */
  readonly statesEscaping?: boolean;
}

function textFormat({ format, version, dialect, kept, statesEscaping = false }: TextFormatOptions): Format {
  const [type, subtype, defaultVersion] =
    format === 'text' ? (['text', 'plain', '0.0.4'] as const) : (['application', 'openmetrics-text', '0.0.1'] as const);
  return {
    type,
    subtype,
    parameters: new Map([
      ['version', version],
      ['charset', 'utf-8'],
    ]),
    defaults: new Map([['version', defaultVersion]]),
    exposition: perScheme((asked) => {
      const scheme = asked ?? 'underscores';
      const renderer = new TextRenderer(dialect, scheme, kept);
      const escaping = asked || statesEscaping ? `; escaping=${scheme}` : '';
      return {
        contentType: `${type}/${subtype}; version=${version}; charset=utf-8${escaping}`,
        format,
        render: (snapshot, filter) => renderer.render(snapshot, filter),
      };
    }),
  };
}

/** The only format with native histograms. It has to be asked for by its message and encoding too. */
function protobufFormat(): Format {
  return {
    type: 'application',
    subtype: 'vnd.google.protobuf',
    parameters: new Map([
      ['proto', 'io.prometheus.client.metricfamily'],
      ['encoding', 'delimited'],
    ]),
    defaults: new Map([
      ['proto', ''],
      ['encoding', ''],
    ]),
    exposition: perScheme((asked) => {
      const renderer = new ProtobufRenderer(asked ?? 'underscores');
      const escaping = asked ? `; escaping=${asked}` : '';
      return {
        contentType: `application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited${escaping}`,
        format: 'protobuf',
        render: (snapshot, filter) => renderer.render(snapshot, filter),
      };
    }),
  };
}

/** Makes an exposition when its scheme is asked for the first time. */
function perScheme(
  make: (asked: EscapingScheme | undefined) => Exposition,
): (asked: EscapingScheme | undefined) => Exposition {
  const expositions = new Map<EscapingScheme | undefined, Exposition>();
  return (asked) => {
    let exposition = expositions.get(asked);
    if (!exposition) expositions.set(asked, (exposition = make(asked)));
    return exposition;
  };
}
