/** The grammar that Accept and Accept-Encoding share (RFC 9110, sections 5.6 and 12.4.2). */

/** A token, as a pattern's source. */
export const TOKEN: string = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";

const ENTRY = /(?:[^,"]|"(?:[^"\\]|\\.)*"?)+/g;
const PARAMETER = new RegExp(`\\s*;\\s*(?:(${TOKEN})=(${TOKEN}|"(?:[^"\\\\]|\\\\.)*"))?\\s*`, 'y');

/** The entries of a list, split at the commas outside quoted strings. */
export function splitList(header: string): string[] {
  return (header.match(ENTRY) ?? []).map((entry) => entry.trim());
}

/**
 * The parameters of `;a=b;c="d"`, names in lower case, of two alike the first; undefined when the
 * text is malformed.
 */
export function parseParameters(text: string): Map<string, string> | undefined {
  const parameters = new Map<string, string>();
  PARAMETER.lastIndex = 0;
  while (PARAMETER.lastIndex < text.length) {
    const match = PARAMETER.exec(text);
    if (match === null) return undefined;
    const [, name, value = ''] = match;
    if (name === undefined || parameters.has(name.toLowerCase())) continue;
    parameters.set(name.toLowerCase(), value.startsWith('"') ? value.slice(1, -1).replace(/\\(.)/g, '$1') : value);
  }
  return parameters;
}

/**
 * A quality: 1 where none is given, undefined for what is none. More decimals than the three
 * allowed are let pass.
 */
export function parseQuality(text: string | undefined): number | undefined {
  if (text === undefined) return 1;
  return /^(0(\.\d*)?|1(\.0*)?)$/.test(text) ? Number(text) : undefined;
}
