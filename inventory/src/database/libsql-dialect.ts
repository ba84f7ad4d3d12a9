import type { Client, Transaction } from '@libsql/client';
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type Kysely,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';

/** Kysely's dialect for a client of @libsql/client. */
export function libsqlDialect(client: Client): Dialect {
  return {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => new LibsqlDriver(client),
    createIntrospector: (db: Kysely<unknown>) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  };
}

class LibsqlDriver implements Driver {
  readonly #client: Client;
  /** Settles when the latest transaction has ended. */
  #last: Promise<void> = Promise.resolve();

  constructor(client: Client) {
    this.#client = client;
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    return new LibsqlConnection(this.#client);
  }

  /**
   * Takes the write lock at once, so that no transaction fails half-way because another one was
   * faster. The client is synchronous underneath: a second transaction of this process that waited
   * for the first one's lock would block the very event loop that the first one needs to go on. So
   * they queue up here.
   */
  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    const before = this.#last;
    let ended = (): void => {};
    this.#last = new Promise((resolve) => {
      ended = resolve;
    });
    await before;
    try {
      (connection as LibsqlConnection).transaction = await this.#client.transaction('write');
      (connection as LibsqlConnection).ended = ended;
    } catch (error) {
      ended();
      throw error;
    }
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await (connection as LibsqlConnection).transaction?.commit();
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    await (connection as LibsqlConnection).transaction?.rollback();
  }

  async releaseConnection(connection: DatabaseConnection): Promise<void> {
    const { transaction, ended } = connection as LibsqlConnection;
    transaction?.close();
    ended?.();
  }

  async destroy(): Promise<void> {
    this.#client.close();
  }
}

class LibsqlConnection implements DatabaseConnection {
  readonly #client: Client;
  transaction: Transaction | undefined;
  ended: (() => void) | undefined;

  constructor(client: Client) {
    this.#client = client;
  }

  async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    const args = [...parameters] as (string | number | null)[];
    const result = await (this.transaction ?? this.#client).execute({ sql, args });
    const rows = result.rows.map((row) => ({ ...row }) as R);
    // The client reports no row count for a statement with RETURNING.
    if (result.columns.length > 0) return { rows };
    return { rows, numAffectedRows: BigInt(result.rowsAffected), insertId: result.lastInsertRowid ?? 0n };
  }

  streamQuery(): never {
    throw new Error('This dialect does not stream.');
  }
}
