import * as newest from 'mysql2';
import * as newestPromise from 'mysql2/promise';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { Registry } from '../../../src/core/registry.ts';
import { instrumentMysql2, uninstrument } from '../../../src/adapters/database/mysql2/mysql2.ts';
import { databaseContract, type DatabaseSubject, type OpenOptions } from '../../contracts/database.contract.ts';
import { Numbers } from '../../support/http-numbers.ts';
import { oldest } from '../../support/oldest.ts';
import { mariadb, type TestDatabase } from '../../support/servers.ts';

const server = await mariadb();
const databases: TestDatabase[] = [];
afterAll(async () => {
  for (const database of databases) await database.drop();
});

type Mysql2 = Pick<typeof newest, 'createPool'>;
type Mysql2Promise = Pick<typeof newestPromise, 'createPool'>;

const TRAITS = {
  system: 'mysql',
  errors: { duplicate: '23', nonsense: '42' },
  server: { refused: 'ECONNREFUSED', denied: '28' },
  poolTimeout: 'exhausted',
  // Packets, which hold the database's name.
  varies: /\\"data\\":\[[\d,]*\]/g,
  missing: server.missing,
};

/** Each database under the contract has one of its own. */
async function emptyDatabase(): Promise<TestDatabase> {
  const database = await server.createDatabase();
  databases.push(database);
  const { host, port, user, password } = database;
  const connection = await newestPromise.createConnection({ host, port, user, password, database: database.database });
  await connection.query('create table devices (id integer primary key, name text)');
  await connection.end();
  return database;
}

async function configuration({ user, port, max, waitMs }: OpenOptions): Promise<newest.PoolOptions> {
  const database = await emptyDatabase();
  return {
    host: database.host,
    port: port ?? database.port,
    user: user ?? database.user,
    password: database.password,
    database: database.database,
    connectionLimit: max,
    waitForConnections: waitMs === 0,
  };
}

const INSERT = 'insert into devices values (?, ?)';
const SELECT = 'select id, name from devices where id <= ?';

/** What the promise and the callback API have in common, as promises. */
interface Api {
  query(sql: string, values?: unknown): Promise<unknown>;
  execute(sql: string, values: unknown[]): Promise<unknown>;
}

function operations({ query, execute }: Api) {
  return {
    insert: (id: number, name: string) => execute(INSERT, [id, name]),
    select: (upTo: number) => query(SELECT, [upTo]),
    rename: (id: number, name: string) => query('update devices set name = ? where id = ?', [name, id]),
    remove: (id: number) => execute('delete from devices where id = ?', [id]),
    ddl: () => query('create index names on devices (name(20))'),
    nonsense: () => query('selec 1'),
    run: (sql: string) => query(sql),
    insertAll: (rows: readonly unknown[]) => query('insert into devices values ?', [rows]),
    upsert: (id: number, name: string) => query(`${INSERT} on duplicate key update name = values(name)`, [id, name]),
  };
}

const openPromise =
  (mysql2: Mysql2Promise) =>
  async (options: OpenOptions): Promise<DatabaseSubject> => {
    const pool = mysql2.createPool(await configuration(options));
    const instrument = (): void => void instrumentMysql2(pool, options);
    if (options.instrumented) instrument();
    return {
      ...operations({
        query: (sql, values) => pool.query(sql, values as unknown[]),
        execute: (sql, values) => pool.execute(sql, values as string[]),
      }),
      async prepared(id) {
        const connection = await pool.getConnection();
        try {
          const statement = await connection.prepare('select * from devices where id = ?');
          return await statement.execute([id]);
        } finally {
          connection.release();
        }
      },
      async cursor(upTo, stopAfter) {
        const connection = await pool.getConnection();
        const count = await stream(connection.connection as unknown as newest.Connection, upTo, stopAfter);
        connection.release();
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
          connection.release();
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

function stream(connection: newest.Connection, upTo: number, stopAfter: number): Promise<number> {
  return new Promise((resolve, reject) => {
    let count = 0;
    const rows = connection.query(SELECT, [upTo]).stream({ highWaterMark: 5 });
    rows.on('data', () => {
      if (++count >= stopAfter) rows.destroy();
    });
    rows.on('error', reject);
    rows.on('end', () => resolve(count));
    rows.on('close', () => resolve(count));
  });
}

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
  (mysql2: Mysql2) =>
  async (options: OpenOptions): Promise<DatabaseSubject> => {
    const pool = mysql2.createPool(await configuration(options));
    const instrument = (): void => void instrumentMysql2(pool, options);
    if (options.instrumented) instrument();
    const connect = async (): Promise<newest.PoolConnection> => {
      const [connection] = (await called((done) => pool.getConnection(done))) as [newest.PoolConnection];
      return connection;
    };
    return {
      ...operations({
        query: (sql, values) =>
          called((done) => (values === undefined ? pool.query(sql, done) : pool.query(sql, values as unknown[], done))),
        execute: (sql, values) => called((done) => pool.execute(sql, values as string[], done)),
      }),
      async prepared(id) {
        const connection = await connect();
        const sql = 'select * from devices where id = ?';
        const [statement] = (await called((done) => connection.prepare(sql, done))) as [newest.PrepareStatementInfo];
        const answers = await called((done) => statement.execute([id], done));
        connection.release();
        return answers;
      },
      async cursor(upTo, stopAfter) {
        const connection = await connect();
        const count = await stream(connection, upTo, stopAfter);
        connection.release();
        return count;
      },
      async transaction(work) {
        const connection = await connect();
        try {
          await called((done) => connection.beginTransaction(done));
          await work({
            insert: (id, name) => called((done) => connection.query(INSERT, [id, name], done)),
            select: (upTo) => called((done) => connection.execute(SELECT, [upTo], done)),
          });
          await called((done) => connection.commit(done));
        } catch (error) {
          await called((done) => connection.rollback(() => done(undefined)));
          throw error;
        } finally {
          connection.release();
        }
      },
      async hold() {
        const connection = await connect();
        return () => connection.release();
      },
      instrument,
      uninstrument: () => uninstrument(pool),
      close: () => called((done) => pool.end(done)),
    };
  };

const { default: oldestMysql2 } = await oldest<{ default: Mysql2 }>('database', 'mysql2');
const { default: oldestPromise } = await oldest<{ default: Mysql2Promise }>('database', 'mysql2/promise.js');

// A stream that is given up leaves the connection standing still in that version.
const OLDEST = { ...TRAITS, lacks: ['batch', 'cursor'] } as const;

databaseContract('mysql2/promise 3.0', openPromise(oldestPromise), OLDEST);
databaseContract('mysql2 3.0', openCallback(oldestMysql2), OLDEST);
databaseContract('mysql2/promise', openPromise(newestPromise), { ...TRAITS, lacks: ['batch'] });
databaseContract('mysql2', openCallback(newest), { ...TRAITS, lacks: ['batch'] });

describe.skipIf(server.missing)('mysql2: what it has of its own', () => {
  const begin = async (more: newest.PoolOptions = {}) => {
    const registry = new Registry();
    const options = { registry, db: 'own', instrumented: true, max: 2, waitMs: 0 };
    const settings = { ...(await configuration(options)), ...more };
    return { registry, options, settings, numbers: () => Numbers.of(registry) };
  };
  const outcomes = (page: Numbers): number[] =>
    ['committed', 'rolled_back'].map((outcome) => page.value('db_client_transactions', { outcome }));

  test('several statements in one text: each is an execution, in one call', async () => {
    const { settings, options, numbers } = await begin({ multipleStatements: true });
    const pool = instrumentMysql2(newestPromise.createPool(settings), options);
    await pool.query("begin; insert into devices values (1, 'a\\'; b'); select 1; commit");
    await expect(
      pool.query("select 1; insert into devices values (1, 'x'); delete from devices"),
    ).rejects.toBeInstanceOf(Error);
    const page = await numbers();
    expect(page.value('db_client_executions')).toBe(6);
    expect(page.value('db_client_executions', { operation: 'delete' })).toBe(0);
    expect(page.count('db_client_operation_duration_seconds')).toBe(2);
    expect(page.sum('db_client_returned_rows')).toBe(1);
    expect(outcomes(page)).toEqual([1, 0]);
    await pool.end();
  });

  test('a deadlock has rolled back before anybody says so', async () => {
    const { settings, options, numbers } = await begin();
    const pool = instrumentMysql2(newestPromise.createPool(settings), options);
    await pool.query("insert into devices values (1, 'a'), (2, 'b')");
    const [one, two] = await Promise.all([pool.getConnection(), pool.getConnection()]);
    for (const connection of [one, two]) await connection.beginTransaction();
    const update = 'update devices set name = ? where id = ?';
    await one.query(update, ['x', 1]);
    await two.query(update, ['x', 2]);
    const settled = await Promise.allSettled([one.query(update, ['x', 2]), two.query(update, ['x', 1])]);
    expect(settled.filter(({ status }) => status === 'rejected')).toHaveLength(1);
    const page = await numbers();
    expect(outcomes(page)).toEqual([0, 1]);
    expect(page.value('db_client_errors', { type: '40' })).toBe(1);
    for (const connection of [one, two]) {
      await connection.commit();
      connection.release();
    }
    expect(outcomes(await numbers())).toEqual([1, 1]);
    await pool.end();
  });

  test('a query without a callback is seen by its events, and its error is thrown as ever', async () => {
    const { settings, options, numbers } = await begin();
    const pool = instrumentMysql2(newest.createPool(settings), options);
    const rows = await new Promise<number>((resolve) => {
      let count = 0;
      const query = pool.query('select 1 as n union select 2');
      query.on('result', () => count++);
      query.on('end', () => resolve(count));
    });
    expect(rows).toBe(2);
    const error = await new Promise<unknown>((resolve) => pool.query('selec 1').on('error', resolve));
    expect(error).toMatchObject({ code: 'ER_PARSE_ERROR' });
    await vi.waitFor(async () => {
      const page = await numbers();
      expect(page.value('db_client_executions')).toBe(2);
      expect(page.sum('db_client_returned_rows')).toBe(2);
      expect(page.count('db_client_operation_duration_seconds')).toBe(2);
      expect(page.value('db_client_errors', { type: '42' })).toBe(1);
    });
    await called((done) => pool.end(done));
  });

  test.each([
    ['mysql2', newest],
    ['mysql2/promise', newestPromise],
  ])(
    'the module %s: all that is made of it, and a pool with hooks of its own keeps its name',
    async (_name, module) => {
      const { settings, options, registry, numbers } = await begin();
      // A namespace is no object of its own for each test.
      const target = { ...module };
      instrumentMysql2(target, { registry });
      try {
        const plain = newestPromise.createPool(settings);
        const own = instrumentMysql2(newestPromise.createPool(settings), options);
        // What `mysql2/promise` makes by itself is seen by its function.
        const create = (module === newestPromise ? target : newestPromise) as typeof newestPromise;
        const connection = await create.createConnection(connectionOnly(settings));
        await Promise.all([
          plain.query('select 1'),
          own.query('select 1'),
          own.execute('select 2'),
          connection.query('select 3'),
        ]);
        const page = await numbers();
        expect(page.value('db_client_executions', { db: 'default' })).toBe(2);
        expect(page.value('db_client_executions', { db: 'own' })).toBe(2);
        expect(page.value('db_client_connections_created', { db: 'default' })).toBe(2);
        expect(page.value('db_client_connections_created', { db: 'own' })).toBe(
          page.value('db_client_connections', { db: 'own' }),
        );
        await Promise.all([plain.end(), own.end(), connection.end()]);
        for (const db of ['default', 'own']) {
          const refused = newestPromise.createPool({ ...settings, port: 1 });
          if (db === 'own') instrumentMysql2(refused, options);
          await expect(refused.query('select 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
          await refused.end();
        }
        const nowhere = connectionOnly({ ...settings, port: 1 });
        if (module === newestPromise) await expect(create.createConnection(nowhere)).rejects.toBeInstanceOf(Error);
        else await new Promise((resolve) => newest.createConnection(nowhere).once('error', resolve));
        await vi.waitFor(async () => {
          const errors = (await numbers()).series('db_client_connection_errors', { type: 'ECONNREFUSED' });
          expect(Object.fromEntries(errors.map(({ labels, value }) => [labels['db'], value]))).toEqual({
            default: 2,
            own: 1,
          });
        });
      } finally {
        uninstrument(target);
      }
    },
  );

  test('what the server ends by itself has its outcome', async () => {
    const { settings, registry, numbers } = await begin();
    const connection = instrumentMysql2(await newestPromise.createConnection(connectionOnly(settings)), { registry });
    const insert = "insert into devices values (1, 'a')";
    await connection.query('begin');
    await connection.query(insert);
    await connection.changeUser({});
    expect(outcomes(await numbers())).toEqual([0, 1]);
    await connection.query('begin');
    await connection.query('lock tables devices write');
    expect(outcomes(await numbers())).toEqual([1, 1]);
    await connection.query('unlock tables');
    await connection.query('set autocommit = 0');
    await connection.query(insert);
    await connection.query('rollback');
    expect(outcomes(await numbers())).toEqual([1, 2]);
    await connection.query(insert);
    await connection.end();
    await vi.waitFor(async () => expect(outcomes(await numbers())).toEqual([1, 3]));
  });

  test('what was never sent is an error, and no execution', async () => {
    const { settings, registry, numbers } = await begin();
    const connection = instrumentMysql2(newest.createConnection(connectionOnly(settings)), { registry });
    await called((done) => connection.query('select 1', done));
    connection.on('error', () => {});
    const texts = ['select sleep(60)', 'select 2', 'select 3'];
    const failed = Promise.allSettled(texts.map((sql) => called((done) => connection.query(sql, done))));
    connection.destroy();
    (connection as unknown as { stream: { emit(name: string, error: Error): void } }).stream.emit(
      'error',
      Object.assign(new Error('lost'), { code: 'ECONNABORTED' }),
    );
    expect((await failed).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    await expect(called((done) => connection.query('select 4', done))).rejects.toThrow(/closed state/);
    const page = await numbers();
    expect(page.value('db_client_executions')).toBe(2);
    expect(page.labelValues('db_client_errors', 'type')).toEqual(['ECONNABORTED', 'closed']);
    expect(page.value('db_client_errors', { type: 'closed' })).toBe(3);
  });

  test('queries without a callback that were never sent, and parameters that are refused', async () => {
    const { settings, registry, numbers } = await begin();
    const connection = instrumentMysql2(newest.createConnection(connectionOnly(settings)), { registry });
    connection.on('error', () => {});
    await called((done) => connection.query('select 1', done));
    expect(() => connection.execute('select ?', [undefined as never], () => {})).toThrow(TypeError);
    expect(() => connection.execute('select ?', [undefined as never])).toThrow(TypeError);
    let page = await numbers();
    expect(page.value('db_client_executions')).toBe(1);
    expect(page.value('db_client_errors', { type: 'invalid' })).toBe(2);
    const sent = connection.query('select sleep(60)');
    sent.on('error', () => {});
    connection.query('select 2').on('error', () => {});
    connection.query('select 3').on('error', () => {});
    const other = await newestPromise.createConnection(connectionOnly(settings));
    await vi.waitFor(
      async () => {
        const [rows] = await other.query(
          "select id from information_schema.processlist where id = ? and state = 'User sleep'",
          [connection.threadId],
        );
        expect(rows).toHaveLength(1);
      },
      { timeout: 10_000 },
    );
    await other.query(`kill ${connection.threadId}`);
    await vi.waitFor(async () => expect((await numbers()).value('db_client_errors')).toBe(5), { timeout: 10_000 });
    connection.query('select 4');
    page = await numbers();
    expect(page.value('db_client_executions')).toBe(2);
    expect(page.value('db_client_errors', { type: 'closed' })).toBe(3);
    await other.end();
  });

  test('a single connection: what fails to connect is no execution', async () => {
    const { settings, registry, numbers } = await begin();
    const { connectionLimit: _limit, waitForConnections: _wait, ...single } = settings;
    const connection = instrumentMysql2(newest.createConnection(single), { registry });
    await called((done) => connection.query('select 1', done));
    await called((done) => connection.end(done));
    const refused = instrumentMysql2(newest.createConnection({ ...single, port: 1 }), { registry });
    await expect(called((done) => refused.query('select 1', done))).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await vi.waitFor(async () => {
      const page = await numbers();
      expect(page.value('db_client_executions')).toBe(1);
      expect(page.value('db_client_connections_created')).toBe(1);
      expect(page.value('db_client_connection_errors', { type: 'ECONNREFUSED' })).toBe(1);
    });
  });
});

/** Settings of a pool, without those that connections refuse. */
function connectionOnly<S extends { connectionLimit?: unknown; waitForConnections?: unknown }>(
  settings: S,
): Omit<S, 'connectionLimit' | 'waitForConnections'> {
  const { connectionLimit: _limit, waitForConnections: _wait, ...single } = settings;
  return single;
}
