import newest from 'postgres';
import { afterAll } from 'vitest';
import { instrumentPostgres, uninstrument } from '../../../src/adapters/database/postgres/postgres.ts';
import { databaseContract, type DatabaseSubject, type OpenOptions } from '../../contracts/database.contract.ts';
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
