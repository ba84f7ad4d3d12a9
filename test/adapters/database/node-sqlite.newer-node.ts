import { createRequire } from 'node:module';
import { describe, expect, test } from 'vitest';
import { instrumentNodeSqlite, uninstrument } from '../../../src/adapters/database/node-sqlite.ts';
import { Registry } from '../../../src/index.ts';
import { databaseContract } from '../../contracts/database.contract.ts';
import { Numbers } from '../../support/http-numbers.ts';
import { type SqliteDatabase, sqliteSubject } from '../../support/sqlite-subject.ts';

/** The types of Node 20 do not know it. */
const { DatabaseSync } = createRequire(import.meta.url)('node:sqlite') as {
  DatabaseSync: new (path: string) => SqliteDatabase;
};

function open(): SqliteDatabase {
  const database = new DatabaseSync(':memory:');
  database.exec('create table devices (id integer primary key, name text)');
  return database;
}

databaseContract(
  `node:sqlite of ${process.version}`,
  async (options) => {
    const database = open();
    const instrument = (): void => void instrumentNodeSqlite(database, options);
    if (options.instrumented) instrument();
    return sqliteSubject(database, { instrument, uninstrument: () => uninstrument(database) });
  },
  // The codes of SQLite: a primary key that is there already (1555), and nonsense (1).
  { system: 'sqlite', errors: { duplicate: '1555', nonsense: '1' }, lacks: ['hold', 'batch'] },
);

describe('node:sqlite', () => {
  test('a transaction that SQLite ends by itself is rolled back', async () => {
    const registry = new Registry();
    const database = instrumentNodeSqlite(open(), { registry });
    database.exec('insert into devices values (1, null)');
    database.exec('begin');
    expect(() => database.prepare('insert or rollback into devices values (1, null)').run()).toThrow(/UNIQUE/);
    const page = await Numbers.of(registry);
    expect(page.value('db_client_transactions', { outcome: 'rolled_back' })).toBe(1);
    expect(page.value('db_client_connections_created')).toBe(1);
  });
});
