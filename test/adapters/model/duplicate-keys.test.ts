import { drizzle } from 'drizzle-orm/mysql2';
import { sql } from 'drizzle-orm';
import Knex from 'knex';
import { createPool } from 'mysql2';
import { Sequelize } from 'sequelize';
import { DataSource } from 'typeorm';
import { afterAll, describe, expect, test } from 'vitest';
import { instrumentDrizzle } from '../../../src/adapters/model/drizzle/drizzle.ts';
import { instrumentKnex } from '../../../src/adapters/model/knex.ts';
import { instrumentSequelize } from '../../../src/adapters/model/sequelize/sequelize.ts';
import { instrumentTypeorm } from '../../../src/adapters/model/typeorm.ts';
import { Registry } from '../../../src/core/registry.ts';
import { Numbers } from '../../support/http-numbers.ts';
import { mariadbModels } from '../../support/model-databases.ts';

const database = await mariadbModels();
afterAll(() => database.drop());

interface Subject {
  run(text: string): Promise<unknown>;
  close(): Promise<unknown>;
}

const SUBJECTS: Readonly<Record<string, (registry: Registry) => Promise<Subject>>> = {
  Knex: async (registry) => {
    const knex = instrumentKnex(Knex({ client: 'mysql2', connection: database.url }), { registry });
    return { run: async (text) => knex.raw(text), close: () => knex.destroy() };
  },
  Sequelize: async (registry) => {
    const sequelize = new Sequelize(database.url, { logging: false, dialect: 'mysql' });
    instrumentSequelize(sequelize, { registry });
    return { run: (text) => sequelize.query(text), close: () => sequelize.close() };
  },
  TypeORM: async (registry) => {
    const source = new DataSource({ type: 'mysql', url: database.url });
    instrumentTypeorm(source, { registry });
    await source.initialize();
    return { run: (text) => source.query(text), close: () => source.destroy() };
  },
  Drizzle: async (registry) => {
    const pool = createPool(database.url);
    const db = instrumentDrizzle(drizzle(pool), { registry });
    return { run: async (text) => db.execute(sql.raw(text)), close: () => pool.promise().end() };
  },
};

describe.skipIf(database.missing)('rows that MySQL inserts or updates, by the answer of the server', () => {
  test.each(Object.keys(SUBJECTS))('%s', async (name) => {
    await database.empty();
    const registry = new Registry();
    const { run, close } = await SUBJECTS[name]!(registry);
    const names = (list: string) =>
      list
        .split(' ')
        .map((each) => `select '${each}' as name, 1 as score`)
        .join(' union all ');
    await run(`insert into author (name, score) ${names('ada bob cyd')}`);
    await run(
      `insert into author (name, score) select name, 7 from (${names('ada bob dan')}) as given on duplicate key update score = 7`,
    );
    await run(
      `insert into author (name, score) values ('eve', 1), ('ada', 8) on duplicate key update score = values(score)`,
    );
    await run(`replace into author (name, score) ${names('flo')}`);
    const numbers = await Numbers.of(registry);
    const counted = {
      'author insert': numbers.value('model_inserts', { model: 'author' }),
      'author update': numbers.value('model_updates', { model: 'author' }),
    };
    expect(counted).toEqual(await database.truth());
    expect(counted).toEqual({ 'author insert': 6, 'author update': 3 });
    await close();
  });
});
