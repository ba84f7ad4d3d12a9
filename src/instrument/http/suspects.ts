import type { IncomingMessage } from 'node:http';

/** The paths of pages in this process, and how many serve each. */
const pages: Map<string, number> = new Map();

/** Those of `pages`, for each request to be compared with. */
let paths: readonly string[] = [];

/**
 * Has requests to a path suspected to be scrapes, whose middlewares are counted only once it is
 * known that they are none.
 *
 * @returns What ends it; idempotent.
 */
export function suspectScrapesAt(path: string): () => void {
  change(path, 1);
  let ended = false;
  return () => {
    if (ended) return;
    ended = true;
    change(path, -1);
  };
}

/** True if a request may turn out to be a scrape. */
export function isSuspect({ url = '' }: IncomingMessage): boolean {
  for (const path of paths) if (url.includes(path)) return true;
  return false;
}

function change(path: string, by: number): void {
  const users = (pages.get(path) ?? 0) + by;
  if (users === 0) pages.delete(path);
  else pages.set(path, users);
  paths = [...pages.keys()];
}
