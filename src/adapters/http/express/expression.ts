import type { Layer } from './types.ts';

/** The text that path-to-regexp 0.1 puts around a path which does not have to match to its end. */
const EXPRESSION = /^\^(.*?)(?:\\\/\?)?(?:\(\?=\\\/\|\$\)|\(\?:\\\/\|\$\))?$/s;

/**
 * Reads `/api/:tenant` off the expression that Express 4 made of it, or `/v1|/v2` where it was
 * given both. An expression that the application wrote itself is its own pattern.
 *
 * @param keys The names of its groups, in their order.
 */
export function patternOfExpression(
  expression: NonNullable<Layer['regexp']>,
  keys: NonNullable<Layer['keys']>,
): string {
  if (expression.fast_slash === true) return '/';
  const names = keys.map(({ name }) => name);
  const paths = expression.source.replace(/^\(\?:(\^.*)\)$/s, '$1').split('|^');
  const patterns = paths.map((path, i) => {
    const body = EXPRESSION.exec(i === 0 ? path : `^${path}`)?.[1];
    return body === undefined ? undefined : patternOfBody(body, names);
  });
  return patterns.includes(undefined) ? String(expression) : patterns.join('|');
}

/** @returns `undefined` for what path-to-regexp makes of no path. */
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

/** Returns where the group that opens at `start` has closed; -1 where it never does. */
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
