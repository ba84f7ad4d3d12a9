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
