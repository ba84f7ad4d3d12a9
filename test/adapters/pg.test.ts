import Cursor from 'pg-cursor';
import * as newest from 'pg';
import { afterAll } from 'vitest';
import { instrumentPg, uninstrument } from '../../src/adapters/pg.ts';
import { databaseContract, type DatabaseSubject, type OpenOptions } from '../contracts/database.contract.ts';
import { oldest } from '../support/oldest.ts';
import { postgres } from '../support/servers.ts';

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
