import type { Exposition } from './exposition.ts';
import type { EscapingScheme } from './name-escaping.ts';
import { OpenMetrics2Renderer } from './open-metrics-2-renderer.ts';
import { ProtobufRenderer } from './protobuf-renderer.ts';
import { openMetricsText, prometheusText } from './text-dialect.ts';
import { TextRenderer, type KeptFamilies } from './text-renderer.ts';

/** A format as Accept headers name it, and how it is written. */
export interface Format {
  readonly type: string;
  readonly subtype: string;
  readonly parameters: ReadonlyMap<string, string>;
  /** What an entry of this type means where it leaves a parameter out. */
  readonly defaults: ReadonlyMap<string, string>;
  /** Whether only those get it who name it: never for the sake of a `*`. */
  readonly byNameOnly: boolean;
  /**
   * The format under the escaping scheme that was asked for, if one was; the same object each time.
   */
  exposition(scheme: EscapingScheme | undefined): Exposition;
}

const prometheusLines: KeptFamilies = new WeakMap();

/** Every format, in the order of preference where a scraper has none. */
export const FORMATS: readonly Format[] = formats({ createdSamples: false });
/** The same, where OpenMetrics 1.0 says with `_created` since when a series counts. */
export const FORMATS_WITH_CREATED: readonly Format[] = formats({ createdSamples: true });

function formats({ createdSamples }: { readonly createdSamples: boolean }): Format[] {
  const dialect = openMetricsText(createdSamples);
  const openMetricsLines: KeptFamilies = new WeakMap();
  const renderOpenMetrics = (scheme: EscapingScheme): Renderer => new TextRenderer(dialect, scheme, openMetricsLines);
  return [
    textFormat({ format: 'text', version: '0.0.4', renderer: prometheusRenderer('0.0.4') }),
    textFormat({ format: 'openmetrics', version: '1.0.0', renderer: renderOpenMetrics }),
    textFormat({ format: 'text', version: '1.0.0', renderer: prometheusRenderer('1.0.0'), statesEscaping: true }),
    // Drafts of OpenMetrics went by this version; Go's library too answers it with the text of 1.0.
    textFormat({ format: 'openmetrics', version: '0.0.1', renderer: renderOpenMetrics }),
    // A release candidate: only for scrapers that name it.
    textFormat({
      format: 'openmetrics',
      version: '2.0.0',
      renderer: (scheme) => new OpenMetrics2Renderer(scheme),
      byNameOnly: true,
    }),
    protobufFormat(),
  ];
}

function prometheusRenderer(version: '0.0.4' | '1.0.0'): (scheme: EscapingScheme) => Renderer {
  const dialect = prometheusText(version);
  return (scheme) => new TextRenderer(dialect, scheme, prometheusLines);
}

type Renderer = Pick<Exposition, 'render'>;

interface TextFormatOptions {
  readonly format: 'text' | 'openmetrics';
  readonly version: string;
  readonly renderer: (scheme: EscapingScheme) => Renderer;
  readonly byNameOnly?: boolean;
  /** Whether the Content-Type names the escaping scheme even if the scraper did not. */
  readonly statesEscaping?: boolean;
}

function textFormat(options: TextFormatOptions): Format {
  const { format, version, statesEscaping = false, byNameOnly = false } = options;
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
    byNameOnly,
    exposition: perScheme((asked) => {
      const scheme = asked ?? 'underscores';
      const renderer = options.renderer(scheme);
      const escaping = asked || statesEscaping ? `; escaping=${scheme}` : '';
      return {
        contentType: `${type}/${subtype}; version=${version}; charset=utf-8${escaping}`,
        format,
        render: (snapshot, filter) => renderer.render(snapshot, filter),
      };
    }),
  };
}

/**
 * The only format with native histograms. It has to be asked for by its message and encoding too.
 */
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
    byNameOnly: false,
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
