import type { RouterPath } from './types.ts';

/** Returns a path as a label: as the program wrote it, so it is bounded. */
export function toPattern(path: RouterPath | undefined): string {
  if (typeof path === 'string') return path;
  if (Array.isArray(path)) return path.map((part) => toPattern(part as RouterPath)).join('|');
  return String(path ?? '/');
}

/**
 * Joins the pattern of a mount or route to that of what it stands in. The slash that a route ends
 * with stays: under strict routing `/a` and `/a/` are two routes.
 */
export function joinPatterns(base: string, pattern: string): string {
  if (pattern === '/' || pattern === '') return base;
  const joined = base === '' || pattern.startsWith('/') || pattern.startsWith('{/');
  return joined ? base + pattern : `${base}/${pattern}`;
}

/** Returns the base for what is mounted at a path: `/api` for `/api/`, nothing for `/`. */
export function toBase(base: string, path: RouterPath | undefined): string {
  const pattern = toPattern(path);
  return joinPatterns(base, typeof path === 'string' ? pattern.replace(/\/+$/, '') : pattern);
}

/** Returns the path of a URL as a client sends it: without the query, and without the host. */
export function pathOf(url: string): string {
  const path = url.split(/[?#]/, 1)[0]!;
  return path.startsWith('/') ? path : path.replace(/^[a-z][a-z\d+.-]*:\/\/[^/]*/i, '') || '/';
}
