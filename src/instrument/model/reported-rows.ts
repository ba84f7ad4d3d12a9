/** A driver's header, or a result with the fields of one. */
interface Header {
  readonly rowCount?: number | null;
  readonly affectedRows?: number;
  readonly rowsAffected?: number;
  readonly changes?: number;
  readonly meta?: { readonly changes?: number };
}

/**
 * Returns the number of rows that a statement wrote, from a driver's answer. Drivers report it as
 * `rowCount`, `affectedRows`, `rowsAffected`, `changes` or `meta.changes`, as `count` on an array
 * of rows, as a header in front of fields, or only by the rows of `returning`. Undefined if the
 * answer does not tell, or is one to several statements.
 */
export function reportedRows(answer: unknown): number | undefined {
  if (typeof answer !== 'object' || answer === null) return undefined;
  if (!Array.isArray(answer)) return ofHeader(answer);
  const { count, length } = answer as { count?: unknown; length: number };
  if (typeof count === 'number') return count;
  const [first, second] = answer as unknown[];
  // A pair: a header without fields, or rows with their fields.
  if (length === 2 && second === undefined && typeof first === 'object' && first !== null) return ofHeader(first);
  if (Array.isArray(first)) return length === 2 && Array.isArray(second) && isFields(second) ? first.length : undefined;
  // One result for each of several statements.
  if (Array.isArray((first as { rows?: unknown } | undefined)?.rows)) return undefined;
  return length;
}

function ofHeader({ rowCount, affectedRows, rowsAffected, changes, meta }: Header): number | undefined {
  return [rowCount, affectedRows, rowsAffected, changes, meta?.changes].find((value) => typeof value === 'number');
}

/**
 * Returns how many rows an INSERT or a REPLACE was given, from the text in a MySQL header:
 * "Records: 3 Duplicates: 1". Undefined for other answers; some drivers drop the text.
 */
export function givenRows(answer: unknown): number | undefined {
  const header: unknown = Array.isArray(answer) ? answer[0] : answer;
  const { info } = (header ?? {}) as { readonly info?: unknown };
  const records = typeof info === 'string' ? /^Records: (\d+)/.exec(info)?.[1] : undefined;
  return records === undefined ? undefined : Number(records);
}

/** True for the second half of a pair of rows and their fields. */
function isFields(second: readonly unknown[]): boolean {
  return second.every((field) => typeof (field as { name?: unknown } | null)?.name === 'string');
}
