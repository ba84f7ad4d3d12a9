import { describe, expect, test } from 'vitest';
import { Registry } from '../../../src/core/registry.ts';
import { ModelRecorder } from '../../../src/instrument/model/recorder.ts';
import { reportedRows } from '../../../src/instrument/model/reported-rows.ts';
import { SqlConnection } from '../../../src/instrument/model/sql-connection.ts';
import { countSqlWrite, readSqlWrite, type Write } from '../../../src/instrument/sql/sql-write.ts';
import { collectGarbage } from '../../support/heap-used.ts';
import { Numbers } from '../../support/http-numbers.ts';

describe('what a statement writes', () => {
  test.each([
    ['insert into author (name) values ($1)', 'insert author'],
    ['INSERT INTO "author" ("name") VALUES ($1) RETURNING *', 'insert author'],
    ['insert into `shop`.`author` set name = ?', 'insert shop.author'],
    ['insert into "public"."author" default values', 'insert author'],
    ['insert into [dbo].[author] (name) values (@1)', 'insert author'],
    ['insert ignore into author select * from other', 'insert author'],
    ['insert or replace into author values (1)', 'insert author'],
    ['insert author values (1)', 'insert author'],
    ['replace into author values (1)', 'insert author'],
    ['update only "au""thor" as a set x = 1', 'update au"thor'],
    ['update author inner join book on true set x = 1', 'update author'],
    ['  -- why\n /* where */ update/**/author set x = 1', 'update author'],
    ['delete from only archive.author where id = 1', 'delete archive.author'],
    ['DELETE FROM "Weird Name" USING other', 'delete Weird Name'],
    ["with a as (select '(' from b), c as (select 1) insert into author select 1", 'insert author'],
    ['with recursive a(n) as (select 1) update author set x = 1', 'update author'],
    ['with a as (delete from book returning *) delete from author', 'delete author'],
  ])('%s', (sql, expected) => {
    const write = readSqlWrite(sql);
    expect(`${write?.write} ${write?.table}`).toBe(expected);
    expect(readSqlWrite(sql)).toBe(write);
  });

  test.each([
    'select * from author',
    'with a as (insert into author values (1) returning *) select * from a',
    'merge into author using b on true when matched then delete',
    'create table author (id int)',
    'truncate author',
    'explain delete from author',
    'values (1)',
    'insertion',
    'with',
    '',
  ])('none: %s', (sql) => {
    expect(readSqlWrite(sql)).toBeUndefined();
  });

  test.each<[string, number, Partial<Record<Write, number>>]>([
    ['insert into a values (1), (2), (3) on duplicate key update n = values(n)', 5, { insert: 1, update: 2 }],
    ['insert into a set n = 1 on duplicate key update n = 2', 2, { update: 1 }],
    ['insert into a (n) values (f(1, (2))) on duplicate key update n = 2', 1, { insert: 1 }],
    ['insert into a select 1 on duplicate key update n = 2', 2, { insert: 2 }],
    ['replace into a values (1), (2)', 3, { insert: 1, update: 1 }],
    ['insert into a values (1), (2) on conflict do nothing', 1, { insert: 1 }],
    ['delete from a', 0, {}],
  ])('%s, of which %i rows are reported', (sql, reported, expected) => {
    const counted: Partial<Record<Write, number>> = {};
    const wrote = (write: Write, _: string, rows: unknown): void => void (rows && (counted[write] = Number(rows)));
    countSqlWrite({ wrote }, readSqlWrite(sql)!, reported);
    expect(counted).toEqual(expected);
  });

  test('statements that are all different take no memory, and their tables few series', async () => {
    const registry = new Registry();
    const connection = new SqlConnection(new ModelRecorder({ registry, namespace: '' }));
    const run = (from: number): number => {
      for (let i = from; i < from + 50_000; i++) {
        const sql = `insert into tenant_${i} (name) values ('${'x'.repeat(200)}${i}')`;
        connection.sent(sql);
        connection.succeeded(sql, 1);
      }
      collectGarbage();
      return process.memoryUsage().heapUsed;
    };
    const before = run(0);
    const after = run(50_000);
    expect(after - before).toBeLessThan(4_000_000);
    const numbers = await Numbers.of(registry);
    expect(numbers.value('model_inserts')).toBe(100_000);
    expect(numbers.series('model_inserts').length).toBeLessThanOrEqual(2001);
  });

  test('long statements and unbalanced quotes are read in no time to speak of', () => {
    const long = `with a as (select '${"''(".repeat(200_000)}`;
    expect(readSqlWrite(long)).toBeUndefined();
    expect(readSqlWrite(`insert into a values ${'(1), '.repeat(200_000)}(1)`)?.given).toBe(0);
  });
});

describe('transactions, from the statements of a connection', () => {
  async function rolledBack(statements: readonly (string | [string, Error])[]): Promise<[number, number]> {
    const registry = new Registry();
    const connection = new SqlConnection(new ModelRecorder({ registry, namespace: '' }));
    for (const statement of statements) {
      const [sql, error] = typeof statement === 'string' ? [statement, undefined] : statement;
      connection.sent(sql);
      if (error) connection.failed(sql, error);
      else connection.succeeded(sql, 1);
    }
    const numbers = await Numbers.of(registry);
    return [numbers.value('model_inserts'), numbers.value('model_rolled_back_operations')];
  }
  const insert = 'insert into a values (1)';
  const refused = new Error('refused');
  const refusedByPostgres = Object.assign(new Error('refused'), { severity: 'ERROR' });

  test.each<[string, (string | [string, Error])[], [number, number]]>([
    ['committed', ['BEGIN', insert, insert, 'COMMIT;', insert], [3, 0]],
    ['rolled back', ['begin transaction', insert, 'ROLLBACK', insert], [2, 1]],
    ['isolated', ['start transaction isolation level repeatable read, read write', insert, 'rollback work;'], [1, 1]],
    ['named otherwise', ['begin immediate', insert, 'end', 'begin', insert, 'abort'], [2, 1]],
    ['refused at its end', ['begin', insert, ['commit', refused], insert], [2, 1]],
    ['given up by PostgreSQL', ['begin', insert, [insert, refusedByPostgres], 'commit', insert], [2, 1]],
    ['going on elsewhere', ['begin', insert, [insert, refused], 'commit'], [1, 0]],
    [
      'to a savepoint',
      ['begin', insert, 'savepoint "a"', insert, 'rollback to savepoint "a"', insert, 'commit'],
      [3, 1],
    ],
    ['saved by one', ['begin', 'savepoint a', [insert, refusedByPostgres], 'rollback to a', insert, 'commit'], [1, 0]],
    ['released', ['begin', 'savepoint a', insert, 'release a', 'rollback'], [1, 1]],
    ['to an outer one', ['begin', 'savepoint a', insert, 'savepoint b', insert, 'rollback to a', 'commit'], [2, 2]],
    ['twice to one', ['begin', 'savepoint a', insert, 'rollback to a', insert, 'rollback to a', 'commit'], [2, 2]],
    ['of a savepoint alone', ['savepoint a', insert, 'rollback to a', insert, 'release a', insert], [3, 1]],
    ['never begun', ['rollback', 'commit', 'release x', 'rollback to x', insert], [1, 0]],
    ['a block', ['begin insert into a values (1); end', insert, 'rollback'], [1, 0]],
  ])('%s', async (_, statements, expected) => {
    expect(await rolledBack(statements)).toEqual(expected);
  });

  test('an answer that comes after the transaction was taken back', async () => {
    const registry = new Registry();
    const connection = new SqlConnection(new ModelRecorder({ registry, namespace: '' }));
    connection.sent('begin');
    connection.sent(insert);
    connection.sent('rollback');
    connection.succeeded(insert, 2);
    expect((await Numbers.of(registry)).value('model_rolled_back_operations')).toBe(2);
  });
});

test.each<[string, unknown, number | undefined]>([
  ['pg', { rowCount: 3, rows: [] }, 3],
  [
    'pg, several statements',
    [
      { rowCount: 3, rows: [] },
      { rowCount: 1, rows: [] },
    ],
    undefined,
  ],
  ['postgres.js', Object.assign([], { count: 2 }), 2],
  ['mysql2', [{ affectedRows: 4 }, undefined], 4],
  ['mysql2, returning', [[{ id: 1 }], [{ name: 'id' }]], 1],
  [
    'mysql2, several statements',
    [
      [{ affectedRows: 1 }, { affectedRows: 1 }],
      [undefined, undefined],
    ],
    undefined,
  ],
  ['better-sqlite3', { changes: 5, lastInsertRowid: 1 }, 5],
  ['libsql', { rowsAffected: 6, rows: [] }, 6],
  ['D1', { meta: { changes: 7 } }, 7],
  ['rows', [{ id: 1 }, { id: 2 }], 2],
  ['nothing', undefined, undefined],
])('rows that %s reports', (_, answer, expected) => {
  expect(reportedRows(answer)).toBe(expected);
});
