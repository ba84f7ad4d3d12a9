import Newest from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { instrumentBetterSqlite3, uninstrument } from '../../../src/adapters/database/better-sqlite3.ts';
import { Registry } from '../../../src/index.ts';
import { databaseContract } from '../../contracts/database.contract.ts';
import { Numbers } from '../../support/http-numbers.ts';
import { sqliteSubject } from '../../support/sqlite-subject.ts';

const TRAITS = {
  system: 'sqlite',
  errors: { duplicate: 'SQLITE_CONSTRAINT_PRIMARYKEY', nonsense: 'SQLITE_ERROR' },
  lacks: ['hold', 'batch'],
} as const;

databaseContract(
  'better-sqlite3, newest',
  async (options) => {
    const database = new Newest(':memory:');
    database.exec('create table devices (id integer primary key, name text)');
    const instrument = (): void => void instrumentBetterSqlite3(database, options);
    if (options.instrumented) instrument();
    return sqliteSubject(database, { instrument, uninstrument: () => uninstrument(database) });
  },
  TRAITS,
);

describe('better-sqlite3', () => {
  function open(): { database: Newest.Database; registry: Registry; numbers(): Promise<Numbers> } {
    const registry = new Registry();
    const database = new Newest(':memory:');
    database.exec('create table devices (id integer primary key, name text)');
    return { database: instrumentBetterSqlite3(database, { registry }), registry, numbers: () => Numbers.of(registry) };
  }

  function transactions(page: Numbers): number[] {
    return ['committed', 'rolled_back'].map((outcome) => page.value('db_client_transactions', { outcome }));
  }

  test('transactions by its own means count, nested ones once', async () => {
    const { database, numbers } = open();
    const insert = database.prepare('insert into devices values (?, ?)');
    const both = database.transaction((first: number, second: number) => {
      insert.run(first, 'a');
      database.transaction(() => insert.run(second, 'b'))();
    });
    both(1, 2);
    expect(() => both(3, 1)).toThrow(/UNIQUE/);
    expect(transactions(await numbers())).toEqual([1, 1]);
    expect((await numbers()).value('db_client_executions', { operation: 'insert' })).toBe(4);
  });

  test('a transaction that SQLite ends by itself is rolled back', async () => {
    const { database, numbers } = open();
    database.exec('insert into devices values (1, null)');
    database.exec('begin');
    expect(() => database.prepare('insert or rollback into devices values (1, null)').run()).toThrow(/UNIQUE/);
    expect(transactions(await numbers())).toEqual([0, 1]);
    database.exec('begin');
    database.exec('commit');
    expect(transactions(await numbers())).toEqual([1, 1]);
  });

  test('an iterator counts its rows, to its end or until it is given up', async () => {
    const { database, numbers } = open();
    const other = new Newest(':memory:');
    const rows = database.prepare(
      'with recursive n(i) as (select 1 union all select i + 1 from n where i < 9) select i from n',
    );
    const iterator = rows.iterate();
    expect(Object.hasOwn(iterator, 'next')).toBe(false);
    expect([...iterator]).toHaveLength(9);
    for (const row of rows.iterate()) if ((row as { i: number }).i === 3) break;
    expect([...other.prepare('select 1 as n').iterate()]).toEqual([{ n: 1 }]);
    const page = await numbers();
    expect(page.value('db_client_executions', { operation: 'select' })).toBe(2);
    expect(page.count('db_client_operation_duration_seconds')).toBe(2);
    expect(page.sum('db_client_returned_rows')).toBe(12);
    uninstrument(database);
    expect([...rows.iterate()]).toHaveLength(9);
    expect((await numbers()).value('db_client_executions')).toBe(2);
  });

  test('of a text that fails in the middle those count that ran', async () => {
    const { database, numbers } = open();
    const insert = "insert into devices values (1, 'a;b')";
    const counted = async (): Promise<Record<string, number>> =>
      Object.fromEntries(
        (await numbers()).series('db_client_executions').map(({ labels, value }) => [labels['operation'], value]),
      );
    const before = await counted();
    expect(() => database.exec(`${insert}; -- one; more\n${insert}; delete from devices`)).toThrow(/UNIQUE/);
    expect(await counted()).toEqual({ ...before, insert: 2 });
    expect(() => database.exec('begin; update devices set name = 1; commit; selec 1; delete from devices')).toThrow(
      /near "selec": syntax error/,
    );
    const { ddl = 0 } = before;
    expect(await counted()).toMatchObject({ insert: 2, update: 1, transaction: 2, other: 1 });
    expect(await counted()).not.toHaveProperty('delete');
    expect(transactions(await numbers())).toEqual([1, 0]);
    // The body of a trigger is part of its statement.
    expect(
      database.exec(`create table log (n); create trigger logs after insert on devices begin
        insert into log values (1); insert into log values (2); end; select 1`),
    ).toBe(database);
    expect(await counted()).toMatchObject({ ddl: ddl + 2, select: 1 });
    expect((await numbers()).count('db_client_operation_duration_seconds')).toBeGreaterThanOrEqual(3);
  });

  test('what the library refuses is an error, and no execution; closing rolls back', async () => {
    const { database, numbers } = open();
    const insert = database.prepare('insert into devices values (?, ?)');
    expect(() => insert.run(1)).toThrow(RangeError);
    expect(() => insert.run(1, {})).toThrow(/bind|parameter/);
    expect(() => database.prepare('select ?').iterate(() => {})).toThrow(TypeError);
    database.exec('begin');
    database.close();
    expect(() => insert.run(1, 'a')).toThrow(/not open/);
    const page = await numbers();
    expect(page.value('db_client_executions')).toBe(1);
    expect(page.value('db_client_errors', { type: 'invalid' })).toBe(3);
    expect(page.value('db_client_errors', { type: 'closed' })).toBe(1);
    expect(transactions(page)).toEqual([0, 1]);
  });

  test('statements that were prepared before count, and those of other databases do not', async () => {
    const other = new Newest(':memory:');
    const { database, numbers } = open();
    const prepared = database.prepare('select 1');
    uninstrument(database);
    prepared.get();
    const registry = new Registry();
    instrumentBetterSqlite3(database, { registry });
    prepared.get();
    other.prepare('select 1').get();
    expect((await Numbers.of(registry)).value('db_client_executions')).toBe(1);
    expect((await numbers()).value('db_client_executions')).toBe(0);
    uninstrument(database);
    prepared.get();
    expect((await Numbers.of(registry)).value('db_client_executions')).toBe(1);
  });
});
