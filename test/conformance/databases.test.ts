import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as mariadb from 'mariadb';
import * as mysql from 'mysql2/promise';
import * as pg from 'pg';
import Cursor from 'pg-cursor';
import { afterAll, expect, test } from 'vitest';
import { instrumentMariadb } from '../../src/adapters/database/mariadb/mariadb.ts';
import { instrumentMysql2 } from '../../src/adapters/database/mysql2/mysql2.ts';
import { instrumentPg } from '../../src/adapters/database/pg/pg.ts';
import { Registry } from '../../src/core/registry.ts';
import { readStatement } from '../../src/instrument/sql/statement.ts';
import { lacksDebianPackages } from '../support/debian.ts';
import { Numbers } from '../support/http-numbers.ts';
import { randomNumbers } from '../support/random.ts';
import { runPostgres, startMariaDb, startPostgres } from '../support/private-servers.ts';

/** Statements that each workload executes, at least. */
const STATEMENTS = 10_000;

const SEED = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 32));

/** What servers count is theirs alone only where nobody else talks to them. */
const noPostgres = lacksDebianPackages(['postgresql', 'postgresql-contrib'], () => startPostgres.isInstalled());
const noMariaDb = lacksDebianPackages(['mariadb-server'], () => startMariaDb.isInstalled());

/** What a workload has seen happen itself. */
class Ledger {
  statements = 0;
  readonly errors: Record<string, number> = {};
  /** By operation. */
  readonly failed: Record<string, number> = {};
  committed = 0;
  rolledBack = 0;

  /** Notes what a statement has come to, and goes on. */
  async run(sql: string, call: Promise<unknown>): Promise<void> {
    this.statements++;
    await call.catch((error: { code?: string; sqlState?: string }) => {
      const type = (error.sqlState ?? error.code ?? 'none').slice(0, 2);
      const { operation } = readStatement(sql);
      this.errors[type] = (this.errors[type] ?? 0) + 1;
      this.failed[operation] = (this.failed[operation] ?? 0) + 1;
    });
  }
}

type Action = (random: (below: number) => number, ledger: Ledger) => Promise<void>;

/** Runs actions side by side until enough statements were executed. */
async function workload(actions: readonly Action[]): Promise<Ledger> {
  process.stdout.write(`seed of the workload: ${SEED}\n`);
  const ledger = new Ledger();
  const worker = async (number: number): Promise<void> => {
    const random = randomNumbers(SEED + number);
    while (ledger.statements < STATEMENTS) await actions[random(actions.length)]!(random, ledger);
  };
  await Promise.all([0, 1, 2, 3].map(worker));
  expect(ledger.statements).toBeGreaterThanOrEqual(STATEMENTS);
  return ledger;
}

function executions(numbers: Numbers): Record<string, number> {
  const series = numbers.series('db_client_executions');
  return Object.fromEntries(series.map(({ labels, value }) => [labels['operation']!, value]));
}

function expectLedger(numbers: Numbers, ledger: Ledger): void {
  const errors = numbers.series('db_client_errors').map(({ labels, value }) => [labels['type']!, value]);
  expect(Object.fromEntries(errors)).toEqual(ledger.errors);
  expect(numbers.value('db_client_transactions', { outcome: 'committed' })).toBe(ledger.committed);
  expect(numbers.value('db_client_transactions', { outcome: 'rolled_back' })).toBe(ledger.rolledBack);
  expect(Math.min(ledger.committed, ledger.rolledBack)).toBeGreaterThan(10);
}

const ended: (() => unknown)[] = [];
afterAll(async () => {
  for (const end of ended.toReversed()) await end();
});

/** A folder for a server of our own, which removes it. */
function folder(name: string): string {
  return mkdtempSync(join(tmpdir(), `promenade-${name}-`));
}

async function patiently<T>(connect: () => Promise<T>): Promise<T> {
  for (let i = 0; ; i++) {
    try {
      return await connect();
    } catch (error) {
      if (i === 300) throw error;
      await sleep(100);
    }
  }
}

test.skipIf(noPostgres)(
  'pg: what is counted is what pg_stat_statements counts',
  async () => {
    const settings = { shared_preload_libraries: 'pg_stat_statements', 'pg_stat_statements.track_utility': 'on' };
    const connectionString = await runPostgres(folder('statements'), process.pid, settings);
    const observer = await patiently(async () => {
      const client = new pg.Client({ connectionString });
      await client.connect();
      return client;
    });
    ended.push(() => observer.end());
    await observer.query('create extension pg_stat_statements; create table devices (id int primary key, name text)');

    const registry = new Registry();
    const pool = instrumentPg(new pg.Pool({ connectionString, max: 4 }), { registry });
    ended.push(() => pool.end());
    const insert = 'insert into devices values ($1, $2)';
    const transaction =
      (end: 'commit' | 'rollback', failing: boolean): Action =>
      async (random, ledger) => {
        const client = await pool.connect();
        await ledger.run('begin', client.query('begin'));
        if (failing) await ledger.run(insert, client.query(insert, ['x', 'no number']));
        else await ledger.run('select', client.query('select count(*) from devices where id > $1', [random(1000)]));
        await ledger.run(end, client.query(end));
        client.release();
        // A transaction that has failed is rolled back, also by a COMMIT.
        if (end === 'commit' && !failing) ledger.committed++;
        else ledger.rolledBack++;
      };
    await observer.query('select pg_stat_statements_reset()');
    const query = (log: Ledger, text: string, values: unknown[] = [], name?: string): Promise<void> =>
      log.run(text, pool.query({ text, values, ...(name !== undefined && { name }) }));
    let delivered = 0;
    const upsert = `${insert} on conflict do nothing returning id`;
    const within = 'with x as (select $1::int as n) insert into devices select n from x on conflict do nothing';
    const ledger = await workload([
      (random, log) => query(log, insert, [random(2000), 'some name']),
      (random, log) => query(log, upsert, [random(2000), 'name']),
      (random, log) => query(log, 'select * from devices where id < $1 limit 20', [random(10_000)]),
      (random, log) => query(log, 'select 1 from devices where id = $1', [random(9)], 'one'),
      (random, log) => query(log, 'update devices set name = $1 where id = $2', ['other', random(2000)]),
      (random, log) => query(log, '/* why */ delete from devices where id = $1', [random(2000)]),
      (random, log) => query(log, within, [random(9)]),
      (_random, log) => query(log, 'selec 1'),
      (_random, log) => query(log, 'select * from nowhere'),
      (random, log) => {
        log.statements++;
        return query(log, `select 1; update devices set name = 'x' where id = ${random(2000)}`);
      },
      async (random, log) => {
        const client = await pool.connect();
        const cursor = client.query(new Cursor('select name, id from devices where id < $1', [random(2000)]));
        log.statements++;
        for (let reads = random(4); reads >= 0; reads--) {
          const { length } = await cursor.read(10);
          delivered += length;
        }
        await cursor.close();
        client.release();
      },
      transaction('commit', false),
      transaction('commit', true),
      transaction('rollback', false),
    ]);

    const { rows } = await observer.query<{ query: string; calls: string; rows: string }>(
      `select query, calls, rows from pg_stat_statements where dbid = (select oid from pg_database where datname = current_database())
     and query not like '%pg_stat_statements%'`,
    );
    const calls: Record<string, number> = {};
    let selected = 0;
    for (const row of rows) {
      const { operation } = readStatement(row.query);
      calls[operation] = (calls[operation] ?? 0) + Number(row.calls);
      // Of what is fetched bit by bit, older servers know the last bit only.
      if (operation === 'select' && !row.query.includes('name, id')) selected += Number(row.rows);
    }
    const numbers = await Numbers.of(registry);
    expectLedger(numbers, ledger);
    expect(numbers.value('db_client_executions')).toBe(ledger.statements);
    // It counts what has come to its end.
    const finished = Object.entries(executions(numbers)).map(([operation, count]) => [
      operation,
      count - (ledger.failed[operation] ?? 0),
    ]);
    expect(Object.fromEntries(finished)).toEqual({ other: 0, ...calls });
    expect(numbers.sum('db_client_returned_rows', { operation: 'select' })).toBe(selected + delivered);
    expect(delivered).toBeGreaterThan(100);
  },
  120_000,
);

/** MariaDB's own counters, of the whole server. */
async function statusOf(connection: mysql.Connection): Promise<Record<string, number>> {
  const [rows] = await connection.query<mysql.RowDataPacket[]>('show global status');
  return Object.fromEntries(rows.map((row) => [String(row['Variable_name']), Number(row['Value'])]));
}

interface MariaDb {
  readonly options: { host: string; port: number; user: string; database: string };
  readonly observer: mysql.Connection;
}

let started: Promise<MariaDb> | undefined;

function ownMariaDb(): Promise<MariaDb> {
  started ??= (async () => {
    const { hostname, port } = new URL(await startMariaDb.run(folder('status'), process.pid));
    const options = { host: hostname, port: Number(port), user: 'root', database: 'truth' };
    const observer = await patiently(() => mysql.createConnection({ ...options, database: 'mysql' }));
    ended.push(() => observer.end());
    await observer.query('create database truth');
    await observer.query('create table truth.devices (id int primary key, name text) engine = innodb');
    return { options, observer };
  })();
  return started;
}

const INSERT = 'insert into devices values (?, ?)';

/** What pools of both drivers have in common. */
interface Pool {
  query(sql: string, values?: unknown[]): Promise<unknown>;
  execute(sql: string, values: unknown[]): Promise<unknown>;
  getConnection(): Promise<{
    beginTransaction(): Promise<unknown>;
    query(sql: string, values?: unknown[]): Promise<unknown>;
    commit(): Promise<unknown>;
    rollback(): Promise<unknown>;
    release(): unknown;
  }>;
}

function actionsOn(pool: Pool): readonly Action[] {
  const query = (log: Ledger, sql: string, values?: unknown[]): Promise<void> => log.run(sql, pool.query(sql, values));
  const transaction =
    (end: 'commit' | 'rollback', failing: boolean): Action =>
    async (random, log) => {
      const connection = await pool.getConnection();
      await log.run('begin', connection.beginTransaction());
      if (failing) await log.run('select', connection.query('select * from nowhere'));
      await log.run(
        INSERT,
        connection.query(`${INSERT} on duplicate key update name = 'again'`, [random(2000), 'name']),
      );
      await log.run(end, connection[end]());
      await connection.release();
      log[end === 'commit' ? 'committed' : 'rolledBack']++;
    };
  return [
    (random, log) => log.run(INSERT, pool.execute(INSERT, [random(2000), 'some name'])),
    (random, log) => query(log, INSERT, [random(2000), 'some name']),
    (random, log) => query(log, 'select * from devices where id < ? limit 20', [random(10_000)]),
    (random, log) => log.run('select', pool.execute('(select 1) union select ?', [random(9)])),
    (random, log) => query(log, 'update devices set name = ? where id = ?', ['other', random(2000)]),
    (random, log) => query(log, '/* why */ delete from devices where id = ?', [random(2000)]),
    (_random, log) => query(log, 'select * from nowhere'),
    transaction('commit', false),
    transaction('commit', true),
    transaction('rollback', false),
  ];
}

/** By operation of ours, the counters of the server. */
const COUNTERS = {
  select: ['Com_select'],
  insert: ['Com_insert'],
  update: ['Com_update'],
  delete: ['Com_delete'],
  transaction: ['Com_begin', 'Com_commit', 'Com_rollback'],
} as const;

async function expectStatus(registry: Registry, ledger: Ledger, before: Record<string, number>): Promise<void> {
  const { observer } = await ownMariaDb();
  const after = await statusOf(observer);
  const difference = (name: string): number => after[name]! - before[name]!;
  const counted = Object.entries(COUNTERS).map(([operation, names]) => [
    operation,
    names.reduce((sum, name) => sum + difference(name), 0),
  ]);
  const numbers = await Numbers.of(registry);
  expectLedger(numbers, ledger);
  expect(numbers.value('db_client_executions')).toBe(ledger.statements);
  expect(executions(numbers)).toEqual(Object.fromEntries(counted));
  expect(numbers.value('db_client_connections_created')).toBe(difference('Connections'));
}

test.skipIf(noMariaDb)(
  'mysql2: what is counted is what MariaDB counts',
  async () => {
    const { options, observer } = await ownMariaDb();
    const registry = new Registry();
    const before = await statusOf(observer);
    const pool = instrumentMysql2(mysql.createPool({ ...options, connectionLimit: 4 }), { registry });
    ended.push(() => pool.end());
    const ledger = await workload(actionsOn(pool as unknown as Pool));
    await expectStatus(registry, ledger, before);
  },
  120_000,
);

test.skipIf(noMariaDb)(
  'mariadb: what is counted is what MariaDB counts',
  async () => {
    const { options, observer } = await ownMariaDb();
    const registry = new Registry();
    const connections = (await statusOf(observer))['Connections']!;
    const pool = instrumentMariadb(mariadb.createPool({ ...options, connectionLimit: 4 }), { registry });
    ended.push(() => pool.end());
    // The driver asks the server about itself when it has connected.
    await patiently(async () => expect(pool.idleConnections()).toBe(4));
    const before = { ...(await statusOf(observer)), Connections: connections };
    const ledger = await workload(actionsOn(pool));
    await expectStatus(registry, ledger, before);
  },
  120_000,
);
