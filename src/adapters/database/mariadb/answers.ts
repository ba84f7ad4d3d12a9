import { mayHoldSeveral } from '../../../instrument/sql/statement.ts';

/** The driver's record of a connection: it writes the status that comes with each answer. */
export interface MariadbInfo {
  status?: unknown;
}

/** In a status: another answer to the same text follows. */
const MORE_RESULTS = 8;

/** A CALL has any number of answers. */
const CALL = /\bcall\b/i;

/**
 * Counts the statements of a text that were answered before one failed, which neither the error nor
 * the callback tells: each answer writes the connection's status, and tells there whether another
 * one follows. Statuses are watched only while a text of several statements is on its way.
 *
 * @returns a function that ends it, to be called with the error; it returns how many were answered.
 *   Undefined for a text of one statement.
 */
export function countAnswers(
  info: MariadbInfo | null | undefined,
  sql: string,
): ((error: unknown) => number) | undefined {
  if (!info || !mayHoldSeveral(sql) || CALL.test(sql)) return undefined;
  const descriptor = Object.getOwnPropertyDescriptor(info, 'status');
  // Another text is watched: the driver answers one after the other, but has sent both.
  if (!descriptor?.configurable || !('value' in descriptor)) return undefined;
  let status: unknown = descriptor.value;
  let answered = 0;
  Object.defineProperty(info, 'status', {
    configurable: true,
    enumerable: true,
    get: () => status,
    set: (value: unknown) => {
      status = value;
      answered = typeof value === 'number' && (value & MORE_RESULTS) !== 0 ? answered + 1 : 0;
    },
  });
  return (error) => {
    Object.defineProperty(info, 'status', { ...descriptor, value: status });
    // An error of the server writes the status too, with the flags of the answer before.
    return isOfServer(error) ? Math.max(0, answered - 1) : answered;
  };
}

/** True for an error that the server has sent: it has a number of the server's. */
export function isOfServer(error: unknown): boolean {
  const { errno } = (error ?? {}) as { readonly errno?: unknown };
  return typeof errno === 'number' && errno > 0 && (errno < FIRST_OF_DRIVER || errno > LAST_OF_DRIVER);
}

/** The driver's own errors have these numbers. */
const FIRST_OF_DRIVER = 45_001;
const LAST_OF_DRIVER = 45_999;
