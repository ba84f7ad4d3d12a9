import Database from 'better-sqlite3';
import { createConnection } from 'mysql2/promise';
import { Client } from 'pg';
import { describe, expect, test } from 'vitest';
import { Registry } from '../../src/core/registry.ts';
import { ModelRecorder } from '../../src/instrument/model/recorder.ts';
import { SqlConnection } from '../../src/instrument/model/sql-connection.ts';
import type { Dialect } from '../../src/instrument/sql/lexer.ts';
import { readStatement } from '../../src/instrument/sql/statement.ts';
import { Transactions } from '../../src/instrument/sql/transactions.ts';
import { Numbers } from '../support/http-numbers.ts';
import { randomNumbers } from '../support/random.ts';
import { mariadb, postgres } from '../support/servers.ts';

/** A connection, and what the database itself says about it. */
interface Subject {
  /** Runs a statement, and tells how many rows it wrote, or that it failed. */
  run(sql: string): Promise<number | Error>;
  inTransaction(): Promise<boolean>;
  rows(): Promise<number>;
  close(): Promise<void>;
}

const TABLE = 'promenade_truth';

async function onPostgres(): Promise<Subject> {
  const client = new Client({ connectionString: servers.postgresql.url });
  await client.connect();
  let status = 'I';
  const { connection } = client as unknown as { connection: NodeJS.EventEmitter };
  connection.on('readyForQuery', (message: { status: string }) => (status = message.status));
  await client.query(`create temporary table ${TABLE} (n int)`);
  return {
    run: async (sql) => {
      try {
        return (await client.query(sql)).rowCount ?? 0;
      } catch (error) {
        return error as Error;
      }
    },
    inTransaction: async () => status !== 'I',
    rows: async () => Number((await client.query<{ n: string }>(`select count(*) n from ${TABLE}`)).rows[0]!.n),
    close: () => client.end(),
  };
}

async function onMariaDb(): Promise<Subject> {
  const connection = await createConnection(servers.mariadb.url);
  await connection.query(`create temporary table ${TABLE} (n int) engine = innodb`);
  return {
    run: async (sql) => {
      try {
        const [header] = await connection.query(sql);
        return (header as { affectedRows?: number }).affectedRows ?? 0;
      } catch (error) {
        return error as Error;
      }
    },
    inTransaction: async () => {
      const [rows] = await connection.query('select @@in_transaction as n');
      return Number((rows as { n: unknown }[])[0]!.n) === 1;
    },
    rows: async () => {
      const [rows] = await connection.query(`select count(*) as n from ${TABLE}`);
      return Number((rows as { n: unknown }[])[0]!.n);
    },
    close: () => connection.end(),
  };
}

async function onSqlite(): Promise<Subject> {
  const database = new Database(':memory:');
  database.exec(`create table ${TABLE} (n int)`);
  return {
    run: async (sql) => {
      try {
        return database.prepare(sql).run().changes;
      } catch (error) {
        return error as Error;
      }
    },
    inTransaction: async () => database.inTransaction,
    rows: async () => (database.prepare(`select count(*) n from ${TABLE}`).get() as { n: number }).n,
    close: async () => void database.close(),
  };
}

const COMMON = [
  'begin',
  'COMMIT',
  'Rollback',
  'savepoint a',
  'savepoint B',
  'rollback to a',
  'ROLLBACK TO SAVEPOINT b',
  'release savepoint A',
  'release savepoint b',
];
const INSERTS = [`insert into ${TABLE} values (1)`, `insert into ${TABLE} select 1 union all select 2`];
const COMMENTS = ['', '/* a; */', '-- b; commit\n', '/* rollback */ -- c\n'];

const servers = { postgresql: await postgres(), mariadb: await mariadb() };

describe.each<[Dialect, () => Promise<Subject>, readonly string[]]>([
  [
    'postgresql',
    onPostgres,
    [
      'start transaction isolation level serializable, read write',
      'begin transaction read write',
      'end',
      'abort',
      'commit and chain',
      'rollback work and chain',
      'rollback and no chain',
      'savepoint "A"',
      'rollback transaction to "A"',
      'release a',
      'create temporary table if not exists other (n int)',
      'select 1/0',
    ],
  ],
  [
    'mysql',
    onMariaDb,
    [
      'start transaction with consistent snapshot',
      'begin work',
      'commit work and chain',
      'rollback and chain',
      'rollback and no chain no release',
      'rollback work to `a`',
      'set autocommit = 0',
      'SET @@session.autocommit = ON',
      `analyze table ${TABLE}`,
      'create temporary table if not exists other (n int)',
      'set @a = 1',
      'syntax error',
    ],
  ],
  [
    'sqlite',
    onSqlite,
    [
      'begin immediate transaction',
      'begin exclusive',
      'end transaction',
      'release a',
      'rollback transaction to "A"',
      'savepoint [a]',
    ],
  ],
])('random transactions on %s', (dialect, open, own) => {
  test('are open, committed and rolled back where the database says so', { timeout: 120_000 }, async () => {
    const subject = await open();
    const random = randomNumbers(7);
    const pick = (list: readonly string[]): string => list[random(list.length)]!;
    const registry = new Registry();
    const models = new SqlConnection(new ModelRecorder({ registry, namespace: '' }), dialect);
    const transactions = new Transactions(dialect, { ended: () => {} });
    const ran: string[] = [];
    let succeeded = 0;
    for (let i = 0; i < 1500; i++) {
      const bare = pick(random(10) < 4 ? INSERTS : random(10) < 6 ? COMMON : own);
      const sql = `${pick(COMMENTS)}${bare}${pick([';', ' ', ' /* d */', ' -- e'])}`;
      ran.push(sql);
      const sink = models.sent(sql);
      const result = await subject.run(sql);
      const statement = readStatement(sql, dialect);
      if (typeof result === 'number') {
        succeeded++;
        transactions.follow(statement);
        if (statement.operation === 'insert') models.succeeded(sql, result, sink);
      } else {
        transactions.failed(statement, result);
        models.failed(sql, result);
      }
      const seen = [transactions.open, ran.slice(-12)];
      expect(seen).toEqual([await subject.inTransaction(), ran.slice(-12)]);
    }
    while (await subject.inTransaction()) {
      models.sent('rollback');
      await subject.run('rollback');
    }
    models.sent('select 1');
    expect(succeeded).toBeGreaterThan(700);
    const page = await Numbers.of(registry);
    const kept = page.value('model_inserts') - page.value('model_rolled_back_operations');
    expect([kept, page.value('model_rolled_back_operations') > 50]).toEqual([await subject.rows(), true]);
    await subject.close();
  });
});
