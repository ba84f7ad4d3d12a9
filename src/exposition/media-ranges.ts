import { parseParameters, parseQuality, splitList, TOKEN } from './header-values.ts';

/** One entry of an Accept header (RFC 9110, section 12.5.1). */
export interface MediaRange {
  /** Lower case, as is `subtype`; `*` for any. */
  readonly type: string;
  readonly subtype: string;
  /** Names in lower case, values as they came; without `q`. */
  readonly parameters: ReadonlyMap<string, string>;
  /** 0 (not wanted) to 1. */
  readonly quality: number;
}

const RANGE = new RegExp(`^(${TOKEN})/(${TOKEN})\\s*((?:;.*)?)$`);

/** The entries of an Accept header, in their order; malformed ones are left out. */
export function parseAccept(header: string): MediaRange[] {
  return splitList(header).flatMap((entry) => parseRange(entry) ?? []);
}

function parseRange(entry: string): MediaRange | undefined {
  const [, type, subtype = '', rest = ''] = RANGE.exec(entry) ?? [];
  if (type === undefined || (type === '*' && subtype !== '*')) return undefined;
  const parameters = parseParameters(rest);
  const quality = parseQuality(parameters?.get('q'));
  if (parameters === undefined || quality === undefined) return undefined;
  parameters.delete('q');
  return { type: type.toLowerCase(), subtype: subtype.toLowerCase(), parameters, quality };
}
