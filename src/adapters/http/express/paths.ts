import type { Layer, RouterPath } from './types.ts';

/** A path as a label: bounded, because the program wrote it. */
export function toPattern(path: RouterPath | undefined): string {
  if (typeof path === 'string') return path;
  if (Array.isArray(path)) return path.map((part) => toPattern(part as RouterPath)).join('|');
  return String(path ?? '/');
}

/** The pattern of what is mounted at, or routed by, `pattern` below `base`. */
export function joinPatterns(base: string, pattern: string): string {
  if (pattern === '/' || pattern === '') return base;
  return (
    base +
    (pattern.startsWith('/') || base === '' ? '' : '/') +
    (pattern.endsWith('/') ? pattern.slice(0, -1) : pattern)
  );
}

/**
 * The patterns that mounted layers were seen to have: never more than they were given, so that a
 * path can't become one.
 */
const mountPatterns: WeakMap<Layer, string[]> = new WeakMap();

/**
 * The pattern of a mounted layer in routers that forget the path which they were given: Express 4
 * keeps the expression that it made of it, routers before 2.3 what it matched.
 */
export function mountPatternOf(layer: Layer): string {
  const known = mountPatterns.get(layer) ?? [];
  if (layer.regexp !== undefined && known.length > 0) return known[0]!;
  const pattern =
    layer.regexp === undefined ? patternOfMatch(layer) : patternOfExpression(layer.regexp, layer.keys ?? []);
  if (known.includes(pattern)) return pattern;
  if (known.length >= (layer.matchers?.length ?? 1)) return known[0]!;
  mountPatterns.set(layer, [...known, pattern]);
  return pattern;
}

/**
 * Reads `/api/:tenant` off a match: `/api/acme` with `{ tenant: 'acme' }`. From the right, where
 * parameters mostly are.
 */
function patternOfMatch({ path = '', params = {} }: Layer): string {
  const names = Object.entries(params).toReversed();
  const segments = path.split('/').toReversed();
  const pattern = segments.map((segment) => {
    const at = names.findIndex(([, value]) => value === decoded(segment));
    return at < 0 ? segment : `:${names.splice(at, 1)[0]![0]}`;
  });
  return pattern.toReversed().join('/') || '/';
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/** What path-to-regexp 0.1 puts around a path that does not have to match to its end. */
const EXPRESSION = /^\^(.*?)(?:\\\/\?)?(?:\(\?=\\\/\|\$\)|\(\?:\\\/\|\$\))?$/s;

/**
 * Reads `/api/:tenant` off the expression that Express 4 made of it, or `/v1|/v2` where it was
 * given both. An expression that the application wrote itself is its own pattern.
 *
 * @param keys the names of its groups, in their order
 */
function patternOfExpression(expression: NonNullable<Layer['regexp']>, keys: NonNullable<Layer['keys']>): string {
  if (expression.fast_slash === true) return '/';
  const names = keys.map(({ name }) => name);
  const paths = expression.source.replace(/^\(\?:(\^.*)\)$/s, '$1').split('|^');
  const patterns = paths.map((path, i) => {
    const body = EXPRESSION.exec(i === 0 ? path : `^${path}`)?.[1];
    return body === undefined ? undefined : patternOfBody(body, names);
  });
  return patterns.includes(undefined) ? String(expression) : patterns.join('|');
}

/** @returns `undefined` for what no path becomes. */
function patternOfBody(body: string, names: (string | number)[]): string | undefined {
  let pattern = '';
  for (let i = 0; i < body.length; i++) {
    const char = body[i]!;
    if (char === '(') {
      const end = groupEnd(body, i);
      if (end < 0) return undefined;
      const slash = /^\(\?:(?:\\\/|\/)/.test(body.slice(i, end)) ? '/' : '';
      const name = names.shift();
      const optional = body[end] === '?';
      pattern += (typeof name === 'string' ? `${slash}:${name}` : `${slash}*`) + (optional ? '?' : '');
      i = optional ? end : end - 1;
    } else if (char === '\\') {
      pattern += body[++i] ?? '';
    } else if ('[]|^$+*{}'.includes(char)) {
      return undefined;
    } else {
      pattern += char;
    }
  }
  return pattern === '' ? '/' : pattern;
}

/** Where the group that opens at `start` has closed; -1 where it never does. */
function groupEnd(source: string, start: number): number {
  let depth = 0;
  let inClass = false;
  for (let i = start; i < source.length; i++) {
    const char = source[i];
    if (char === '\\') i++;
    else if (char === '[') inClass = true;
    else if (char === ']') inClass = false;
    else if (!inClass && char === '(') depth++;
    else if (!inClass && char === ')' && --depth === 0) return i + 1;
  }
  return -1;
}
