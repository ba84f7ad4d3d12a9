import { sampleNames, withSuffix } from '../snapshot/names.ts';
import type { Exemplar } from '../snapshot/exemplar.ts';
import { startOf, type FamilyDefinition, type FamilySnapshot, type Snapshot } from '../snapshot/snapshot.ts';
import { escapeQuoted } from './escape.ts';
import { FamilyLines, type KeptLines, type MakeLines } from './family-lines.ts';
import { fillSamples, sampleLines, type SampleLine } from './family-layout.ts';
import type { EscapingScheme } from './name-escaping.ts';
import { formatValue } from './numbers.ts';
import { exemplarText, printFamilyName, printLabelName } from './pieces.ts';
import type { TextDialect } from './text-dialect.ts';

/**
 * A chunk is handed over once it has this many characters: it stays below 64 KiB unless one series
 * alone is very long.
 */
const CHUNK_SIZE = 56 * 1024;

/**
 * Characters of a page that are kept for the next scrape: some 300,000 lines; what comes after is
 * made anew each time.
 */
const MAX_KEPT_SIZE = 32 * 1024 * 1024;

const NONE: readonly Exemplar[] = [];

/** What is kept of families for the next scrape, until nobody holds the family any more. */
export type KeptFamilies = WeakMap<FamilyDefinition, KeptLines>;

/**
 * Renders snapshots in one text format under one escaping scheme. Of each line all but the value is
 * kept for the next scrape, so that a page of 140,000 lines takes some 30 ms; the caller decides
 * when to go on after each chunk.
 */
export class TextRenderer {
  readonly #dialect: TextDialect;
  readonly #scheme: EscapingScheme;
  readonly #kept: KeptFamilies;

  /** `kept` may be shared with renderers that print `le` and `quantile` alike. */
  constructor(dialect: TextDialect, scheme: EscapingScheme, kept: KeptFamilies) {
    this.#dialect = dialect;
    this.#kept = kept;
    // Without quotation marks there is no way to write such a name as it is.
    this.#scheme = scheme === 'allow-utf-8' && !dialect.quotesNames ? 'underscores' : scheme;
  }

  /**
   * The page in chunks of some 60 KB; of the families that the filter names, by theirs or a
   * sample's name, alone.
   */
  *render(snapshot: Snapshot, filter?: ReadonlySet<string>): Generator<string, void, undefined> {
    let text = '';
    let room = MAX_KEPT_SIZE;
    const names = new Set(snapshot.families.map(({ definition }) => definition.name));
    for (const family of snapshot.families) {
      const definition = withSuffix(family.definition, names);
      if (filter?.size && !sampleNames(definition).some((name) => filter.has(name))) continue;
      text += this.#dialect.openFamily(definition, (suffix) => printFamilyName(definition, this.#scheme, suffix));
      const layout = sampleLines(definition, this.#dialect);
      const makeLines = this.#lineMaker(definition, layout);
      // Only what every scheme prints alike is kept, so that there is one copy of it.
      const keeps = this.#printsAsIs(definition);
      const kept = keeps ? this.#kept.get(definition) : undefined;
      const lines = new FamilyLines(family.series, layout.length, makeLines, kept);
      const samples = new Float64Array(layout.length);
      const hasCreated = layout.at(-1)!.suffix === '_created';
      const exemplars = this.#dialect.hasExemplars && !definition.exactName ? family.exemplars : undefined;
      for (let i = 0; i < family.series.length; i++) {
        const created = hasCreated ? startOf(family, i, snapshot.startTimestamp) : undefined;
        const extras = { created, exemplars: exemplars?.[i] ?? NONE };
        const series = renderSeries(family, i, lines, samples, extras);
        room -= series.length;
        lines.full = room < 0 || !keeps;
        text += series;
        if (text.length >= CHUNK_SIZE) {
          yield text;
          text = '';
        }
      }
      if (keeps) this.#kept.set(definition, lines.toKept());
      text += '\n';
      // Families of few series, or none, fill a chunk too.
      if (text.length >= CHUNK_SIZE) {
        yield text;
        text = '';
      }
    }
    text += this.#dialect.end;
    if (text !== '') yield text;
  }

  /**
   * What stands before and after the labels of a line; the whole line where the family has none.
   */
  #lineMaker(definition: FamilyDefinition, layout: readonly SampleLine[]): MakeLines {
    const labelNames = definition.labelNames.map((name) => printLabelName(name, this.#scheme));
    const frames = layout.map(({ suffix, label }) => {
      const name = printFamilyName(definition, this.#scheme, suffix);
      const own = label && `${printLabelName(label[0], this.#scheme)}="${escapeQuoted(label[1])}"`;
      // A quoted name stands inside the braces.
      const quoted = name.startsWith('"');
      if (labelNames.length > 0) {
        return [quoted ? `\n{${name},` : `\n${name}{`, own ? `,${own}} ` : '} '] as const;
      }
      const inside = [quoted && name, own].filter(Boolean).join(',');
      return [`\n${quoted ? '' : name}${inside && `{${inside}}`} `, ''] as const;
    });
    return (labels) => {
      const pairs = labels.map((value, i) => `${labelNames[i]}="${escapeQuoted(value)}"`).join(',');
      let text = '';
      for (const [before, after] of frames) text += before + pairs + after;
      // Pieces of one flat string: they take less memory than strings of their own, and less time
      // to make and to copy.
      let end = 0;
      return frames.map(([before, after]) => text.slice(end, (end += before.length + pairs.length + after.length)));
    };
  }

  #printsAsIs(definition: FamilyDefinition): boolean {
    return (
      printFamilyName(definition, this.#scheme, '') === definition.name &&
      definition.labelNames.every((label) => printLabelName(label, this.#scheme) === label)
    );
  }
}

/** What some formats tell beside a series' numbers. */
interface SeriesExtras {
  /** The value of the last line, where that says since when the series counts. */
  readonly created: number | undefined;
  readonly exemplars: readonly Exemplar[];
}

/** The lines of one series, each with the line feed before it. */
function renderSeries(
  family: FamilySnapshot,
  index: number,
  lines: FamilyLines,
  samples: Float64Array,
  { created, exemplars }: SeriesExtras,
): string {
  const start = lines.next();
  const texts = lines.lines;
  fillSamples(family, index, samples);
  if (created !== undefined) samples[samples.length - 1] = created;
  let text = '';
  let last = NaN;
  let lastText = 'NaN';
  // The line of a counter, and of each bucket, is at its exemplar's place.
  let next = 0;
  for (let i = 0; i < samples.length; i++) {
    const value = samples[i]!;
    // Neighbouring buckets often have the same count.
    if (value !== last) lastText = formatValue((last = value));
    text += texts[start + i]! + lastText;
    if (next < exemplars.length && exemplars[next]!.place === i) text += exemplarText(exemplars[next++]!);
  }
  return text;
}
