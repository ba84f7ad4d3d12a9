import { DatabaseSession } from '../../../instrument/database/session.ts';
import type { DatabaseSeries } from '../../../instrument/database/series.ts';
import type { End } from '../../../instrument/hooks/observe.ts';
import { isOfServer } from './answers.ts';
import { rowsOf } from './calls.ts';

/** The server has rolled the whole transaction back, not only the statement. */
const ER_LOCK_DEADLOCK = 1213;

/**
 * The server ends the connection, or only the statement: ER_SERVER_SHUTDOWN, ER_QUERY_INTERRUPTED,
 * ER_CONNECTION_KILLED.
 */
const INTERRUPTED: ReadonlySet<unknown> = new Set([1053, 1317, 1927]);

/** The driver's numbers for commands on connections, statements and pools that are closed. */
const CLOSED: ReadonlySet<unknown> = new Set([45001, 45004, 45013, 45027, 45035, 45037, 45051]);

/**
 * Its numbers for what it does not send: parameters that are missing, undefined, too many or too
 * long, batches without values, texts that are empty, options that the server does not have.
 */
const INVALID: ReadonlySet<unknown> = new Set([
  45005, 45006, 45007, 45016, 45017, 45018, 45031, 45038, 45043, 45046, 45049, 45052, 45055, 45065,
]);

/** The calls of one connection, counted by their outcomes. */
export class MariadbExecutions {
  readonly session: DatabaseSession;
  /** True if the last call that ended was interrupted: its connection may be on its way out. */
  #interrupted = false;
  #lost = false;

  constructor(series: DatabaseSeries) {
    this.session = new DatabaseSession(series);
  }

  /** Returns a function to be told how a call ended. */
  end(sql: string, start: () => number, answered?: (error: unknown) => number): End {
    return (error, result, meta) => {
      const seconds = (performance.now() - start()) / 1000;
      const completed = answered?.(error) ?? 0;
      if (!error) this.succeeded(() => this.session.executed(sql, seconds, rowsOf(result, meta)));
      else this.failed(error, () => this.session.failed(sql, seconds, error, completed));
    };
  }

  /** A call went well. */
  succeeded(count: () => void): void {
    this.#interrupted = false;
    count();
  }

  /**
   * A call has failed.
   * @param count Counts it, unless it never was sent, or waited behind others on a connection that
   *   was lost: that is an error, and no execution.
   */
  failed(error: unknown, count: () => void): void {
    const isLost = (error as { readonly fatal?: unknown }).fatal === true;
    const type = isLost && (this.#lost || (this.#interrupted && !isOfServer(error))) ? 'closed' : notSent(error);
    if (type) this.session.notSent(type);
    else count();
    this.#lost ||= isLost;
    const { errno } = error as { readonly errno?: unknown };
    this.#interrupted = INTERRUPTED.has(errno);
    if (isLost || errno === ER_LOCK_DEADLOCK) this.session.rolledBack();
  }
}

/** Why a call was never sent; undefined if it was. */
function notSent(error: unknown): 'closed' | 'invalid' | undefined {
  const { errno, code } = error as { readonly errno?: unknown; readonly code?: unknown };
  if (CLOSED.has(errno)) return 'closed';
  if (INVALID.has(errno)) return 'invalid';
  // Errors of JavaScript's have no number: what encodes a parameter has thrown them.
  const isPlain = error instanceof Error && errno === undefined;
  return isPlain && (code === undefined || code === 'ERR_INVALID_ARG_TYPE' || code === 'ERR_OUT_OF_RANGE')
    ? 'invalid'
    : undefined;
}
