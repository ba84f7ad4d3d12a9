import { NO_ROWS } from '../../../instrument/database/series.ts';

/** A text, or one with its arguments in either form. */
export type LibsqlStatement =
  | string
  | { readonly sql?: unknown; readonly args?: unknown }
  | readonly [unknown, ...unknown[]];

/** Returns the text of a statement; empty if it has none. */
export function sqlOf(statement: LibsqlStatement): string {
  const sql = typeof statement === 'string' ? statement : Array.isArray(statement) ? statement[0] : undefined;
  if (typeof sql === 'string') return sql;
  const text = (statement as { readonly sql?: unknown } | null)?.sql;
  return typeof text === 'string' ? text : '';
}

/** Returns how many rows a result has. A statement that returns none by its kind has no columns. */
export function rowsOf(result: unknown): number {
  const { columns, rows } = (result ?? {}) as {
    readonly columns?: readonly unknown[];
    readonly rows?: readonly unknown[];
  };
  return columns?.length ? (rows?.length ?? 0) : NO_ROWS;
}

/** True if a statement has an argument that the client refuses. */
export function hasBadArguments(statement: LibsqlStatement): boolean {
  if (typeof statement === 'string') return false;
  const args: unknown = Array.isArray(statement) ? statement[1] : (statement as { readonly args?: unknown }).args;
  if (typeof args !== 'object' || args === null) return false;
  return Object.values(args).some(
    (value) =>
      value === undefined ||
      (typeof value === 'number' && !Number.isFinite(value)) ||
      (typeof value === 'bigint' && BigInt.asIntN(64, value) !== value),
  );
}
