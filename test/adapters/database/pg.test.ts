import Cursor from 'pg-cursor';
import QueryStream from 'pg-query-stream';
import * as newest from 'pg';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { Registry } from '../../../src/core/registry.ts';
import { instrumentPg, uninstrument } from '../../../src/adapters/database/pg/pg.ts';
import { databaseContract, type DatabaseSubject, type OpenOptions } from '../../contracts/database.contract.ts';
import { Numbers } from '../../support/http-numbers.ts';
import { oldest } from '../../support/oldest.ts';
import { postgres } from '../../support/servers.ts';

const server = await postgres();
const database = server.missing ? undefined : await server.createDatabase();
afterAll(() => database?.drop());

type Pg = Pick<typeof newest, 'Pool' | 'Client'>;

const TRAITS = {
  system: 'postgresql',
  errors: { duplicate: '23', nonsense: '42' },
  server: { refused: 'ECONNREFUSED', denied: '28' },
  poolTimeout: 'timeout',
  varies: /\\"(tableID\\":\d+|schema\\":\\"\w+)/g,
  missing: server.missing,
};

/** Each database under the contract has a schema of its own. */
async function emptySchema(): Promise<string> {
  const client = new newest.Client({ connectionString: database!.url });
  await client.connect();
  const schema = `s${++schemas}`;
  await client.query(`create schema ${schema}; create table ${schema}.devices (id integer primary key, name text)`);
  await client.end();
  return schema;
}

let schemas = 0;

function configuration(schema: string, { user, port, max, waitMs }: OpenOptions): newest.PoolConfig {
  const { host, password } = database!;
  return {
    host,
    password,
    port: port ?? database!.port,
    database: database!.database,
    user: user ?? database!.user,
    options: `-c search_path=${schema}`,
    max,
    ...(waitMs > 0 && { connectionTimeoutMillis: waitMs }),
  };
}

const INSERT = 'insert into devices values ($1, $2)';
const SELECT = 'select id, name from devices where id <= $1';

function subjectOf(pool: newest.Pool, options: OpenOptions): DatabaseSubject {
  const instrument = (): void => void instrumentPg(pool, options);
  if (options.instrumented) instrument();
  return {
    insert: (id, name) => pool.query(INSERT, [id, name]),
    select: (upTo) => pool.query({ text: SELECT, values: [upTo] }),
    rename: (id, name) => pool.query('UPDATE devices SET name = $2 WHERE id = $1', [id, name]),
    remove: (id) => pool.query('delete from devices where id = $1', [id]),
    ddl: () => pool.query('create index on devices (name)'),
    nonsense: () => pool.query('selec 1'),
    run: (sql) => pool.query(sql),
    prepared: (id) => pool.query({ name: 'by-id', text: 'select * from devices where id = $1', values: [id] }),
    insertAll: (rows) =>
      pool.query(
        `insert into devices values ${rows.map((_, i) => `($${2 * i + 1}, $${2 * i + 2})`).join()}`,
        rows.flat(),
      ),
    upsert: (id, name) => pool.query(`${INSERT} on conflict (id) do update set name = excluded.name`, [id, name]),
    async cursor(upTo, stopAfter) {
      const client = await pool.connect();
      try {
        const cursor = client.query(new Cursor(SELECT, [upTo]));
        let count = 0;
        for (;;) {
          const rows = await cursor.read(Math.min(stopAfter, 100));
          count += rows.length;
          if (rows.length === 0 || count >= stopAfter) break;
        }
        await cursor.close();
        return count;
      } finally {
        client.release();
      }
    },
    async transaction(work) {
      const client = await pool.connect();
      try {
        await client.query('BEGIN');
        await work({
          insert: (id, name) => client.query(INSERT, [id, name]),
          select: (upTo) => client.query(SELECT, [upTo]),
        });
        await client.query('COMMIT');
      } catch (error) {
        await client.query('ROLLBACK');
        throw error;
      } finally {
        client.release();
      }
    },
    async hold() {
      const client = await pool.connect();
      return () => client.release();
    },
    instrument,
    uninstrument: () => uninstrument(pool),
    close: () => pool.end(),
  };
}

const opened = (pg: Pg) => async (options: OpenOptions) =>
  subjectOf(new pg.Pool(configuration(await emptySchema(), options)), options);

const { default: oldestPg } = await oldest<{ default: Pg }>('database', 'pg');

databaseContract('pg 8.10', opened(oldestPg), { ...TRAITS, lacks: ['batch'] });
databaseContract('pg', opened(newest), { ...TRAITS, lacks: ['batch'] });

describe.skipIf(server.missing)('pg: what it has of its own', () => {
  const pools: { end(): Promise<unknown> }[] = [];
  const begin = async (
    max: number = 2,
  ): Promise<{ pool: newest.Pool; registry: Registry; numbers(): Promise<Numbers> }> => {
    const registry = new Registry();
    const options = { registry, db: 'own', instrumented: true, max, waitMs: 0 };
    const pool = instrumentPg(new newest.Pool(configuration(await emptySchema(), options)), options);
    pools.push(pool);
    return { pool, registry, numbers: () => Numbers.of(registry) };
  };
  afterAll(async () => {
    for (const pool of pools) await pool.end();
  });
  const outcomes = (page: Numbers): number[] =>
    ['committed', 'rolled_back'].map((outcome) => page.value('db_client_transactions', { outcome }));

  test('the COMMIT of a transaction that has failed is a rollback', async () => {
    const { pool, numbers } = await begin();
    const client = await pool.connect();
    await client.query('begin');
    await expect(client.query('select * from nowhere')).rejects.toMatchObject({ code: '42P01' });
    const { command } = await client.query('commit');
    expect(command).toBe('ROLLBACK');
    client.release();
    expect(outcomes(await numbers())).toEqual([0, 1]);
  });

  test('a COMMIT outside any transaction is none; savepoints end none; a chain goes on', async () => {
    const { pool, numbers } = await begin();
    const client = await pool.connect();
    for (const sql of ['commit', 'begin', 'savepoint a', 'rollback to a', 'commit and chain', 'select 1', 'rollback']) {
      await client.query(sql);
    }
    client.release();
    const page = await numbers();
    expect(outcomes(page)).toEqual([1, 1]);
    expect(page.value('db_client_executions', { operation: 'transaction' })).toBe(6);
  });

  test('a transaction whose connection is lost is rolled back', async () => {
    const { pool, numbers } = await begin();
    pool.on('error', () => {});
    const client = await pool.connect();
    client.on('error', () => {});
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
    await client.query('begin');
    await pool.query('select pg_terminate_backend($1)', [rows[0]!.pid]);
    await vi.waitFor(async () => expect(outcomes(await numbers())).toEqual([0, 1]), { timeout: 10_000 });
    client.release(true);
  });

  test('several statements in one text: each is an execution, in one call', async () => {
    const { pool, numbers } = await begin();
    await pool.query("begin; insert into devices values (1, 'a;b'); select 1; commit");
    let page = await numbers();
    expect(page.series('db_client_executions').map(({ labels, value }) => [labels['operation'], value])).toEqual(
      expect.arrayContaining([
        ['transaction', 2],
        ['insert', 1],
        ['select', 1],
      ]),
    );
    expect(page.count('db_client_operation_duration_seconds')).toBe(1);
    expect(outcomes(page)).toEqual([1, 0]);
    await expect(pool.query('select 2; insert into devices values (1, 2); delete from devices')).rejects.toBeInstanceOf(
      Error,
    );
    page = await numbers();
    // Two had been executed when the second failed.
    expect(page.value('db_client_executions')).toBe(6);
    expect(page.value('db_client_executions', { operation: 'delete' })).toBe(0);
    expect(page.value('db_client_errors', { type: '23' })).toBe(1);
  });

  test('each result of a text belongs to its own statement', async () => {
    const { pool, numbers } = await begin();
    await pool.query('begin; savepoint a; select 1; rollback to a; select 2; commit');
    expect(outcomes(await numbers())).toEqual([1, 0]);
    await pool.query('begin; rollback; begin; commit');
    expect(outcomes(await numbers())).toEqual([2, 1]);
    await pool.query(
      'begin; create function pg_temp.f() returns int as $$ select 1; $$ language sql; select 3; commit',
    );
    const page = await numbers();
    expect(outcomes(page)).toEqual([3, 1]);
    expect(page.value('db_client_executions', { operation: 'select' })).toBe(3);
  });

  test('a COMMIT that is sent as a query object counts when it is answered', async () => {
    const { pool, numbers } = await begin();
    const client = await pool.connect();
    const run = (text: string): Promise<void> =>
      new Promise((resolve) => {
        const query = client.query(new newest.Query(text));
        query.once('end', () => resolve());
        query.once('error', () => resolve());
      });
    await run('begin');
    await run('create table deferred (n int unique deferrable initially deferred)');
    await run('insert into deferred values (1), (1)');
    await run('commit');
    expect(outcomes(await numbers())).toEqual([0, 1]);
    await run('begin');
    await run('selec');
    await run('commit');
    expect(outcomes(await numbers())).toEqual([0, 2]);
    await run('begin');
    await run('commit');
    expect(outcomes(await numbers())).toEqual([1, 2]);
    client.release();
  });

  test('what was never sent is an error, and no execution', async () => {
    const registry = new Registry();
    const schema = await emptySchema();
    const options = { registry, db: 'default', instrumented: true, max: 1, waitMs: 0 };
    const client = instrumentPg(new newest.Client(configuration(schema, options)), { registry });
    client.on('error', () => {});
    await client.connect();
    await client.query('select $1::int', [1]);
    const circular: { self?: unknown } = {};
    circular.self = circular;
    await expect(client.query('select $1', [circular])).rejects.toThrow(/circular/);
    await expect(client.query('select 1', 'no list' as never)).rejects.toBeInstanceOf(Error);
    const sent = client.query('select pg_terminate_backend(pg_backend_pid())');
    const settled = await Promise.allSettled([sent, client.query('select 2'), client.query('select 3')]);
    expect(settled.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    await expect(client.query('select 4')).rejects.toThrow(/not queryable/);
    const page = await Numbers.of(registry);
    expect(page.value('db_client_executions')).toBe(2);
    expect(page.value('db_client_errors', { type: 'invalid' })).toBe(2);
    expect(page.value('db_client_errors', { type: 'closed' })).toBe(3);
    expect(page.labelValues('db_client_errors', 'type')).toEqual(['57', 'closed', 'invalid']);
  });

  test('callbacks, events of a query, and a stream', async () => {
    const { pool, numbers } = await begin();
    const client = await pool.connect();
    const called = await new Promise<unknown[]>((resolve) => {
      client.query('select 1 as n', (error: unknown, result: unknown) => resolve([error, result]));
    });
    expect(called).toMatchObject([null, { rows: [{ n: 1 }] }]);
    const seen: unknown[] = [];
    const query = client.query(new newest.Query('select generate_series(1, 3) as n'));
    query.on('row', (row) => seen.push(row));
    await new Promise<unknown>((resolve) => query.on('end', resolve));
    expect(seen).toHaveLength(3);
    const failing = client.query(new newest.Query('selec 1'));
    const error = await new Promise<unknown>((resolve) => failing.on('error', resolve));
    expect(error).toMatchObject({ code: '42601' });
    let rows = 0;
    for await (const row of client.query(new QueryStream('select generate_series(1, 250) as n'))) if (row) rows++;
    expect(rows).toBe(250);
    client.release();
    const page = await numbers();
    expect(page.value('db_client_executions', { operation: 'select' })).toBe(3);
    expect(page.sum('db_client_returned_rows')).toBe(1 + 3 + 250);
    expect(page.value('db_client_errors', { type: '42' })).toBe(1);
    expect(page.count('db_client_operation_duration_seconds')).toBe(4);
  });

  test('an error keeps the stack that leads back to its caller', async () => {
    const { pool } = await begin();
    async function theCaller(): Promise<void> {
      await pool.query('selec 1');
    }
    const error = await theCaller().catch((thrown: unknown) => thrown);
    expect((error as Error).stack).toContain('theCaller');
  });

  test('the module: all that its classes make, and a pool with hooks of its own keeps its name', async () => {
    const registry = new Registry();
    const schema = await emptySchema();
    const options = { registry, db: 'replica', instrumented: true, max: 1, waitMs: 0 };
    const module = { Pool: newest.Pool, Client: newest.Client };
    instrumentPg(module, { registry });
    try {
      const plain = new newest.Pool(configuration(schema, options));
      const own = instrumentPg(new newest.Pool(configuration(schema, options)), options);
      const client = new newest.Client(configuration(schema, options));
      await client.connect();
      await Promise.all([
        plain.query('select 1'),
        own.query('select 1'),
        own.query('select 2'),
        client.query('select 3'),
      ]);
      const page = await Numbers.of(registry);
      expect(page.value('db_client_executions', { db: 'default' })).toBe(2);
      expect(page.value('db_client_executions', { db: 'replica' })).toBe(2);
      expect(page.value('db_client_connections_created')).toBe(3);
      await Promise.all([plain.end(), own.end(), client.end()]);
    } finally {
      uninstrument(module);
    }
    const after = new newest.Pool(configuration(schema, options));
    await after.query('select 1');
    await after.end();
    expect((await Numbers.of(registry)).value('db_client_executions')).toBe(4);
  });

  test('a pool that has ended leaves its gauges at nothing', async () => {
    const registry = new Registry();
    const options = { registry, db: 'ended', instrumented: true, max: 2, waitMs: 0 };
    const pool = instrumentPg(new newest.Pool(configuration(await emptySchema(), options)), options);
    await pool.query('select 1');
    expect((await Numbers.of(registry)).value('db_client_connections')).toBe(1);
    await pool.end();
    await vi.waitFor(async () => {
      const page = await Numbers.of(registry);
      expect(page.value('db_client_connections')).toBe(0);
      expect(page.value('db_client_connections_max')).toBe(0);
    });
  });
});
