/**
 * The part of a pool that is used; those of the promise and of the callback API have the same
 * names.
 */
export interface MariadbPool {
  getConnection(...args: never[]): unknown;
  query(...args: never[]): unknown;
  execute(...args: never[]): unknown;
  batch(...args: never[]): unknown;
  end(...args: never[]): unknown;
  on(...args: never[]): unknown;
  toString(): string;
  activeConnections(): number;
  idleConnections(): number;
  taskQueueSize(): number;
}

/**
 * The part of a connection that is used; those of the promise and of the callback API have the same
 * names.
 */
export interface MariadbConnection {
  query(...args: never[]): unknown;
  execute(...args: never[]): unknown;
  batch(...args: never[]): unknown;
  prepare(...args: never[]): unknown;
  queryStream(...args: never[]): unknown;
  beginTransaction(...args: never[]): unknown;
  commit(...args: never[]): unknown;
  rollback(...args: never[]): unknown;
}

/** The stream of a query that brings its rows one by one. */
export interface MariadbStream {
  emit(...args: never[]): unknown;
  push(...args: never[]): unknown;
}
