import { createConnection } from 'mariadb';
import { Client } from 'pg';
import type { Tally } from '../contracts/model.contract.ts';
import { type Dialect, emptyModelTables, modelTables, TRUTH } from './model-tables.ts';
import { type DatabaseServer, mariadb, postgres, type TestDatabase } from './servers.ts';

/**
 * A database of one's own with the tables under the contract for models, and a connection to it
 * that is not instrumented.
 */
export interface ModelDatabase {
  /** For `describe.skipIf`: see {@link DatabaseServer}. */
  readonly missing: boolean;
  readonly url: string;
  run(sql: string): Promise<unknown>;
  /** Empties the tables. */
  empty(): Promise<void>;
  truth(): Promise<Tally>;
  /** Ends the connection, and drops the database. */
  drop(): Promise<void>;
}

/** What there is where there is no server. */
const MISSING: ModelDatabase = {
  missing: true,
  url: '',
  run: async () => undefined,
  empty: async () => {},
  truth: async () => ({}),
  drop: async () => {},
};

/** On PostgreSQL. */
export async function postgresModels(): Promise<ModelDatabase> {
  return modelDatabase(await postgres(), 'postgres', async ({ url }) => {
    const client = new Client({ connectionString: url });
    await client.connect();
    return { run: async (sql) => (await client.query(sql)).rows, end: () => client.end() };
  });
}

/** On MariaDB. */
export async function mariadbModels(): Promise<ModelDatabase> {
  return modelDatabase(await mariadb(), 'mysql', async ({ host, port, user, password, database }) => {
    const connection = await createConnection({ host, port, user, password, database });
    return { run: (sql) => connection.query(sql), end: () => connection.end() };
  });
}

/** What TRUTH gives, as the contract has it. */
export function toTally(rows: readonly unknown[]): Tally {
  return Object.fromEntries(
    (rows as { told: string; times: unknown }[]).map(({ told, times }) => [told, Number(times)]),
  );
}

interface Connection {
  readonly run: (sql: string) => Promise<unknown>;
  readonly end: () => Promise<void>;
}

async function modelDatabase(
  server: DatabaseServer,
  dialect: Dialect,
  connect: (database: TestDatabase) => Promise<Connection>,
): Promise<ModelDatabase> {
  if (server.missing) return MISSING;
  const database = await server.createDatabase();
  const { run, end } = await connect(database);
  for (const sql of modelTables(dialect)) await run(sql);
  return {
    missing: false,
    url: database.url,
    run,
    empty: async () => {
      for (const sql of emptyModelTables(dialect)) await run(sql);
    },
    truth: async () => toTally((await run(TRUTH)) as unknown[]),
    drop: async () => {
      await end();
      await database.drop();
    },
  };
}
