/** A request target taken apart without judging it, so that nothing a client sends can throw. */
export interface RequestTarget {
  readonly path: string;
  /** Without its question mark; `''` for none. */
  readonly query: string;
}

/**
 * Takes apart `/path?query`, absolute URLs (`http://host/path`), and whatever else arrives (`*`,
 * `//`, `http://`).
 */
export function requestTarget(url: string): RequestTarget {
  const relative = url.replace(/^https?:\/\/[^/?#]*/i, '').split('#', 1)[0]!;
  const mark = relative.indexOf('?');
  return mark === -1
    ? { path: relative, query: '' }
    : { path: relative.slice(0, mark), query: relative.slice(mark + 1) };
}

/** Whether the target's path is `path`, with or without a trailing slash. */
export function isAt(url: string, path: string): boolean {
  // Every request of an application may be asked, so what most are not is found out the cheap way.
  if (!url.includes(path)) return false;
  const target = requestTarget(url).path;
  return target === path || (path !== '/' && target === `${path}/`);
}

/** The families that `name[]=` asks for; `undefined` for all. */
export function requestedNames(url: string): ReadonlySet<string> | undefined {
  const names = new URLSearchParams(requestTarget(url).query).getAll('name[]');
  return names.length === 0 ? undefined : new Set(names);
}
