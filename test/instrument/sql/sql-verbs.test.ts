import { expect, test } from 'vitest';
import { mayHoldSeveral, verbOf, verbsOf } from '../../../src/instrument/sql/sql-verbs.ts';

test.each([
  ['SELECT 1', 'select'],
  ['  \n\tselect * from insert_log', 'select'],
  ['Select 1', 'select'],
  ['(select 1) union (select 2)', 'select'],
  ['values (1)', 'select'],
  ['-- update it\ninsert into t values (1)', 'insert'],
  ['/* a; comment */ -- another\n delete from t', 'delete'],
  ['# of MySQL\nupdate t set a = 1', 'update'],
  ['/*!40001 SELECT */ 1', 'select'],
  ['replace into t values (1)', 'insert'],
  ['with x as (select 1) select * from x', 'select'],
  ["with x as (select ') insert' as a), y as (delete from t returning *) insert into u select * from x", 'insert'],
  ['WITH RECURSIVE x(n) AS (VALUES (1) UNION ALL SELECT n+1 FROM x) UPDATE t SET a = 1', 'update'],
  ['with x as (select "select" from t) delete from t', 'delete'],
  ['with x as materialized (select $$ ) update $$) select 1', 'select'],
  ['create table t (id int)', 'ddl'],
  ['truncate t', 'ddl'],
  ['ALTER TABLE t ADD c int', 'ddl'],
  ['explain analyze delete from t', 'other'],
  ['call insert_all()', 'other'],
  ['copy t from stdin', 'other'],
  ['set search_path = x', 'other'],
  ['prepare p as insert into t values ($1)', 'other'],
  ['start slave', 'other'],
  ['', 'other'],
  [';', 'other'],
  ['-- nothing', 'other'],
  ['selectx 1', 'other'],
  ['begin', 'transaction'],
  ['BEGIN ISOLATION LEVEL SERIALIZABLE', 'transaction'],
  ['start transaction read only', 'transaction'],
  ['commit', 'transaction'],
  ['savepoint a', 'transaction'],
  ['release savepoint a', 'transaction'],
  ["prepare transaction 'a'", 'transaction'],
])('%s', (sql, operation) => {
  expect(verbOf(sql).operation).toBe(operation);
});

test.each([
  ['begin', 'begin'],
  ['START TRANSACTION', 'begin'],
  ['commit;', 'commit'],
  ['COMMIT WORK', 'commit'],
  ['end transaction', 'commit'],
  ['commit and no chain', 'commit'],
  ['commit and chain', 'commit and chain'],
  ['ROLLBACK AND CHAIN', 'rollback and chain'],
  ['rollback', 'rollback'],
  ['abort', 'rollback'],
  ['rollback to a', undefined],
  ['ROLLBACK WORK TO SAVEPOINT a', undefined],
  ['rollback transaction to a', undefined],
  ["commit prepared 'a'", undefined],
  ["prepare transaction 'a'", 'detach'],
  ['savepoint a', undefined],
  ['select 1', undefined],
])('what it means for the transaction: %s', (sql, effect) => {
  const verb = verbOf(sql);
  expect(verb.chain ? `${verb.effect} and chain` : verb.effect).toBe(effect);
});

test.each([
  ['select 1; update t set a = 1', ['select', 'update']],
  ["insert into t values ('a;b'); delete from t;", ['insert', 'delete']],
  ["insert into t values ('it''s; fine')", ['insert']],
  ['select ";" from `a;b`; commit', ['select', 'transaction']],
  ['begin; insert into t values (1); commit', ['transaction', 'insert', 'transaction']],
  ['do $$ begin; end $$; select 1', ['other', 'select']],
  ['select $1; select 2', ['select', 'select']],
  ['select 1 -- ; nothing\n; select 2 /* ; */', ['select', 'select']],
  ['create trigger x before insert on t begin update u set a = 1; end; select 1', ['ddl']],
  ['create or replace function f() returns int begin atomic select 1; end', ['ddl']],
  [';;select 1;\n;', ['select']],
  ["select e'\\';'; select 2", ['select', 'select']],
])('all of a text: %s', (sql, operations) => {
  expect(verbsOf(sql, false).map(({ operation }) => operation)).toEqual(operations);
});

test('a backslash escapes where the system has it', () => {
  const sql = String.raw`select '\'; delete from t; --'`;
  expect(verbsOf(sql, true)).toHaveLength(1);
  expect(verbsOf(sql, false)).toHaveLength(2);
});

test('a text with one statement is not searched for others', () => {
  expect(['select 1', 'select 1;', 'select 1 ; -- done', 'select 1;;'].filter(mayHoldSeveral)).toEqual([]);
  expect(mayHoldSeveral('select 1; select 2')).toBe(true);
});

test('what is never closed ends with the text', () => {
  for (const sql of ["select 'a", 'select "a', '/* a', 'with x as (select 1', 'select $a$ b', 'select $', "e'"]) {
    expect(verbsOf(sql, true).length).toBeLessThanOrEqual(1);
    expect(verbOf(sql).operation).toMatch(/select|other/);
  }
});
