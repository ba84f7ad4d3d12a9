import { uniqueColumns } from './schema.ts';

/** The fields that drivers set on their errors. */
interface DriverError {
  readonly code?: unknown;
  /** SQLite. */
  readonly extendedCode?: unknown;
  /** MySQL. */
  readonly errno?: unknown;
  /** PostgreSQL. */
  readonly constraint?: unknown;
  readonly message?: unknown;
}

/** PostgreSQL's code, then MySQL's. */
const foreignKeyCodes: readonly unknown[] = ['SQLITE_CONSTRAINT_FOREIGNKEY', '23503', 1451, 1452];
/** Lock timeouts and deadlocks. */
const busyCodes: readonly unknown[] = ['SQLITE_BUSY', '40001', '40P01', '55P03', 1205, 1213];

/**
 * Returns the columns of the unique constraint that a write violated; undefined for another error.
 */
export function uniqueViolation(error: unknown): readonly string[] | undefined {
  const { code, extendedCode, errno, constraint, message } = error as DriverError;
  if (extendedCode === 'SQLITE_CONSTRAINT_UNIQUE') {
    const columns = /constraint failed: (.+)$/.exec(String(message))?.[1] ?? '';
    return columns.split(', ').map((column) => column.slice(column.indexOf('.') + 1));
  }
  if (code === '23505') return uniqueColumns(String(constraint));
  // "Duplicate entry 'x' for key 'site_name_key'"; since MySQL 8 'site.site_name_key'.
  if (errno === 1062) return uniqueColumns(/'(?:[^'.]+\.)?([^'.]+)'$/.exec(String(message))?.[1] ?? '');
  return undefined;
}

/** True if a write violated a foreign key. */
export function isForeignKeyViolation(error: unknown): boolean {
  return codesOf(error).some((code) => foreignKeyCodes.includes(code));
}

/** True if a statement timed out waiting for a lock or was the victim of a deadlock. */
export function isBusy(error: unknown): boolean {
  return codesOf(error).some((code) => busyCodes.includes(code));
}

function codesOf(error: unknown): unknown[] {
  if (typeof error !== 'object' || error === null) return [];
  const { code, extendedCode, errno } = error as DriverError;
  return [code, extendedCode, errno];
}
