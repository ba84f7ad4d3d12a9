import type { LineReader } from './line-reader.ts';
import type { ScrapedPage, ScrapedSample } from './page.ts';

type Format = ScrapedPage['format'];

const METRIC_NAME = /[a-zA-Z_:][a-zA-Z0-9_:]*/y;
const LABEL_NAME = /[a-zA-Z_][a-zA-Z0-9_]*/y;
const NUMBER = /[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|inf(?:inity)?|nan)(?![^ \t])/iy;
/** Between the parts of a line. OpenMetrics has exactly one space. */
const BLANK: Readonly<Record<Format, RegExp>> = { text: /[ \t]+/y, openmetrics: / /y };
const MAX_EXEMPLAR_LENGTH = 128;

/** A sample's line, of text 0.0.4 and 1.0.0 or of OpenMetrics 1.0. */
export function parseSample(line: LineReader, format: Format): ScrapedSample {
  const blank = BLANK[format];
  const labels: Record<string, string> = {};
  if (format === 'text') line.skip(blank);
  let name = line.skip(METRIC_NAME);
  let gap = line.skip(blank);
  if (name === undefined || (line.sees('{') && (gap === undefined || format === 'text'))) {
    name = parseLabels(line, format, labels, name) ?? line.fail('expected a metric name');
    gap = line.skip(blank);
  }
  if (gap === undefined) line.fail('expected a space');
  const sample = { name, labels, ...parseNumbers(line, format) };
  const exemplar = format === 'openmetrics' ? parseExemplar(line) : undefined;
  if (format === 'text') line.skip(blank);
  if (!line.atEnd) line.fail('expected the end of the line');
  return exemplar ? { ...sample, exemplar } : sample;
}

/** The metric's name of a HELP, TYPE or UNIT line. */
export function parseMetricName(line: LineReader): string {
  return line.sees('"') ? line.takeQuoted('a metric name') : line.take(METRIC_NAME, 'a metric name');
}

/** The same number in the same letters, whatever the format: for `le` and `quantile`. */
export function toNumberText(text: string): string {
  const value = toNumber(text);
  return value === Infinity ? '+Inf' : value === -Infinity ? '-Inf' : String(value);
}

/** A number as Go writes it. */
function toNumber(text: string): number {
  const [, sign, letters] = /^([+-]?)(inf(?:inity)?|nan)?/i.exec(text)!;
  if (letters === undefined) return Number(text);
  return /nan/i.test(letters) ? NaN : sign === '-' ? -Infinity : Infinity;
}

/**
 * Fills `labels` from between braces; returns the metric's name, which stands there where it has to
 * be quoted.
 */
function parseLabels(
  line: LineReader,
  format: Format,
  labels: Record<string, string>,
  given: string | undefined,
): string | undefined {
  const isText = format === 'text';
  let name = given;
  let item = line.take(isText ? /\{[ \t]*/y : /\{/y, 'a metric name or {');
  while (line.skip(/\}/y) === undefined) {
    if (item === '') line.fail('expected , or }');
    const quoted = line.sees('"');
    const label = quoted ? line.takeQuoted('a name') : line.take(LABEL_NAME, 'a label name');
    if (line.skip(isText ? /[ \t]*=[ \t]*/y : /=/y) !== undefined) {
      if (Object.hasOwn(labels, label)) line.fail(`the label ${label} is there twice`);
      const value = line.takeQuoted('a label value');
      // A label may be called __proto__.
      Object.defineProperty(labels, label, { value, enumerable: true, writable: true, configurable: true });
    } else if (quoted && name === undefined) {
      name = label;
    } else {
      line.fail('expected =');
    }
    item = line.skip(isText ? /[ \t]*,[ \t]*|[ \t]+(?=\})/y : /,(?!\})/y) ?? '';
  }
  return name;
}

/** A value and, maybe, a timestamp: ms in text, seconds in OpenMetrics. */
function parseNumbers(line: LineReader, format: Format): Pick<ScrapedSample, 'value' | 'timestamp'> {
  const value = toNumber(line.take(NUMBER, 'a number'));
  if (format === 'text') {
    const ms = line.skip(/[ \t]+-?\d+(?![^ \t])/y);
    return ms === undefined ? { value } : { value, timestamp: Number(ms) / 1000 };
  }
  if (line.skip(/ (?=[^#])/y) === undefined) return { value };
  const timestamp = toNumber(line.take(NUMBER, 'a timestamp'));
  return Number.isFinite(timestamp) ? { value, timestamp } : line.fail('a timestamp must be finite');
}

function parseExemplar(line: LineReader): ScrapedSample['exemplar'] {
  if (line.skip(/ # (?=\{)/y) === undefined) return undefined;
  const labels: Record<string, string> = {};
  parseLabels(line, 'openmetrics', labels, '');
  if (Array.from(Object.entries(labels).flat().join('')).length > MAX_EXEMPLAR_LENGTH) {
    line.fail(`an exemplar's labels have at most ${MAX_EXEMPLAR_LENGTH} characters`);
  }
  line.take(BLANK.openmetrics, 'a space');
  return { labels, ...parseNumbers(line, 'openmetrics') };
}
