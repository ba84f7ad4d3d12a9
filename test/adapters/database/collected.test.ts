import BetterSqlite3 from 'better-sqlite3';
import * as mariadb from 'mariadb';
import mysql from 'mysql2/promise';
import pg from 'pg';
import postgresJs from 'postgres';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { instrumentBetterSqlite3 } from '../../../src/adapters/database/better-sqlite3.ts';
import { instrumentMariadb } from '../../../src/adapters/database/mariadb/mariadb.ts';
import { instrumentMysql2 } from '../../../src/adapters/database/mysql2/mysql2.ts';
import { instrumentPg } from '../../../src/adapters/database/pg/pg.ts';
import { instrumentPostgres } from '../../../src/adapters/database/postgres/postgres.ts';
import { Registry } from '../../../src/index.ts';
import { collectGarbage } from '../../support/heap-used.ts';
import { mariadb as mariadbServer, postgres as postgresServer } from '../../support/servers.ts';

const postgresql = await postgresServer();
const mysqlServer = await mariadbServer();
const ends: (() => unknown)[] = [];
afterAll(async () => {
  for (const end of ends) await end();
});

/** Makes objects, and expects that none of them is held once it is done with them. */
async function expectCollected(make: () => Promise<readonly object[]>): Promise<void> {
  const refs = await (async () => (await make()).map((object) => new WeakRef(object)))();
  expect(refs.length).toBeGreaterThan(0);
  await vi.waitFor(
    () => {
      collectGarbage();
      expect(refs.filter((ref) => ref.deref() !== undefined)).toHaveLength(0);
    },
    { timeout: 10_000, interval: 50 },
  );
}

async function errorOf(run: () => unknown): Promise<object> {
  try {
    await run();
  } catch (error) {
    return error as object;
  }
  throw new Error('it went well');
}

describe('nothing is held after its end', () => {
  test.skipIf(postgresql.missing)('pg: results, errors and clients', async () => {
    const registry = new Registry();
    const pool = instrumentPg(new pg.Pool({ connectionString: postgresql.url, max: 1 }), { registry });
    ends.push(() => pool.end());
    await expectCollected(async () => {
      const client = await pool.connect();
      const result = await client.query('select 1');
      const error = await errorOf(() => client.query('selec'));
      client.release(true);
      return [client, result, error];
    });
  });

  test.skipIf(postgresql.missing)('postgres.js: results and errors', async () => {
    const registry = new Registry();
    const sql = instrumentPostgres(postgresJs(postgresql.url, { max: 1 }), { registry });
    ends.push(() => sql.end());
    await expectCollected(async () => [await sql`select 1`, await errorOf(() => sql.unsafe('select 1; selec'))]);
    // The connection goes on to the next query.
    await sql`select 2`;
  });

  test.skipIf(mysqlServer.missing)('mysql2: results, errors and connections', async () => {
    const registry = new Registry();
    const { host, port, user, password } = mysqlServer;
    const pool = instrumentMysql2(mysql.createPool({ host, port, user, password, connectionLimit: 1 }), { registry });
    ends.push(() => pool.end());
    await expectCollected(async () => {
      const connection = await pool.getConnection();
      const result = await connection.query('select 1');
      const error = await errorOf(() => connection.query('selec'));
      connection.destroy();
      return [connection, result, error];
    });
  });

  test.skipIf(mysqlServer.missing)('mariadb: results, errors and connections', async () => {
    const registry = new Registry();
    const { host, port, user, password } = mysqlServer;
    const pool = instrumentMariadb(mariadb.createPool({ host, port, user, password, connectionLimit: 1 }), {
      registry,
    });
    ends.push(() => pool.end());
    await expectCollected(async () => {
      const connection = await pool.getConnection();
      const result: object = await connection.query('select 1');
      const error = await errorOf(() => connection.query('selec'));
      await connection.release();
      return [connection, result, error];
    });
  });

  test('better-sqlite3: results, errors, statements, iterators and databases', async () => {
    const registry = new Registry();
    await expectCollected(async () => {
      const database = instrumentBetterSqlite3(new BetterSqlite3(':memory:'), { registry });
      const statement = database.prepare('select 1 as n');
      const iterator = statement.iterate();
      iterator.next();
      iterator.return?.();
      const error = await errorOf(() => database.exec('select 1; selec'));
      const rows = statement.all();
      database.close();
      return [database, statement, iterator, error, rows];
    });
  });
});
