import { MikroORM } from '@mikro-orm/postgresql';
import Knex from 'knex';
import { Client } from 'pg';
import { Sequelize } from 'sequelize';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { instrumentKnex } from '../../../src/adapters/model/knex.ts';
import { instrumentMikroOrm } from '../../../src/adapters/model/mikro-orm.ts';
import { instrumentSequelize } from '../../../src/adapters/model/sequelize/sequelize.ts';
import { uninstrument } from '../../../src/instrument/hooks/attach.ts';
import { Registry } from '../../../src/core/registry.ts';
import { Numbers } from '../../support/http-numbers.ts';
import { postgresModels } from '../../support/model-databases.ts';

const database = await postgresModels();
afterAll(() => database.drop());

/** A pool of at most four connections. */
interface Subject {
  query(sql: string): Promise<unknown>;
  uninstrument(): void;
  close(): Promise<unknown>;
}

const SUBJECTS: Readonly<Record<string, (registry: Registry) => Promise<Subject>>> = {
  Knex: async (registry) => {
    const knex = Knex({ client: 'pg', connection: database.url, pool: { min: 0, max: 4 } });
    instrumentKnex(knex, { registry, db: 'main' });
    return {
      query: async (sql) => knex.raw(sql),
      uninstrument: () => uninstrument(knex),
      close: () => knex.destroy(),
    };
  },
  MikroORM: async (registry) => {
    const orm = await MikroORM.init({
      clientUrl: database.url,
      pool: { min: 0, max: 4 },
      entities: [],
      discovery: { warnWhenNoEntities: false },
    });
    instrumentMikroOrm(orm, { registry, db: 'main' });
    return {
      query: (sql) => orm.em.getConnection().execute(sql),
      uninstrument: () => uninstrument(orm),
      close: () => orm.close(true),
    };
  },
  Sequelize: async (registry) => {
    const sequelize = new Sequelize(database.url, { logging: false, pool: { min: 0, max: 4 } });
    instrumentSequelize(sequelize, { registry, db: 'main' });
    return {
      query: (sql) => sequelize.query(sql),
      uninstrument: () => uninstrument(sequelize),
      close: () => sequelize.close(),
    };
  },
};

describe.skipIf(database.missing)('the pool of', () => {
  const gate = new Client(database.url);
  beforeAll(() => gate.connect());
  afterAll(() => gate.end());

  test.each(Object.keys(SUBJECTS))('%s shows its connections, and who waits for one', async (name) => {
    const registry = new Registry();
    const subject = await SUBJECTS[name]!(registry);
    const labels = { db: 'main', system: 'postgresql' };
    const pool = async () => {
      const numbers = await Numbers.of(registry);
      return {
        used: numbers.value('db_client_connections', { ...labels, state: 'used' }),
        idle: numbers.value('db_client_connections', { ...labels, state: 'idle' }),
        pending: numbers.value('db_client_pending_requests', labels),
        max: numbers.value('db_client_connections_max', labels),
      };
    };
    await subject.query('select 1');
    const waits = async () => (await Numbers.of(registry)).count('db_client_connection_wait_seconds', labels);
    const before = await waits();

    await gate.query('select pg_advisory_lock(4711)');
    const queries = Array.from({ length: 6 }, () =>
      subject.query('select pg_advisory_lock_shared(4711), pg_advisory_unlock_shared(4711)'),
    );
    await vi.waitFor(async () => expect(await pool()).toEqual({ used: 4, idle: 0, pending: 2, max: 4 }), 30_000);
    await gate.query('select pg_advisory_unlock(4711)');
    await Promise.all(queries);
    await vi.waitFor(async () => expect(await pool()).toEqual({ used: 0, idle: 4, pending: 0, max: 4 }), 30_000);
    expect((await waits()) - before).toBe(6);

    await subject.close();
    await vi.waitFor(async () => expect(await pool()).toEqual({ used: 0, idle: 0, pending: 0, max: 0 }), 30_000);
    registry.close();
  });

  test.each(Object.keys(SUBJECTS))('%s is left alone after uninstrument()', async (name) => {
    const registry = new Registry();
    const subject = await SUBJECTS[name]!(registry);
    await subject.query('select 1');
    subject.uninstrument();
    const labels = { db: 'main', system: 'postgresql' };
    await subject.query('select 1');
    const numbers = await Numbers.of(registry);
    expect(numbers.count('db_client_connection_wait_seconds', labels)).toBe(1);
    expect(numbers.value('db_client_connections_max', labels)).toBe(0);
    await subject.close();
    registry.close();
  });
});
