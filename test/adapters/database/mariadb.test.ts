import * as newest from 'mariadb';
import * as newestCallback from 'mariadb/callback';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { instrumentMariadb, uninstrument } from '../../../src/adapters/database/mariadb/mariadb.ts';
import { Registry } from '../../../src/index.ts';
import { databaseContract, type DatabaseSubject, type OpenOptions } from '../../contracts/database.contract.ts';
import { Numbers } from '../../support/http-numbers.ts';
import { oldest } from '../../support/oldest.ts';
import { mariadb, type TestDatabase } from '../../support/servers.ts';

const server = await mariadb();
const databases: TestDatabase[] = [];
afterAll(async () => {
  for (const database of databases) await database.drop();
});

const TRAITS = {
  system: 'mariadb',
  errors: { duplicate: '23', nonsense: '42' },
  server: { refused: 'ECONNREFUSED', denied: '28' },
  poolTimeout: 'timeout',
  // The connection's number, and the time that a pool waited.
  varies: /conn:\d+|after \d+ms|promenade_\w+/g,
  missing: server.missing,
};

/** Each database under the contract has one of its own. */
async function emptyDatabase(): Promise<TestDatabase> {
  const database = await server.createDatabase();
  databases.push(database);
  const { host, port, user, password } = database;
  const connection = await newest.createConnection({ host, port, user, password, database: database.database });
  await connection.query('create table devices (id integer primary key, name text)');
  await connection.end();
  return database;
}

async function configuration({ user, port, max, waitMs }: OpenOptions): Promise<newest.PoolConfig> {
  const database = await emptyDatabase();
  return {
    host: database.host,
    port: port ?? database.port,
    user: user ?? database.user,
    password: database.password,
    database: database.database,
    connectionLimit: max,
    ...(waitMs > 0 && { acquireTimeout: waitMs }),
  };
}

const INSERT = 'insert into devices values (?, ?)';
const SELECT = 'select id, name from devices where id <= ?';

/** What the promise and the callback API have in common, as promises. */
interface Api {
  query(sql: string, values?: unknown): Promise<unknown>;
  execute(sql: string, values: unknown[]): Promise<unknown>;
  batch(sql: string, values: unknown[]): Promise<unknown>;
}

function operations({ query, execute, batch }: Api) {
  return {
    insert: (id: number, name: string) => execute(INSERT, [id, name]),
    select: (upTo: number) => query(SELECT, [upTo]),
    rename: (id: number, name: string) => query('update devices set name = ? where id = ?', [name, id]),
    remove: (id: number) => execute('delete from devices where id = ?', [id]),
    ddl: () => query('create index names on devices (name(20))'),
    nonsense: () => query('selec 1'),
    run: (sql: string) => query(sql),
    insertAll: (rows: readonly (readonly unknown[])[]) =>
      query(`insert into devices values ${rows.map(() => '(?, ?)').join()}`, rows.flat()),
    upsert: (id: number, name: string) => query(`${INSERT} on duplicate key update name = values(name)`, [id, name]),
    batch: (rows: readonly (readonly unknown[])[]) => batch(INSERT, rows as unknown[]),
  };
}

async function read(stream: AsyncIterable<unknown>, stopAfter: number): Promise<number> {
  let count = 0;
  for await (const row of stream) {
    if (row !== undefined) count++;
    if (count >= stopAfter) break;
  }
  return count;
}

const openPromise =
  (library: Pick<typeof newest, 'createPool'>) =>
  async (options: OpenOptions): Promise<DatabaseSubject> => {
    const pool = library.createPool(await configuration(options));
    const instrument = (): void => void instrumentMariadb(pool, options);
    if (options.instrumented) instrument();
    return {
      ...operations({
        query: (sql, values) => pool.query(sql, values),
        execute: (sql, values) => pool.execute(sql, values),
        batch: (sql, values) => pool.batch(sql, values),
      }),
      async prepared(id) {
        const connection = await pool.getConnection();
        try {
          const statement = await connection.prepare('select * from devices where id = ?');
          const answer: unknown = await statement.execute([id]);
          statement.close();
          return answer;
        } finally {
          await connection.release();
        }
      },
      async cursor(upTo, stopAfter) {
        const connection = await pool.getConnection();
        const count = await read(connection.queryStream(SELECT, [upTo]), stopAfter);
        await connection.release();
        return count;
      },
      async transaction(work) {
        const connection = await pool.getConnection();
        try {
          await connection.beginTransaction();
          await work({
            insert: (id, name) => connection.execute(INSERT, [id, name]),
            select: (upTo) => connection.query(SELECT, [upTo]),
          });
          await connection.commit();
        } catch (error) {
          await connection.rollback();
          throw error;
        } finally {
          await connection.release();
        }
      },
      async hold() {
        const connection = await pool.getConnection();
        return () => connection.release();
      },
      instrument,
      uninstrument: () => uninstrument(pool),
      close: () => pool.end(),
    };
  };

/** A call with a callback, as a promise of what it is called with. */
function called(call: (callback: (error: unknown, ...answers: unknown[]) => void) => unknown): Promise<unknown> {
  return new Promise((resolve, reject) => {
    call((error, ...answers) => {
      if (error) reject(error);
      else resolve(answers);
    });
  });
}

const openCallback =
  (library: Pick<typeof newestCallback, 'createPool'>) =>
  async (options: OpenOptions): Promise<DatabaseSubject> => {
    const pool = library.createPool(await configuration(options));
    const instrument = (): void => void instrumentMariadb(pool, options);
    if (options.instrumented) instrument();
    const connect = async (): Promise<newestCallback.PoolConnection> => {
      const [connection] = (await called((done) => pool.getConnection(done))) as [newestCallback.PoolConnection];
      return connection;
    };
    return {
      ...operations({
        query: (sql, values) => called((done) => pool.query(sql, values, done)),
        execute: (sql, values) => called((done) => pool.execute(sql, values, done)),
        batch: (sql, values) => called((done) => pool.batch(sql, values, done)),
      }),
      async cursor(upTo, stopAfter) {
        const connection = await connect();
        const count = await read(connection.queryStream(SELECT, [upTo]), stopAfter);
        await called((done) => connection.release(done));
        return count;
      },
      async transaction(work) {
        const connection = await connect();
        try {
          await called((done) => connection.beginTransaction(done));
          await work({
            insert: (id, name) => called((done) => connection.execute(INSERT, [id, name], done)),
            select: (upTo) => called((done) => connection.query(SELECT, [upTo], done)),
          });
          await called((done) => connection.commit(done));
        } catch (error) {
          await called((done) => connection.rollback(done));
          throw error;
        } finally {
          await called((done) => connection.release(done));
        }
      },
      async hold() {
        const connection = await connect();
        return () => called((done) => connection.release(done));
      },
      instrument,
      uninstrument: () => uninstrument(pool),
      close: () => called((done) => pool.end(done)),
    };
  };

const { default: oldestMariadb } = await oldest<{ default: typeof newest }>('database', 'mariadb');
const { default: oldestCallback } = await oldest<{ default: typeof newestCallback }>('database', 'mariadb/callback.js');

// In that version a pool doesn't say that it was refused, and the callback API has no streams.
const OLDEST = { ...TRAITS, server: { refused: 'timeout', denied: '28' } };

databaseContract('mariadb 3.4', openPromise(oldestMariadb), { ...OLDEST, lacks: [] });
databaseContract('mariadb/callback 3.4', openCallback(oldestCallback), { ...OLDEST, lacks: ['prepared', 'cursor'] });
databaseContract('mariadb', openPromise(newest), { ...TRAITS, lacks: [] });
databaseContract('mariadb/callback', openCallback(newestCallback), { ...TRAITS, lacks: ['prepared'] });

describe.skipIf(server.missing).each([
  ['newest', newest],
  ['oldest', oldestMariadb],
])('mariadb, %s: what it has of its own', (_name, library) => {
  const begin = async (options: newest.ConnectionConfig = {}) => {
    const registry = new Registry();
    const { connectionLimit: _limit, ...settings } = await configuration({
      registry,
      db: 'own',
      instrumented: true,
      max: 1,
      waitMs: 0,
    });
    const connection = instrumentMariadb(await library.createConnection({ ...settings, ...options }), { registry });
    const other = await library.createConnection(settings);
    return { connection, other, settings, registry, numbers: () => Numbers.of(registry) };
  };
  const outcomes = (page: Numbers): number[] =>
    ['committed', 'rolled_back'].map((outcome) => page.value('db_client_transactions', { outcome }));
  const executions = (page: Numbers): Record<string, number> =>
    Object.fromEntries(page.series('db_client_executions').map(({ labels, value }) => [labels['operation'], value]));
  const INSERT_ONE = "insert into devices values (1, 'a')";

  test('what changeUser, reset, LOCK TABLES and a lost connection end has its outcome', async () => {
    const { connection, other, settings, numbers } = await begin();
    await connection.query('begin');
    await connection.query(INSERT_ONE);
    await connection.changeUser({ user: settings.user!, password: settings.password!, database: settings.database! });
    expect(outcomes(await numbers())).toEqual([0, 1]);
    await connection.query('begin');
    await connection.query(INSERT_ONE);
    await connection.reset();
    expect(outcomes(await numbers())).toEqual([0, 2]);
    await connection.query('begin');
    await connection.query(INSERT_ONE);
    await connection.query('lock tables devices write');
    expect(outcomes(await numbers())).toEqual([1, 2]);
    await connection.query('unlock tables');
    // What the server has agrees: the last of them was committed, and only that.
    expect(await other.query('select id from devices')).toMatchObject([{ id: 1 }]);
    await connection.query('set autocommit = 0');
    await connection.query('delete from devices');
    await connection.reset();
    // A reset turns autocommit on again.
    await connection.query('delete from devices');
    await connection.commit();
    expect(outcomes(await numbers())).toEqual([1, 3]);
    await connection.beginTransaction();
    connection.on('error', () => {});
    const lost = connection.query('select sleep(60)').catch(() => {});
    await other.query(`kill ${connection.threadId}`);
    await lost;
    await vi.waitFor(async () => expect(outcomes(await numbers())).toEqual([1, 4]), { timeout: 10_000 });
    await other.end();
  });

  test('what was never executed is an error, and no execution', async () => {
    const { connection, other, numbers } = await begin();
    connection.on('error', () => {});
    await connection.query('select ?', [1]);
    await expect(connection.query('select ?', [])).rejects.toMatchObject({ errno: 45016 });
    await expect(connection.query('')).rejects.toMatchObject({ errno: 45049 });
    let page = await numbers();
    expect(executions(page)).toEqual({ select: 1 });
    expect(page.value('db_client_errors', { type: 'invalid' })).toBe(2);
    const texts = ['select sleep(60)', ...[1, 2, 3].map((id) => `insert into devices values (${id}, 'a')`)];
    const calls = Promise.allSettled(texts.map((sql) => connection.query(sql)));
    await vi.waitFor(
      async () => {
        const rows: unknown[] = await other.query(
          "select id from information_schema.processlist where id = ? and state = 'User sleep'",
          [connection.threadId],
        );
        expect(rows).toHaveLength(1);
      },
      { timeout: 10_000 },
    );
    await other.query(`kill ${connection.threadId}`);
    expect((await calls).map(({ status }) => status)).toEqual(texts.map(() => 'rejected'));
    await expect(connection.query('select 5')).rejects.toMatchObject({ errno: 45013 });
    await expect(connection.execute('select 5')).rejects.toMatchObject({ errno: 45013 });
    // The server has executed none of those that waited.
    expect(await other.query('select id from devices')).toHaveLength(0);
    page = await numbers();
    expect(executions(page)).toEqual({ select: 2 });
    expect(page.value('db_client_errors', { type: 'closed' })).toBe(5);
    expect(page.value('db_client_errors')).toBe(8);
    await other.end();
  });

  test('a stream on a closed connection is an error, and no execution', async () => {
    const { connection, other, numbers } = await begin();
    await connection.end();
    await other.end();
    // The driver just ends it, or throws.
    expect(
      await Promise.resolve()
        .then(() => read(connection.queryStream('select 1'), 1))
        .catch(() => 0),
    ).toBe(0);
    const page = await numbers();
    expect(page.value('db_client_executions')).toBe(0);
    expect(page.value('db_client_errors', { type: 'closed' })).toBe(1);
  });

  test('of a text that fails in the middle those count that ran, as the server counts them', async () => {
    const { connection, other, settings, registry, numbers } = await begin({ multipleStatements: true });
    // Without hooks, so that asking is not counted.
    const ran = async (ask: newest.Connection): Promise<number> => {
      const rows: { Value: string }[] = await ask.query(
        "show session status where variable_name in ('Com_select', 'Com_insert', 'Com_update', 'Com_delete')",
      );
      return rows.reduce((sum, { Value }) => sum + Number(Value), 0);
    };
    const plain = await library.createConnection({ ...settings, multipleStatements: true });
    const texts = [
      `select 1; select 2; ${INSERT_ONE}; ${INSERT_ONE}; delete from devices`,
      `update devices set name = 'b'; select 1; select * from nowhere; select 2`,
      `select 1; select 2`,
      `${INSERT_ONE}; select 1`,
    ];
    const before = await ran(plain);
    for (const sql of texts) {
      await other.query('delete from devices');
      await plain.query(sql).catch(() => {});
      await other.query('delete from devices');
      await connection.query(sql).catch(() => {});
      const expected = (await ran(plain)) - before;
      const counted = executions(await numbers());
      const { select = 0, insert = 0, update = 0, delete: deleted = 0 } = counted;
      expect(select + insert + update + deleted).toBe(expected);
    }
    const pool = instrumentMariadb(library.createPool({ ...settings, multipleStatements: true }), {
      registry,
      db: 'p',
    });
    await expect(pool.query('select 1; select 2; select * from nowhere; select 3')).rejects.toBeInstanceOf(Error);
    expect((await numbers()).value('db_client_executions', { db: 'p' })).toBe(3);
    for (const each of [connection, other, plain, pool]) await each.end();
  });
});
