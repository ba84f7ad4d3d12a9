/** One entry of an Accept header (RFC 9110, section 12.5.1). */
export interface MediaRange {
  /** Lower case; `*` for any. */
  readonly type: string;
  readonly subtype: string;
  /** Names in lower case, values as they came; without `q`. */
  readonly parameters: ReadonlyMap<string, string>;
  /** 0 (not wanted) to 1. */
  readonly quality: number;
}

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const QUOTED = '"(?:[^"\\\\]|\\\\.)*"';
const ENTRY = /(?:[^,"]|"(?:[^"\\]|\\.)*"?)+/g;
const RANGE = new RegExp(`^(${TOKEN})/(${TOKEN})\\s*((?:;.*)?)$`);
const PARAMETER = new RegExp(`\\s*;\\s*(?:(${TOKEN})=(${TOKEN}|${QUOTED}))?\\s*`, 'y');

/** Splits a list of a header at its commas, those inside quoted strings apart. */
export function splitList(header: string): string[] {
  return (header.match(ENTRY) ?? []).map((entry) => entry.trim());
}

/** The entries of an Accept header, in their order; malformed ones are left out. */
export function parseAccept(header: string): MediaRange[] {
  return splitList(header).flatMap((entry) => parseRange(entry) ?? []);
}

function parseRange(entry: string): MediaRange | undefined {
  const [, type, subtype, rest] = RANGE.exec(entry) ?? [];
  if (type === undefined || (type === '*' && subtype !== '*')) return undefined;
  const parameters = parseParameters(rest!);
  const quality = parseQuality(parameters?.get('q'));
  if (parameters === undefined || quality === undefined) return undefined;
  parameters.delete('q');
  return { type: type.toLowerCase(), subtype: subtype!.toLowerCase(), parameters, quality };
}

/** The parameters of `;a=b;c="d"`; undefined when it is malformed. Names are in lower case; of two alike the first counts. */
export function parseParameters(text: string): Map<string, string> | undefined {
  const parameters = new Map<string, string>();
  PARAMETER.lastIndex = 0;
  while (PARAMETER.lastIndex < text.length) {
    const match = PARAMETER.exec(text);
    if (match === null) return undefined;
    const [, name, value] = match;
    if (name === undefined || parameters.has(name.toLowerCase())) continue;
    parameters.set(name.toLowerCase(), value!.startsWith('"') ? value!.slice(1, -1).replace(/\\(.)/g, '$1') : value!);
  }
  return parameters;
}

/** A quality value: 1 where none is given, undefined where it is none. More than three decimals are let pass. */
export function parseQuality(text: string | undefined): number | undefined {
  if (text === undefined) return 1;
  return /^(0(\.\d*)?|1(\.0*)?)$/.test(text) ? Number(text) : undefined;
}
