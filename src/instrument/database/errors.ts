import { typeOfThrown } from '../recorder-kit/thrown.ts';

interface DriverError {
  readonly code?: unknown;
  readonly sqlState?: unknown;
  readonly extendedCode?: unknown;
  readonly errcode?: unknown;
}

const SQLSTATE = /^[0-9A-Z]{5}$/;
/** Node's and libuv's codes, some of which are five letters long too. */
const SYSTEM_CODE = /^E[A-Z]+$/;
const SYMBOL = /^[A-Z][A-Z0-9_]{1,63}$/;

/**
 * The label for an error of a driver: the class of its SQLSTATE (`23` is a constraint that was
 * violated), else the driver's or the system's code (`SQLITE_BUSY`, `ECONNREFUSED`, `11000`), else
 * the error's class. Never its message. Where MySQL's SQLSTATE says only that the error is general,
 * its code is told: `ER_LOCK_WAIT_TIMEOUT`.
 */
export function databaseErrorType(error: unknown): string {
  return sqlStateOf(error)?.slice(0, 2) ?? otherCodeOf(error);
}

/** The same with the whole SQLSTATE, not its class alone: `23505`. */
export function databaseErrorCode(error: unknown): string {
  return sqlStateOf(error) ?? otherCodeOf(error);
}

function sqlStateOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const { code, sqlState } = error as DriverError;
  if (typeof sqlState === 'string' && SQLSTATE.test(sqlState) && !sqlState.startsWith('HY')) return sqlState;
  return typeof code === 'string' && SQLSTATE.test(code) && !SYSTEM_CODE.test(code) ? code : undefined;
}

function otherCodeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return typeOfThrown(error);
  const { code, extendedCode, errcode } = error as DriverError;
  const own = extendedCode ?? code;
  if (typeof own === 'string' && SYMBOL.test(own) && own !== 'ERR_SQLITE_ERROR') return own;
  const number = errcode ?? code;
  return typeof number === 'number' ? String(number) : typeOfThrown(error);
}
