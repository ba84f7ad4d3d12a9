import { postgresErrorName } from './postgres-errors.ts';

const SQLSTATE = /^[0-9A-Z]{5}$/;

/**
 * Codes of Node, of the drivers and of MySQL and SQLite: `ECONNREFUSED`, `ER_LOCK_WAIT_TIMEOUT`,
 * `SQLITE_BUSY`.
 */
const SYMBOL = /^(E[A-Z]+|[A-Z]+_[A-Z0-9_]+|\d+)$/;

/**
 * The classes of Python's database API (PEP 249) by the class of the SQLSTATE, as psycopg2 and
 * mysqlclient have them.
 */
const BY_CLASS: Readonly<Record<string, string>> = {
  '0A': 'NotSupportedError',
  '20': 'ProgrammingError',
  '21': 'ProgrammingError',
  '22': 'DataError',
  '23': 'IntegrityError',
  '24': 'InternalError',
  '25': 'InternalError',
  '2B': 'InternalError',
  '2D': 'InternalError',
  '2F': 'InternalError',
  '38': 'InternalError',
  '39': 'InternalError',
  '3B': 'InternalError',
  '3D': 'ProgrammingError',
  '3F': 'ProgrammingError',
  '42': 'ProgrammingError',
  '44': 'ProgrammingError',
  F0: 'InternalError',
  P0: 'InternalError',
  XX: 'InternalError',
};

/**
 * The Python exception that Django's driver would have raised: psycopg2 has one for each SQLSTATE,
 * mysqlclient and sqlite3 those of PEP 249.
 *
 * @param code SQLSTATE, else the driver's or the system's code, else the error's class, which is
 *   left as it is.
 */
export function toErrorType(system: string, code: string): string {
  if (system === 'postgresql') {
    const name = postgresErrorName(code);
    if (name !== undefined) return name;
  }
  if (code.startsWith('SQLITE_CONSTRAINT') || (system === 'sqlite' && isSqliteConstraint(code)))
    return 'IntegrityError';
  if (SQLSTATE.test(code) && !/^E[A-Z]+$/.test(code)) return BY_CLASS[code.slice(0, 2)] ?? 'OperationalError';
  return SYMBOL.test(code) ? 'OperationalError' : code;
}

/** Extended result codes have the primary one, 19, in their last eight bits. */
function isSqliteConstraint(code: string): boolean {
  return /^\d+$/.test(code) && (Number(code) & 0xff) === 19;
}
