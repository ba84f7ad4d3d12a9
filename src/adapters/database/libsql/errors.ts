import { hasBadArguments, type LibsqlStatement } from './statements.ts';

/** A value that does not fit a number: the statement was executed, and has brought it. */
const READING = /^Received integer/;

/**
 * Why a call was never executed; undefined if it was. The client refuses arguments with errors of
 * JavaScript's that have no code; `fetch` fails with such errors too, but names a cause.
 */
export function notSent(error: unknown): 'closed' | 'invalid' | undefined {
  const { code, cause } = (error ?? {}) as { readonly code?: unknown; readonly cause?: unknown };
  if (code === 'CLIENT_CLOSED' || code === 'TRANSACTION_CLOSED') return 'closed';
  const isPlain = error instanceof TypeError || error instanceof RangeError;
  return isPlain && code === undefined && cause === undefined && !READING.test(error.message) ? 'invalid' : undefined;
}

/**
 * Returns how many statements of a batch that failed were executed, the failing one included.
 *
 * @param type Why something of it was not sent, if it was not.
 * @param isFile True if each statement's arguments are checked when it is its turn.
 */
export function unsentFrom(
  statements: readonly LibsqlStatement[],
  error: unknown,
  type: 'closed' | 'invalid' | undefined,
  isFile: boolean,
): number {
  const { statementIndex: index } = (error ?? {}) as { readonly statementIndex?: unknown };
  if (type === undefined) return typeof index === 'number' ? index + 1 : statements.length;
  if (typeof index === 'number') return index;
  if (type === 'closed' || !isFile) return 0;
  return Math.max(0, statements.findIndex(hasBadArguments));
}
