/** A header, or what has one's fields, of any driver. */
interface Header {
  readonly rowCount?: number | null;
  readonly affectedRows?: number;
  readonly rowsAffected?: number;
  readonly changes?: number;
  readonly meta?: { readonly changes?: number };
}

/**
 * How many rows a driver's answer to a statement that writes says were written: pg, PGlite and Neon
 * (`rowCount`, `affectedRows`), postgres.js (`count`), mysql2 and mysql (a header and fields),
 * better-sqlite3 (`changes`), libsql (`rowsAffected`), D1 (`meta.changes`), or the rows of
 * `returning`. Undefined where it does not tell, or answers several statements.
 */
export function reportedRows(answer: unknown): number | undefined {
  if (typeof answer !== 'object' || answer === null) return undefined;
  if (!Array.isArray(answer)) return ofHeader(answer);
  const { count, length } = answer as { count?: unknown; length: number };
  if (typeof count === 'number') return count;
  const [first, second] = answer as unknown[];
  // mysql2: a header without fields, or rows with them.
  if (length === 2 && second === undefined && typeof first === 'object' && first !== null) return ofHeader(first);
  if (Array.isArray(first)) return length === 2 && Array.isArray(second) && isFields(second) ? first.length : undefined;
  // pg: one result a statement.
  if (Array.isArray((first as { rows?: unknown } | undefined)?.rows)) return undefined;
  return length;
}

function ofHeader({ rowCount, affectedRows, rowsAffected, changes, meta }: Header): number | undefined {
  return [rowCount, affectedRows, rowsAffected, changes, meta?.changes].find((value) => typeof value === 'number');
}

/**
 * How many rows an INSERT or a REPLACE was given, from a header of mysql2 or mysql: "Records: 3
 * Duplicates: 1". Undefined for other answers; MariaDB's own driver does not tell.
 */
export function givenRows(answer: unknown): number | undefined {
  const header: unknown = Array.isArray(answer) ? answer[0] : answer;
  const { info } = (header ?? {}) as { readonly info?: unknown };
  const records = typeof info === 'string' ? /^Records: (\d+)/.exec(info)?.[1] : undefined;
  return records === undefined ? undefined : Number(records);
}

/** Fields of mysql2, beside the rows that they are of. */
function isFields(second: readonly unknown[]): boolean {
  return second.every((field) => typeof (field as { name?: unknown } | null)?.name === 'string');
}
