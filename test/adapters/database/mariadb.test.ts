import * as newest from 'mariadb';
import * as newestCallback from 'mariadb/callback';
import { afterAll } from 'vitest';
import { instrumentMariadb, uninstrument } from '../../../src/adapters/database/mariadb/mariadb.ts';
import { databaseContract, type DatabaseSubject, type OpenOptions } from '../../contracts/database.contract.ts';
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
