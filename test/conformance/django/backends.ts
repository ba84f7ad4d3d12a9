import { Redis } from 'ioredis';
import { Kysely, PostgresDialect, sql, type Generated } from 'kysely';
import { Pool } from 'pg';
import { instrumentIoredis } from '../../../src/adapters/cache/ioredis.ts';
import { instrumentKysely } from '../../../src/adapters/model/kysely.ts';
import { instrumentPg } from '../../../src/adapters/database/pg/pg.ts';
import type { Registry } from '../../../src/core/registry.ts';

/** A row. */
export interface Site {
  readonly id: number;
  readonly name: string;
}

/** Where the servers are, and what is the application's own on them. */
export interface BackendOptions {
  readonly databaseUrl: string;
  readonly cacheUrl: string;
  readonly cachePrefix: string;
}

/** What the views of application.ts stand on: a database with a model, and a cache. */
export interface Backends {
  readonly sites: {
    list(): Promise<Site[]>;
    first(): Promise<Site>;
    find(id: number): Promise<Site | undefined>;
    create(name: string): Promise<Site>;
    createMany(names: readonly string[]): Promise<void>;
    rename(id: number, name: string): Promise<void>;
    markBulk(): Promise<void>;
    remove(id: number): Promise<void>;
    removeBulk(): Promise<void>;
  };
  readonly cache: {
    get(key: string): Promise<string | undefined>;
    getMany(keys: readonly string[]): Promise<void>;
    set(key: string, value: string): Promise<void>;
    delete(key: string): Promise<void>;
    getFromNowhere(key: string): Promise<void>;
  };
  readonly database: {
    run(sql: string): Promise<void>;
    runOnReplica(sql: string): Promise<void>;
    transaction(): Promise<unknown>;
    reconnect(): Promise<void>;
    migrations(): Promise<{ applied: number; unapplied: number }>;
  };
  instrument(registry: Registry): void;
  close(): Promise<void>;
}

/** The names that Python's database API has for errors. */
class IntegrityError extends Error {}
class ProgrammingError extends Error {}

interface Tables {
  project_site: { id: Generated<number>; name: string };
}

/** PostgreSQL through Kysely, and Redis. */
export function connectBackends({ databaseUrl, cacheUrl, cachePrefix }: BackendOptions): Backends {
  const pool = new Pool({ connectionString: databaseUrl, max: 1, idleTimeoutMillis: 0 });
  const nowhere = new URL(databaseUrl);
  nowhere.port = '1';
  const replica = new Pool({ connectionString: nowhere.href, max: 1 });
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
  const redis = new Redis(cacheUrl, { keyPrefix: cachePrefix });
  const noRedis = new Redis('redis://127.0.0.1:1', {
    lazyConnect: true,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  noRedis.on('error', () => {});
  const bulk = 'bulk-%';
  return {
    sites: {
      list: () => db.selectFrom('project_site').selectAll().orderBy('id').limit(50).execute(),
      first: () => db.selectFrom('project_site').selectAll().orderBy('id').limit(1).executeTakeFirstOrThrow(),
      find: (id) => db.selectFrom('project_site').selectAll().where('id', '=', id).executeTakeFirst(),
      create: (name) =>
        db
          .insertInto('project_site')
          .values({ name })
          .returning(['id', 'name'])
          .executeTakeFirstOrThrow()
          .catch(raise(IntegrityError)),
      createMany: async (names) =>
        void (await db
          .insertInto('project_site')
          .values(names.map((name) => ({ name })))
          .execute()),
      rename: async (id, name) =>
        void (await db.updateTable('project_site').set({ name }).where('id', '=', id).execute()),
      markBulk: async () =>
        void (await db
          .updateTable('project_site')
          .set({ name: sql`name || '!'` })
          .where('name', 'like', bulk)
          .execute()),
      remove: async (id) => void (await db.deleteFrom('project_site').where('id', '=', id).execute()),
      removeBulk: async () => void (await db.deleteFrom('project_site').where('name', 'like', bulk).execute()),
    },
    cache: {
      get: async (key) => (await redis.get(key)) ?? undefined,
      getMany: async (keys) => void (await redis.mget(...keys)),
      set: async (key, value) => void (await redis.set(key, value)),
      delete: async (key) => void (await redis.del(key)),
      getFromNowhere: async (key) => void (await noRedis.get(key)),
    },
    database: {
      // Not through the pool's own query, which closes a connection on which a statement failed.
      run: async (text) => void (await sql.raw(text).execute(db).catch(raise(ProgrammingError))),
      runOnReplica: async (text) => void (await replica.query(text)),
      transaction: () =>
        db.transaction().execute(async (transaction) => {
          await sql`select 1`.execute(transaction);
          await sql`select 2`.execute(transaction);
        }),
      reconnect: async () => {
        (await pool.connect()).release(true);
        await pool.query('select 1');
      },
      migrations: async () => ({
        applied: Number((await pool.query('select count(*) from django_migrations')).rows[0].count),
        unapplied: 0,
      }),
    },
    instrument: (registry) => {
      instrumentPg(pool, { registry });
      instrumentPg(replica, { registry, db: 'replica' });
      instrumentKysely(db, { registry });
      instrumentIoredis(redis, { registry });
      instrumentIoredis(noRedis, { registry, cache: 'nowhere' });
    },
    close: async () => {
      await db.destroy();
      await replica.end();
      redis.disconnect();
      noRedis.disconnect();
    },
  };
}

function raise(Class: new (message: string) => Error): (error: Error) => never {
  return ({ message }) => {
    throw new Class(message);
  };
}
