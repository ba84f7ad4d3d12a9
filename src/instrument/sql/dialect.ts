import type { Dialect } from './lexer.ts';

/**
 * Returns the dialect of a database by the name that a library has for it, such as `postgres`,
 * `MysqlAdapter` or `better-sqlite3`; undefined for one that is not read specially.
 */
export function dialectOf(name: unknown): Dialect | undefined {
  if (typeof name !== 'string') return undefined;
  if (/postgres|cockroach/i.test(name)) return 'postgresql';
  if (/mysql|mariadb/i.test(name)) return 'mysql';
  return /sqlite/i.test(name) ? 'sqlite' : undefined;
}
