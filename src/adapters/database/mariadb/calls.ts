import { NO_ROWS } from '../../../instrument/database/series.ts';
import type { DatabaseSession } from '../../../instrument/database/session.ts';
import { before } from '../../../instrument/hooks/wrap.ts';
import type { MariadbStream } from './types.ts';

/**
 * Follows a query that brings its rows one by one. It counts when it is sent, so that one which is
 * abandoned half-way counts as well.
 */
export function followStream(stream: MariadbStream, session: DatabaseSession, sql: string): void {
  const start = performance.now();
  const verb = session.started(sql);
  let rows = 0;
  let done = false;
  const end = (error: unknown): void => {
    if (done) return;
    done = true;
    session.ended(verb, (performance.now() - start) / 1000, rows, error || undefined);
  };
  before(stream, 'push', (row) => {
    if (row === null) end(undefined);
    else rows++;
  });
  // To listen for errors would keep them from being thrown where nobody else does.
  before(stream, 'emit', (name, error) => {
    if (name === 'error') end(error ?? 'unknown');
    else if (name === 'close') end(undefined);
  });
}

/** The text of a query as mariadb takes it: by itself, or in an object. */
export function textOf(query: unknown): string {
  if (typeof query === 'string') return query;
  const text = (query as { sql?: unknown } | null | undefined)?.sql;
  return typeof text === 'string' ? text : '';
}

/**
 * How many rows a call returned: a list that knows its columns, a list of such, or rows and columns
 * side by side.
 */
export function rowsOf(result: unknown, meta: unknown): number {
  if (!Array.isArray(result)) return NO_ROWS;
  if ('meta' in result) return result.length;
  if (Array.isArray(meta)) return sideBySide(result, meta);
  const [first, second] = result as unknown[];
  const apart = result.length === 2 && Array.isArray(second) && Array.isArray(first) && !('meta' in first);
  if (apart) return sideBySide(first, second);
  return sum(result.filter((each) => Array.isArray(each)));
}

function sideBySide(rows: readonly unknown[], meta: readonly unknown[]): number {
  const several = meta[0] === null || Array.isArray(meta[0]);
  return several ? sum(rows.filter((each) => Array.isArray(each))) : rows.length;
}

function sum(lists: readonly (readonly unknown[])[]): number {
  return lists.length > 0 ? lists.reduce((total, { length }) => total + length, 0) : NO_ROWS;
}
