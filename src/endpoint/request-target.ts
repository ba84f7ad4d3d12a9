/** The parts of a request target. Parsing accepts everything, so that no request can throw. */
export interface RequestTarget {
  readonly path: string;
  /** Without its question mark; `''` for none. */
  readonly query: string;
}

/**
 * Splits `/path?query`, absolute URLs (`http://host/path`) and anything else (`*`, `//`,
 * `http://`).
 */
export function requestTarget(url: string): RequestTarget {
  const relative = url.replace(/^https?:\/\/[^/?#]*/i, '').split('#', 1)[0]!;
  const mark = relative.indexOf('?');
  return mark === -1
    ? { path: relative, query: '' }
    : { path: relative.slice(0, mark), query: relative.slice(mark + 1) };
}

/** True if the path of the target is `path`, with or without a trailing slash. */
export function isAt(url: string, path: string): boolean {
  // Hot path: cheap substring test first.
  if (!url.includes(path)) return false;
  const target = requestTarget(url).path;
  return target === path || (path !== '/' && target === `${path}/`);
}

/** Returns the families that `name[]=` asks for; `undefined` for all. */
export function requestedNames(url: string): ReadonlySet<string> | undefined {
  const names = new URLSearchParams(requestTarget(url).query).getAll('name[]');
  return names.length === 0 ? undefined : new Set(names);
}
