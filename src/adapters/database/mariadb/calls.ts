import { NO_ROWS } from '../../../instrument/database/series.ts';

/** Returns the text of a query: mariadb takes it by itself, or in an object. */
export function textOf(query: unknown): string {
  if (typeof query === 'string') return query;
  const text = (query as { sql?: unknown } | null | undefined)?.sql;
  return typeof text === 'string' ? text : '';
}

/**
 * Returns how many rows a call returned: its result is a list that knows its columns, a list of
 * such, or rows and columns side by side.
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
