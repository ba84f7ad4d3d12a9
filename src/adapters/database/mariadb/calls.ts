import { NO_ROWS } from '../../../instrument/database/series.ts';
import type { Statement } from '../../../instrument/sql/statement.ts';
import { before } from '../../../instrument/hooks/wrap.ts';
import type { MariadbExecutions } from './executions.ts';
import type { MariadbStream } from './types.ts';

/**
 * Follows a query that brings its rows one by one. It counts when it is answered, so that one that
 * is abandoned half-way counts as well.
 *
 * @param isOpen Returns false once the connection is closed: a stream just ends then.
 */
export function followStream(
  stream: MariadbStream,
  executions: MariadbExecutions,
  sql: string,
  isOpen: () => boolean = () => true,
): void {
  const start = performance.now();
  const { session } = executions;
  let statement: Statement | undefined;
  let rows = 0;
  let done = false;
  const begin = (): Statement => (statement ??= session.started(sql));
  const count = (error?: unknown): void => session.ended(begin(), (performance.now() - start) / 1000, rows, error);
  const end = (error: unknown): void => {
    if (done) return;
    done = true;
    if (error) executions.failed(error, () => count(error));
    else if (statement === undefined && !isOpen()) session.notSent('closed');
    else executions.succeeded(count);
  };
  before(stream, 'push', (row) => {
    if (row === null) return end(undefined);
    begin();
    rows++;
  });
  // To listen for errors would keep them from being thrown where nobody else does.
  before(stream, 'emit', (name, error) => {
    if (name === 'fields') begin();
    else if (name === 'error') end(error ?? 'unknown');
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
