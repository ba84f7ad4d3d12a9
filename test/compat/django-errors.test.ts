import { expect, test } from 'vitest';
import { toErrorType } from '../../src/compat/django-errors.ts';

test.each([
  ['postgresql', '23505', 'UniqueViolation'],
  ['postgresql', '42P01', 'UndefinedTable'],
  ['postgresql', '40P01', 'DeadlockDetected'],
  ['postgresql', '57014', 'QueryCanceled'],
  ['postgresql', '08006', 'ConnectionFailure'],
  ['postgresql', 'XX002', 'IndexCorrupted'],
  // Without a name, psycopg2 raises the class of the class.
  ['postgresql', '23999', 'IntegrityError'],
  ['postgresql', '42999', 'ProgrammingError'],
  ['postgresql', 'ZZ123', 'OperationalError'],
  ['postgresql', 'ECONNREFUSED', 'OperationalError'],
  ['postgresql', 'EPIPE', 'OperationalError'],
  ['mysql', '23000', 'IntegrityError'],
  ['mysql', '42S02', 'ProgrammingError'],
  ['mariadb', '22001', 'DataError'],
  ['mysql', '40001', 'OperationalError'],
  ['mysql', 'ER_LOCK_WAIT_TIMEOUT', 'OperationalError'],
  ['sqlite', 'SQLITE_CONSTRAINT_UNIQUE', 'IntegrityError'],
  ['sqlite', '2067', 'IntegrityError'],
  ['sqlite', 'SQLITE_BUSY', 'OperationalError'],
  ['sqlite', '5', 'OperationalError'],
  // No code of any database: what was thrown.
  ['postgresql', 'TypeError', 'TypeError'],
  ['postgresql', '<overflow>', '<overflow>'],
])('%s %s is %s', (system, code, type) => {
  expect(toErrorType(system, code)).toBe(type);
});
