import type { Exposition } from './exposition.ts';
import { FORMATS, FORMATS_WITH_CREATED, type Format } from './formats.ts';
import { parseAccept, type MediaRange } from './media-ranges.ts';
import type { EscapingScheme } from './name-escaping.ts';

/** What one entry of the header says about one format. */
interface Match {
  readonly format: Format;
  readonly range: MediaRange;
  /** 0 for any type, 1 for any subtype, 2 for the type, and one more a parameter. */
  readonly specificity: number;
}

const SCHEMES: ReadonlySet<string> = new Set<EscapingScheme>(['allow-utf-8', 'underscores', 'dots', 'values']);

/** What the endpoint decides about its pages. */
export interface NegotiateOptions {
  /** Whether OpenMetrics 1.0 says with `_created` since when a series counts. @default false */
  readonly createdSamples?: boolean | undefined;
}

/**
 * The exposition that serves an Accept header best (RFC 9110, section 12.5.1): of the formats, each
 * with the quality of the most specific entry that names it, the one of the highest; among equals
 * one asked for by type before one covered by `*`, then the earlier one. Never a refusal: where
 * nothing fits, and where all fit alike, text 0.0.4, which every scraper reads.
 */
export function negotiate(accept: string | undefined, { createdSamples = false }: NegotiateOptions = {}): Exposition {
  const formats = createdSamples ? FORMATS_WITH_CREATED : FORMATS;
  const ranges = parseAccept(accept ?? '');
  let best: Match | undefined;
  for (const format of formats) {
    const match = mostSpecific(format, ranges);
    if (match === undefined || match.range.quality === 0) continue;
    if (best === undefined || compare(match, best, ranges) > 0) best = match;
  }
  return (best?.format ?? formats[0]!).exposition(schemeOf(best?.range));
}

function mostSpecific(format: Format, ranges: readonly MediaRange[]): Match | undefined {
  let best: Match | undefined;
  for (const range of ranges) {
    const specificity = specificityOf(range, format);
    if (specificity > (best?.specificity ?? -1)) best = { format, range, specificity };
  }
  return best;
}

/**
 * Positive where `a` is to be preferred. How many parameters an entry has only matters within a
 * format; formats that one entry names alike stay in the order of the table.
 */
function compare(a: Match, b: Match, ranges: readonly MediaRange[]): number {
  return (
    a.range.quality - b.range.quality ||
    Math.min(a.specificity, 2) - Math.min(b.specificity, 2) ||
    ranges.indexOf(b.range) - ranges.indexOf(a.range)
  );
}

/** How exactly an entry names a format, -1 if it doesn't. */
function specificityOf(range: MediaRange, format: Format): number {
  if (range.subtype === '*' && format.byNameOnly) return -1;
  if (range.type === '*') return 0;
  if (range.type !== format.type) return -1;
  if (range.subtype === '*') return 1;
  if (range.subtype !== format.subtype) return -1;
  for (const [name, value] of new Map([...format.defaults, ...range.parameters])) {
    if (name !== 'escaping' && value.toLowerCase() !== format.parameters.get(name)) return -1;
  }
  return 2 + range.parameters.size;
}

function schemeOf(range: MediaRange | undefined): EscapingScheme | undefined {
  const scheme = range?.parameters.get('escaping');
  return scheme !== undefined && SCHEMES.has(scheme) ? (scheme as EscapingScheme) : undefined;
}
