import newest from 'postgres';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { instrumentPostgres, uninstrument } from '../../../src/adapters/database/postgres/postgres.ts';
import { Registry } from '../../../src/index.ts';
import { databaseContract, type DatabaseSubject, type OpenOptions } from '../../contracts/database.contract.ts';
import { Numbers } from '../../support/http-numbers.ts';
import { oldest } from '../../support/oldest.ts';
import { postgres } from '../../support/servers.ts';

const server = await postgres();
const database = server.missing ? undefined : await server.createDatabase();
afterAll(() => database?.drop());

const TRAITS = {
  system: 'postgresql',
  errors: { duplicate: '23', nonsense: '42' },
  server: { refused: 'ECONNREFUSED', denied: '28' },
  varies: /\\"schema_name\\":\\"\w+/g,
  missing: server.missing,
};

let schemas = 0;

const opened =
  (library: typeof newest) =>
  async ({ user, port, max, waitMs, ...options }: OpenOptions): Promise<DatabaseSubject> => {
    const schema = `s${++schemas}`;
    const setup = library(database!.url, { max: 1 });
    await setup.unsafe(`create schema ${schema}; create table ${schema}.devices (id integer primary key, name text)`);
    await setup.end();
    const sql = library({
      host: database!.host,
      port: port ?? database!.port,
      database: database!.database,
      user: user ?? database!.user,
      password: database!.password,
      connection: { search_path: schema },
      max,
      backoff: () => 0,
      ...(waitMs > 0 && { connect_timeout: waitMs / 1000 }),
    });
    const instrument = (): void => void instrumentPostgres(sql, options);
    if (options.instrumented) instrument();
    return {
      insert: (id, name) => sql`insert into devices values (${id}, ${name})`.execute(),
      select: (upTo) => sql`select id, name from devices where id <= ${upTo}`.execute(),
      rename: (id, name) => sql`update devices set ${sql({ name })} where id = ${id}`.execute(),
      remove: (id) => sql`delete from devices where id = ${id}`.execute(),
      ddl: () => sql`create index on devices (name)`.execute(),
      nonsense: () => sql.unsafe('selec 1').execute(),
      run: (text) => sql.unsafe(text).execute(),
      prepared: (id) => sql.unsafe('select * from devices where id = $1', [id], { prepare: true }).execute(),
      insertAll: (rows) => sql`insert into devices ${sql(rows.map(([id, name]) => ({ id, name })))}`.execute(),
      upsert: (id, name) =>
        sql`insert into devices values (${id}, ${name}) on conflict (id) do update set name = excluded.name`.execute(),
      async cursor(upTo, stopAfter) {
        let count = 0;
        for await (const rows of sql`select * from devices where id <= ${upTo}`.cursor(10)) {
          count += rows.length;
          if (count >= stopAfter) break;
        }
        return count;
      },
      async transaction(work) {
        await sql.begin(async (inside) => {
          await work({
            insert: async (id, name) => inside`insert into devices values (${id}, ${name})`,
            select: async (upTo) => inside`select id, name from devices where id <= ${upTo}`,
          });
        });
      },
      instrument,
      uninstrument: () => uninstrument(sql),
      close: () => sql.end({ timeout: 1 }),
    };
  };

const { default: oldestPostgres } = await oldest<{ default: typeof newest }>('database', 'postgres');

databaseContract('postgres.js 3.0', opened(oldestPostgres), { ...TRAITS, lacks: ['batch', 'hold'] });
databaseContract('postgres.js', opened(newest), { ...TRAITS, lacks: ['batch', 'hold'] });

describe.skipIf(server.missing).each([
  ['newest', newest],
  ['oldest', oldestPostgres],
])('postgres.js, %s: what it has of its own', (name, library) => {
  const begin = async () => {
    const registry = new Registry();
    const table = `own_${name}_${++schemas}`;
    const other = library(database!.url, { max: 1 });
    await other.unsafe(`create table ${table} (id integer primary key)`);
    const sql = instrumentPostgres(library(database!.url, { max: 1, backoff: () => 0, onnotice: () => {} }), {
      registry,
    });
    return { sql, other, table, numbers: () => Numbers.of(registry) };
  };
  const executions = (page: Numbers): Record<string, number> =>
    Object.fromEntries(page.series('db_client_executions').map(({ labels, value }) => [labels['operation'], value]));

  test('what was never executed is an error, and no execution', async () => {
    const { sql, other, table, numbers } = await begin();
    await sql`select ${1}::int`;
    await expect(sql`select ${undefined as never}::int`.execute()).rejects.toMatchObject({ code: 'UNDEFINED_VALUE' });
    // Once before it was described, and once after.
    for (let i = 0; i < 2; i++) {
      await expect(sql`select ${Symbol('no text') as never}::text`.execute()).rejects.toBeInstanceOf(TypeError);
    }
    let page = await numbers();
    expect(executions(page)).toEqual({ select: 1 });
    expect(page.value('db_client_errors', { type: 'invalid' })).toBe(3);
    const [{ pid }] = (await sql`select pg_backend_pid() as pid`) as unknown as [{ pid: number }];
    const calls = Promise.allSettled([
      sql`select pg_sleep(60)`.execute(),
      ...[1, 2, 3].map((id) => sql.unsafe(`insert into ${table} values (${id})`).execute()),
    ]);
    await vi.waitFor(
      async () => {
        const rows = await other`select 1 from pg_stat_activity where pid = ${pid} and wait_event = 'PgSleep'`;
        expect(rows).toHaveLength(1);
      },
      { timeout: 10_000 },
    );
    await other`select pg_terminate_backend(${pid})`;
    expect((await calls).map(({ status }) => status)).toEqual(Array.from({ length: 4 }, () => 'rejected'));
    // The server has executed none of those that waited.
    expect(await other.unsafe(`select id from ${table}`)).toHaveLength(0);
    await sql.end({ timeout: 1 });
    await expect(sql`select 6`.execute()).rejects.toMatchObject({ code: 'CONNECTION_ENDED' });
    page = await numbers();
    expect(executions(page)).toEqual({ select: 3 });
    expect(page.value('db_client_errors', { type: 'closed' })).toBe(4);
    expect(page.value('db_client_connection_errors')).toBe(0);
    await other.end();
  });

  test('of a text that fails in the middle those count that ran', async () => {
    const { sql, other, table, numbers } = await begin();
    const insert = `insert into ${table} values (1)`;
    const fails = [
      [`select 1; select 2; ${insert}; ${insert}; delete from ${table}`, { select: 2, insert: 2 }],
      [`select 1; select 1 / 0; select 3`, { select: 4, insert: 2 }],
      [`${insert}; delete from ${table} where 1 / 0 = id; select 1`, { select: 4, insert: 3, delete: 1 }],
      // PostgreSQL reads all of it before it runs any.
      [`select 1; select 2; selec 3`, { select: 5, insert: 3, delete: 1 }],
    ] as const;
    for (const [text, expected] of fails) {
      await expect(sql.unsafe(text).execute()).rejects.toBeInstanceOf(Error);
      expect(executions(await numbers())).toEqual(expected);
    }
    await sql.unsafe(`begin; ${insert}; commit; select 1`);
    const page = await numbers();
    expect(executions(page)).toEqual({ select: 6, insert: 4, delete: 1, transaction: 2 });
    expect(page.value('db_client_transactions', { outcome: 'committed' })).toBe(1);
    await sql.end();
    await other.end();
  });
});
