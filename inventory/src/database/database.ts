import { existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createClient, LibsqlError } from '@libsql/client';

/** What a column can hold. */
export type SqlValue = string | number | null;
export type Row = Record<string, SqlValue>;

/** Runs single statements, with `?` for each argument. */
export interface Queryable {
  all(sql: string, args?: readonly SqlValue[]): Promise<Row[]>;
}

/** One process's access to the database. Reads go straight through; writes are transactions, one at a time per process. */
export interface Database extends Queryable {
  /** Runs `work` in a transaction that holds the write lock from its start; rolls back when `work` throws. */
  write<T>(work: (transaction: Queryable) => Promise<T>): Promise<T>;
  close(): void;
}

/** How long a statement waits for another process's write to end, in milliseconds. */
const busyTimeoutMs = 5_000;

/**
 * Opens a SQLite file, which is made when it does not exist, in WAL mode: readers never wait, and writers of several
 * processes queue up. Foreign keys are enforced.
 *
 * @throws Error that names the file when it can't be opened or is no database.
 */
export async function openDatabase(file: string): Promise<Database> {
  try {
    makeFolder(dirname(file));
    const client = createClient({ url: pathToFileURL(file).href, timeout: busyTimeoutMs });
    await client.execute('PRAGMA journal_mode = WAL');
    return toDatabase(client);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`The database ${file} can't be opened: ${reason}`, { cause: error });
  }
}

/** One folder, in one that is there: `recursive` never returns where the system denies the parent, as /proc does (Node 20). */
function makeFolder(folder: string): void {
  if (!existsSync(folder)) mkdirSync(folder);
}

function toDatabase(client: ReturnType<typeof createClient>): Database {
  // The driver is synchronous underneath: a second transaction of this process that waited for the first one's lock
  // would block the very event loop that the first one needs to go on. So they queue up here.
  let last: Promise<unknown> = Promise.resolve();

  async function transact<T>(work: (transaction: Queryable) => Promise<T>): Promise<T> {
    const transaction = await client.transaction('write');
    try {
      const result = await work({ all: (sql, args) => run(transaction, sql, args) });
      await transaction.commit();
      return result;
    } finally {
      transaction.close();
    }
  }

  return {
    all: (sql, args) => run(client, sql, args),
    write(work) {
      const result = last.then(() => transact(work));
      last = result.catch(() => undefined);
      return result;
    },
    close: () => client.close(),
  };
}

type Executor = Pick<ReturnType<typeof createClient>, 'execute'>;

async function run(executor: Executor, sql: string, args: readonly SqlValue[] = []): Promise<Row[]> {
  const result = await executor.execute({ sql, args: [...args] });
  return result.rows.map((row) => ({ ...row }) as Row);
}

/** The columns that a refused write would have made double, or undefined when the error is another one. */
export function uniqueViolation(error: unknown): string[] | undefined {
  if (!(error instanceof LibsqlError) || error.extendedCode !== 'SQLITE_CONSTRAINT_UNIQUE') return undefined;
  const columns = /constraint failed: (.+)$/.exec(error.message)?.[1] ?? '';
  return columns.split(', ').map((column) => column.slice(column.indexOf('.') + 1));
}

/** Whether a write was refused because of a foreign key. */
export function isForeignKeyViolation(error: unknown): boolean {
  return error instanceof LibsqlError && error.extendedCode === 'SQLITE_CONSTRAINT_FOREIGNKEY';
}

/** Whether a statement gave up waiting for another process's write. */
export function isBusy(error: unknown): boolean {
  return error instanceof LibsqlError && error.code === 'SQLITE_BUSY';
}
