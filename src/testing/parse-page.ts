import { checkFamily, SUFFIXES } from './family-rules.ts';
import { LineReader, malformed } from './line-reader.ts';
import { seriesKey, toSeriesText, type ScrapedFamily, type ScrapedPage, type ScrapedSample } from './page.ts';
import { parseMetricName, parseSample, toNumberText } from './sample-line.ts';

const OPEN_METRICS_END = '# EOF\n';

/**
 * Parses a page of text 0.0.4 or 1.0.0, or of OpenMetrics 1.0 (which ends with `# EOF`). Strict:
 * everything that the formats forbid is an error, also where Prometheus would look away. Meant for
 * tests; some 2 µs a line.
 *
 * @throws MetricsError ERR_METRICS_MALFORMED_PAGE, with the line or the series and what is wrong
 *   with it.
 */
export function parsePage(text: string): ScrapedPage {
  const format = text.endsWith(OPEN_METRICS_END) ? 'openmetrics' : 'text';
  const body = format === 'openmetrics' ? text.slice(0, -OPEN_METRICS_END.length) : text;
  if (body !== '' && !body.endsWith('\n')) throw malformed('the last line must end with a line feed');
  const builder = new PageBuilder(format);
  for (const [i, line] of body.split('\n').slice(0, -1).entries()) builder.add(line, i + 1);
  return builder.finish();
}

/**
 * How lines begin that are about a family; all others with `#` are comments, which OpenMetrics does
 * not know.
 */
const METADATA: Readonly<Record<ScrapedPage['format'], RegExp>> = {
  text: /[ \t]*#[ \t]+(?:HELP|TYPE)[ \t]+/y,
  openmetrics: /# (?:HELP|TYPE|UNIT) /y,
};

/** What is known of a family while its lines come. */
interface OpenFamily {
  readonly name: string;
  type?: string;
  help?: string;
  unit?: string;
  readonly samples: ScrapedSample[];
}

class PageBuilder {
  readonly #format: ScrapedPage['format'];
  readonly #families: Map<string, ScrapedFamily> = new Map();
  /** Which family has which sample name. */
  readonly #owners: Map<string, string> = new Map();
  readonly #series: Set<string> = new Set();
  #open: OpenFamily | undefined;

  constructor(format: ScrapedPage['format']) {
    this.#format = format;
  }

  add(text: string, number: number): void {
    const line = new LineReader(text, number);
    const keyword = line.skip(METADATA[this.#format])?.match(/[A-Z]+/)?.[0];
    if (keyword !== undefined) this.#addMetadata(line, keyword.toLowerCase() as 'help' | 'type' | 'unit');
    else if (this.#format === 'openmetrics' || !/^[ \t]*(#|$)/.test(text)) this.#addSample(line);
  }

  finish(): ScrapedPage {
    this.#close();
    return { format: this.#format, families: this.#families };
  }

  #addMetadata(line: LineReader, keyword: 'help' | 'type' | 'unit'): void {
    const name = parseMetricName(line);
    // A family without help may end its line here.
    if (!line.atEnd) line.take(/[ \t]/y, 'a space');
    const rest = line.rest();
    const value = keyword === 'type' && this.#format === 'text' ? rest.trim() : rest;
    if (this.#open?.name !== name) this.#start(name, line);
    const family = this.#open!;
    if (family.samples.length > 0) line.fail(`${keyword.toUpperCase()} must come before the samples`);
    if (family[keyword] !== undefined) line.fail(`${name} has a second ${keyword.toUpperCase()}`);
    if (keyword === 'type' && !Object.hasOwn(SUFFIXES[this.#format], value)) line.fail(`${value} is no type`);
    family[keyword] = keyword === 'help' ? line.unescape(value, this.#format === 'text' ? '\\n' : '\\"n') : value;
  }

  #addSample(line: LineReader): void {
    const sample = withNumberLabels(parseSample(line, this.#format));
    if (!this.#open || !this.#suffixes(this.#open).some((suffix) => this.#open!.name + suffix === sample.name)) {
      this.#start(sample.name, line);
    }
    const family = this.#open!;
    const owner = this.#owners.get(sample.name) ?? family.name;
    if (owner !== family.name) line.fail(`${sample.name} belongs to ${owner}, whose lines must stand together`);
    this.#owners.set(sample.name, family.name);
    const series = seriesKey(sample.name, sample.labels);
    if (this.#series.has(series)) line.fail(`${toSeriesText(sample.name, sample.labels)} is there twice`);
    this.#series.add(series);
    family.samples.push(sample);
  }

  #suffixes(family: OpenFamily): readonly string[] {
    return family.type === undefined ? [''] : SUFFIXES[this.#format][family.type]!;
  }

  #start(name: string, line: LineReader): void {
    this.#close();
    if (this.#families.has(name)) line.fail(`${name} was there before: a family's lines must stand together`);
    this.#open = { name, samples: [] };
  }

  #close(): void {
    if (!this.#open) return;
    const { name, type = this.#format === 'text' ? 'untyped' : 'unknown', help = '', unit = '', samples } = this.#open;
    const family = { name, type, help, unit, samples };
    checkFamily(family, this.#format);
    this.#families.set(name, family);
  }
}

/** The same bound is written `1` in one format and `1.0` in another. */
function withNumberLabels(sample: ScrapedSample): ScrapedSample {
  const { le, quantile } = sample.labels;
  if (le === undefined && quantile === undefined) return sample;
  return {
    ...sample,
    labels: {
      ...sample.labels,
      ...(le !== undefined && { le: toNumberText(le) }),
      ...(quantile !== undefined && { quantile: toNumberText(quantile) }),
    },
  };
}
