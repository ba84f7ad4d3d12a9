import { existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createClient } from '@libsql/client';
import { type Dialect, Kysely, MysqlDialect, PostgresDialect, sql } from 'kysely';
import { instrumentKysely } from 'promenade/kysely';
import { instrumentLibsql } from 'promenade/libsql';
import { instrumentMysql2 } from 'promenade/mysql2';
import { instrumentPg } from 'promenade/pg';
import { libsqlDialect } from './libsql-dialect.ts';

/** A column's value. */
export type SqlValue = string | number | null;
export type Row = Record<string, SqlValue>;

/** Tables and columns come from the model definitions, so the compiler does not know them. */
export type Tables = Record<string, Row>;

/** Runs queries, inside or outside of a transaction. */
export type Queryable = Kysely<Tables>;

/** Where the database is. */
export type DatabaseLocation =
  | { readonly system: 'sqlite'; readonly file: string }
  | { readonly system: 'postgresql' | 'mysql'; readonly url: string };

/** One process's access to the database. */
export interface Database {
  readonly system: DatabaseLocation['system'];
  /** For reads only; writes go through `write`. */
  readonly reads: Queryable;
  /** Runs `work` in a transaction; rolls back when `work` throws. */
  write<T>(work: (transaction: Queryable) => Promise<T>): Promise<T>;
  /** Adds a row and returns its id. Opens a transaction if none is given. */
  insert(table: string, row: Row, transaction?: Queryable): Promise<number>;
  close(): Promise<void>;
}

/**
 * How long a statement waits for another process's write to end, or for a connection, in
 * milliseconds.
 */
const busyTimeoutMs = 5_000;
const poolSize = 10;

/**
 * Opens the database. A SQLite file is made when it does not exist, in WAL mode: readers never
 * wait, and writers of several processes queue up. Foreign keys are enforced.
 *
 * @throws Error that says which database can't be opened, and why; without the password that its
 *   URL may hold.
 */
export async function openDatabase(location: DatabaseLocation): Promise<Database> {
  try {
    const reads: Queryable = instrumentKysely(new Kysely<Tables>({ dialect: await dialectOf(location) }));
    if (location.system !== 'sqlite') await sql`select 1`.execute(reads);
    const { system } = location;
    return {
      system,
      reads,
      write: (work) => reads.transaction().execute(work),
      insert: (table, row, transaction) =>
        transaction
          ? insertRow(transaction, system, table, row)
          : reads.transaction().execute((own) => insertRow(own, system, table, row)),
      close: () => reads.destroy(),
    };
  } catch (error) {
    throw new Error(`The database ${nameOf(location)} can't be opened: ${reasonOf(error)}`, { cause: error });
  }
}

/** MySQL answers with the id of a new row; the others need a RETURNING clause. */
async function insertRow(db: Queryable, system: Database['system'], table: string, row: Row): Promise<number> {
  const insert = db.insertInto(table).values(row);
  if (system === 'mysql') return Number((await insert.executeTakeFirst()).insertId);
  return Number((await insert.returning('id').executeTakeFirst())?.['id']);
}

/** Returns the database's name for people, without a password. */
export function nameOf(location: DatabaseLocation): string {
  if (location.system === 'sqlite') return location.file;
  const { protocol, host, pathname } = new URL(location.url);
  return `${protocol}//${host}${pathname}`;
}

async function dialectOf(location: DatabaseLocation): Promise<Dialect> {
  switch (location.system) {
    case 'sqlite': {
      makeFolder(dirname(location.file));
      const client = instrumentLibsql(createClient({ url: pathToFileURL(location.file).href, timeout: busyTimeoutMs }));
      await client.execute('PRAGMA journal_mode = WAL');
      return libsqlDialect(client);
    }
    case 'postgresql': {
      const { Pool } = (await import('pg')).default;
      const pool = instrumentPg(
        new Pool({ connectionString: location.url, max: poolSize, connectionTimeoutMillis: busyTimeoutMs }),
      );
      // An idle connection that breaks is an `error` event; the pool opens another when it needs
      // one.
      pool.on('error', () => {});
      return new PostgresDialect({ pool });
    }
    case 'mysql': {
      const { createPool } = await import('mysql2');
      return new MysqlDialect({
        pool: instrumentMysql2(
          createPool({ uri: location.url, connectionLimit: poolSize, connectTimeout: busyTimeoutMs }),
        ),
      });
    }
  }
}

/**
 * Makes one folder in an existing one. Not `recursive`: on Node 20 that never returns where the
 * parent can't be written, as in /proc.
 */
function makeFolder(folder: string): void {
  if (!existsSync(folder)) mkdirSync(folder);
}

/** Node reports several refusing addresses as an AggregateError without a message. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join(', ');
  return error instanceof Error ? error.message : String(error);
}
