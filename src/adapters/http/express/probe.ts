import type { Matcher } from './types.ts';

/** A value that no path has by accident, of letters, which every parameter takes. */
const STRANGE = 'zqxjkvbq';

/** Longer paths are not looked into: the number of trials grows with them. */
const LONGEST = 256;

/** A parameter, and where in the path its value stands. */
interface Found {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/**
 * Finds out which pattern a matcher stands for, from a path that it matches: `/:tenant/admin` from
 * `/acme/admin`, and from `/admin/admin` too. The matcher is tried with other values in the places
 * of the parameters and with other letters everywhere else, so no piece of the path gets into the
 * pattern that the program did not write. Costs as many matches as the path is long.
 *
 * @returns `undefined` where it can't be told, as for a regular expression.
 */
export function patternBehind(matcher: Matcher, path: string): string | undefined {
  if (path.length > LONGEST) return undefined;
  const match = tried(matcher, path);
  if (match === undefined) return undefined;
  const found: Found[] = [];
  for (const [name, value] of Object.entries(match.params)) {
    const place = /^\d/.test(name) ? undefined : placeOf(name, value, { matcher, path, params: match.params });
    if (place === undefined) return undefined;
    found.push(place);
  }
  found.sort((a, b) => a.start - b.start);
  let pattern = '';
  let from = 0;
  for (const { start, end, text } of found) {
    if (!isLiteral(matcher, path, from, start)) return undefined;
    pattern += path.slice(from, start) + text;
    from = end;
  }
  if (!isLiteral(matcher, path, from, path.length)) return undefined;
  return pattern + path.slice(from);
}

/** What a matcher has been found to match. */
interface Example {
  readonly matcher: Matcher;
  readonly path: string;
  readonly params: Readonly<Record<string, unknown>>;
}

function placeOf(name: string, value: unknown, { matcher, path, params }: Example): Found | undefined {
  const isWildcard = Array.isArray(value);
  const strange = isWildcard ? [STRANGE] : STRANGE;
  const expected = JSON.stringify({ ...params, [name]: strange });
  for (const [start, end] of occurrences(path, isWildcard ? value.map(String) : [String(value)])) {
    const other = path.slice(0, start) + STRANGE + path.slice(end);
    const match = tried(matcher, other);
    if (match !== undefined && JSON.stringify(match.params) === expected) {
      return { start, end, text: (isWildcard ? '*' : ':') + name };
    }
  }
  return undefined;
}

/** Yields where values stand in a path, one behind each slash, encoded or not. */
function* occurrences(path: string, values: readonly string[]): Generator<[number, number]> {
  for (let start = 0; start < path.length; start++) {
    for (let end = start + 1; end <= path.length; end++) {
      const parts = path.slice(start, end).split('/');
      if (parts.length > values.length) break;
      if (parts.length === values.length && parts.every((part, i) => decoded(part) === values[i])) yield [start, end];
    }
  }
}

function decoded(text: string): string | undefined {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** True if no other letter or digit may stand in the place of any between the two. */
function isLiteral(matcher: Matcher, path: string, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    const other = otherCharacter(path[i]!);
    if (other === undefined) continue;
    if (tried(matcher, path.slice(0, i) + other + path.slice(i + 1)) !== undefined) return false;
  }
  return true;
}

function otherCharacter(char: string): string | undefined {
  if (/[a-z]/i.test(char)) return char.toLowerCase() === 'z' ? 'a' : String.fromCharCode(char.charCodeAt(0) + 1);
  if (/\d/.test(char)) return char === '9' ? '0' : String(Number(char) + 1);
  return undefined;
}

/** A match of the whole path. */
function tried(matcher: Matcher, path: string): Exclude<ReturnType<Matcher>, false> | undefined {
  try {
    const match = matcher(path);
    return match === false || match.path !== path ? undefined : match;
  } catch {
    return undefined;
  }
}
