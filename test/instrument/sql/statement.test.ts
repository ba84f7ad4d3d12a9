import { describe, expect, test } from 'vitest';
import type { Dialect } from '../../../src/instrument/sql/lexer.ts';
import {
  mayHoldSeveral,
  readStatement,
  readStatements,
  type Statement,
} from '../../../src/instrument/sql/statement.ts';

const EVERYWHERE = [undefined, 'postgresql', 'mysql', 'sqlite'] as const;
const UNKNOWN = [undefined] as const;
const POSTGRESQL = ['postgresql'] as const;
const MYSQL = ['mysql'] as const;
const SQLITE = ['sqlite'] as const;
type Dialects = readonly (Dialect | undefined)[];

/** A statement in a word or two: `commit+chain`, `savepoint a`, else its operation. */
function told({ operation, effect, chain, savepoint }: Statement): string {
  const what = effect === undefined || operation === 'ddl' ? operation : effect;
  return `${what}${chain ? '+chain' : ''}${savepoint === undefined ? '' : ` ${savepoint}`}`;
}

/** Statements with no comment in them, what they are, and where. */
const STATEMENTS: readonly (readonly [string, string, Dialects?])[] = [
  ['SELECT 1', 'select'],
  ['Select * from insert_log', 'select'],
  ['values (1)', 'select'],
  ['table t', 'select'],
  ['insert into t values (1)', 'insert'],
  ['insert into t select * from u', 'insert'],
  ['replace into t values (1)', 'insert'],
  ['update t set a = 1', 'update'],
  ['update t , u set t.a = 1', 'update'],
  ['delete from t', 'delete'],
  ['delete t , u from t join u', 'delete'],
  ['with x as (select 1) select * from x', 'select'],
  ["with x as (select ') insert' as a), y as (delete from t returning *) insert into u select * from x", 'insert'],
  ['with x as (insert into t values (1) returning *) select * from x', 'select'],
  ['WITH RECURSIVE x(n) AS (VALUES (1) UNION ALL SELECT n+1 FROM x) UPDATE t SET a = 1', 'update'],
  ['with x as (select "select" from t) delete from t', 'delete'],
  ['with x as materialized (select $$ ) update $$) select 1', 'select', [undefined, 'postgresql']],
  ['with update as (select 1), replace as (select 2) select * from update', 'select'],
  ['with a as (select 1) merge into t using a on true when matched then update set b = 1', 'other'],
  ['merge into t using u on true when matched then delete', 'other'],
  ['create table t (id int)', 'ddl'],
  ['create temporary table t (id int)', 'ddl'],
  ['truncate t', 'ddl'],
  ['ALTER TABLE t ADD c int', 'ddl'],
  ['explain analyze delete from t', 'other'],
  ['call insert_all()', 'other'],
  ['copy t from stdin', 'other'],
  ['set search_path = x', 'other'],
  ['prepare p as insert into t values ($1)', 'other'],
  ['selectx 1', 'other'],
  ['$select 1', 'other'],
  ['sélect 1', 'other'],
  ['begin', 'begin'],
  ['BEGIN WORK', 'begin', [undefined, 'postgresql', 'mysql']],
  ['Begin Transaction', 'begin'],
  ['begin isolation level serializable , read only , not deferrable', 'begin', [undefined, 'postgresql']],
  ['begin not deferrable', 'begin', [undefined, 'postgresql']],
  ['begin deferred', 'begin', [undefined, 'sqlite']],
  ['begin immediate transaction', 'begin', [undefined, 'sqlite']],
  ['begin exclusive', 'begin', [undefined, 'sqlite']],
  ['begin transaction name', 'begin', [undefined, 'sqlite']],
  ['START TRANSACTION', 'begin', [undefined, 'postgresql', 'mysql']],
  ['start transaction read only', 'begin', [undefined, 'postgresql', 'mysql']],
  ['start transaction isolation level repeatable read , read write', 'begin', [undefined, 'postgresql']],
  ['start transaction with consistent snapshot , read only', 'begin', MYSQL],
  ['begin insert into t values (1)', 'other', UNKNOWN],
  ['begin not atomic insert into t values (1)', 'other', MYSQL],
  ['commit', 'commit'],
  ['COMMIT WORK', 'commit', [undefined, 'postgresql', 'mysql']],
  ['commit transaction', 'commit', [undefined, 'postgresql', 'sqlite']],
  ['end', 'commit', [undefined, 'postgresql', 'sqlite']],
  ['End Transaction', 'commit', [undefined, 'postgresql', 'sqlite']],
  ['commit and no chain', 'commit', [undefined, 'postgresql', 'mysql']],
  ['commit and chain', 'commit+chain', [undefined, 'postgresql', 'mysql']],
  ['commit work and chain no release', 'commit+chain', MYSQL],
  ['commit and no chain release', 'commit', MYSQL],
  ['end and chain', 'commit+chain', POSTGRESQL],
  ['rollback', 'rollback'],
  ['Rollback Work', 'rollback', [undefined, 'postgresql', 'mysql']],
  ['rollback transaction', 'rollback', [undefined, 'postgresql', 'sqlite']],
  ['ROLLBACK AND CHAIN', 'rollback+chain', [undefined, 'postgresql', 'mysql']],
  ['rollback and no chain', 'rollback', [undefined, 'postgresql', 'mysql']],
  ['abort', 'rollback', [undefined, 'postgresql']],
  ['abort transaction and chain', 'rollback+chain', POSTGRESQL],
  ['savepoint a', 'savepoint a'],
  ['SAVEPOINT "a b"', 'savepoint a b'],
  ['savepoint A', 'savepoint a'],
  ['savepoint "A"', 'savepoint A', [undefined, 'postgresql']],
  ['savepoint "A"', 'savepoint a', SQLITE],
  ['savepoint `A``b`', 'savepoint a`b', MYSQL],
  ['savepoint [A b]', 'savepoint a b', SQLITE],
  ["savepoint 'it''s'", "savepoint it's", SQLITE],
  ['savepoint käse', 'savepoint käse'],
  ['savepoint $a$b', 'savepoint $a$b', MYSQL],
  ['release a', 'release a', [undefined, 'postgresql', 'sqlite']],
  ['release savepoint a', 'release a'],
  ['release savepoint "savepoint"', 'release savepoint'],
  ['release savepoint', 'release savepoint'],
  ['rollback to a', 'rollback_to a'],
  ['ROLLBACK WORK TO SAVEPOINT a', 'rollback_to a', [undefined, 'postgresql', 'mysql']],
  ['rollback transaction to a', 'rollback_to a', [undefined, 'postgresql', 'sqlite']],
  ['rollback transaction name to savepoint a', 'rollback_to a', [undefined, 'sqlite']],
  ['abort to a', 'rollback_to a', UNKNOWN],
  ["prepare transaction 'a'", 'detach', [undefined, 'postgresql']],
  ["commit prepared 'a'", 'prepared_commit', [undefined, 'postgresql']],
  ["rollback prepared 'a'", 'prepared_rollback', [undefined, 'postgresql']],
  ["xa start 'x'", 'begin', MYSQL],
  ["xa begin 'x' , 'y' , 1", 'begin', MYSQL],
  ["xa start 'x' resume", 'transaction', MYSQL],
  ["xa end 'x'", 'transaction', MYSQL],
  ["xa prepare 'x'", 'detach', MYSQL],
  ["xa commit 'x'", 'prepared_commit', MYSQL],
  ["xa commit 'x' one phase", 'commit', MYSQL],
  ["xa rollback 'x'", 'prepared_rollback', MYSQL],
  ['xa recover', 'transaction', MYSQL],
  ['set autocommit = 0', 'autocommit_off', [undefined, 'mysql']],
  ['SET AUTOCOMMIT = OFF', 'autocommit_off', MYSQL],
  ['set @@autocommit = 0', 'autocommit_off', MYSQL],
  ['set @@session.autocommit := 1', 'autocommit_on', MYSQL],
  ['set session autocommit = on', 'autocommit_on', MYSQL],
  ['set sql_mode = "" , autocommit = 0', 'autocommit_off', MYSQL],
  ['set global autocommit = 0', 'other', MYSQL],
  ['set global max_connections = 9 , session autocommit = 0', 'autocommit_off', [...MYSQL]],
  ['set @a = 1', 'other', MYSQL],
  ['set autocommit = 0', 'other', POSTGRESQL],
  ['lock tables t write', 'lock', MYSQL],
  ['unlock tables', 'unlock', MYSQL],
  ['start slave', 'implicit_commit', MYSQL],
  ['analyze table t', 'implicit_commit', MYSQL],
  ['analyze update t set a = 1', 'other', MYSQL],
  ['flush tables', 'implicit_commit', MYSQL],
  ['load data infile "f" into table t', 'other', MYSQL],
];

/** Comments, by the dialects that have them. */
const COMMENTS: readonly (readonly [string, Dialects])[] = [
  ['/* a */', EVERYWHERE],
  ['/**/', EVERYWHERE],
  ['/* it\'s; not closed: ( $$ " ` */', EVERYWHERE],
  ['-- a; it is\n', EVERYWHERE],
  ['--\n', EVERYWHERE],
  ['/* a */ -- b\n /* c */', EVERYWHERE],
  ['/* a /* b */ c */', [undefined, 'postgresql']],
  ['/* a /* b */', ['mysql', 'sqlite']],
  ['/*+ a */', EVERYWHERE],
  ['# a; b\n', [undefined, 'mysql']],
  ['#\n', [undefined, 'mysql']],
  ['/*! a */', ['postgresql', 'sqlite']],
];

describe('a statement', () => {
  const cases = STATEMENTS.flatMap(([sql, expected, dialects = EVERYWHERE]) =>
    dialects.map((dialect) => [sql, dialect, expected] as const),
  );

  test.each(cases)('%s (%s)', (sql, dialect, expected) => {
    expect(told(readStatement(sql, dialect))).toBe(expected);
    expect(told(readStatement(` \n\t\uFEFF; (${sql}`, dialect))).toBe(expected);
    expect(told(readStatement(`${sql} ;`, dialect))).toBe(expected);
  });

  test('is the same with comments before, after and between its words', () => {
    let looked = 0;
    for (const [sql, dialect, expected] of cases) {
      const places = COMMENTS.filter(([, dialects]) => dialects.includes(dialect)).flatMap(([comment]) => [
        `${comment}${sql}`,
        `${comment} ${sql}`,
        `${sql}${comment}`,
        `${sql} ${comment};`,
        // Blanks in quotes are part of them.
        sql.replaceAll(/ (?=[^'"`[\]$]*$)/g, () => ` ${comment} `),
        sql.replaceAll(/ (?=[^'"`[\]$]*$)/g, () => comment),
      ]);
      for (const text of places) {
        expect([text, told(readStatement(text, dialect))]).toEqual([text, expected]);
        looked++;
      }
    }
    expect(looked).toBeGreaterThan(5000);
  });

  test.each([
    ['(select 1) union (select 2)', 'select'],
    ['', 'other'],
    [';', 'other'],
    ['-- nothing', 'other'],
    ['/* nothing', 'other'],
    ['/*', 'other'],
    ['-', 'other'],
  ])('%j is %s', (sql, expected) => {
    for (const dialect of EVERYWHERE) expect(told(readStatement(sql, dialect))).toBe(expected);
  });

  test('MySQL runs the content of its executable comments', () => {
    for (const [sql, expected] of [
      ['/*!40001 SELECT */ 1', 'select'],
      ['/*! begin */', 'begin'],
      ['/*!50001 create */ /*!50002 temporary */ table t (n int)', 'ddl'],
      ['/*M!100100 insert */ into t values (1)', 'insert'],
      ['set /*!40101 autocommit */ = 0', 'autocommit_off'],
      ['commit /*!80000 and chain */', 'commit+chain'],
    ]) {
      expect(told(readStatement(sql!, 'mysql'))).toBe(expected);
    }
    expect(told(readStatement('/*!40001 x */ select 1', 'postgresql'))).toBe('select');
  });

  test('a temporary table is none of the changes of the schema by which MySQL commits', () => {
    for (const sql of ['create table t (n int)', 'drop table t', 'truncate t', 'grant all on t to u']) {
      expect(readStatement(sql, 'mysql').effect).toBe('implicit_commit');
    }
    for (const sql of [
      'create temporary table t (n int)',
      'create or replace temporary table t (n int)',
      'drop /* a */ temporary table t',
    ]) {
      expect(readStatement(sql, 'mysql').effect).toBeUndefined();
    }
  });
});

/** Texts of several statements, and their operations. */
const TEXTS: readonly (readonly [string, string, Dialects?])[] = [
  ['select 1; update t set a = 1', 'select update'],
  ["insert into t values ('a;b'); delete from t;", 'insert delete'],
  ["insert into t values ('it''s; fine')", 'insert'],
  ['select ";" from `a;b`; commit', 'select commit'],
  ['begin; insert into t values (1); commit', 'begin insert commit'],
  [';;select 1;\n; /* ; */ ;', 'select'],
  ['', ''],
  [' -- nothing', ''],
  ['select 1 -- ; nothing\n; select 2 /* ; */', 'select select'],
  ['select $1; select 2', 'select select'],
  ['select a$b; select c$b', 'select select'],
  ["select e'\\';'; select 2", 'select select', [undefined, 'postgresql']],
  ["select '\\'; delete from t", 'select delete', [undefined, 'postgresql', 'sqlite']],
  ["select '\\'; delete from t'; commit", 'select commit', MYSQL],
  ['select "\\"; delete from t"; commit', 'select commit', MYSQL],
  ['select 5--1\n; commit', 'select commit', [undefined, 'postgresql', 'sqlite', 'mysql']],
  ['select 5--1; commit', 'select commit', MYSQL],
  ["select '{}'::jsonb #> '{a}'; select a #- b; commit", 'select select commit', POSTGRESQL],
  ['select a[1], b; commit', 'select commit'],
  ["select array[';]']; commit", 'select commit', POSTGRESQL],
  ['select 1 as [a;b]; commit', 'select commit', SQLITE],
  ['select 1 /* a /* ; */ ; */; commit', 'select commit', [undefined, 'postgresql']],
  ['select 1 /* a /* b */; commit', 'select commit', [undefined, 'mysql', 'sqlite']],
  ['select 1; # commit; rollback\n commit', 'select commit', [undefined, 'mysql']],
  ['do $$ begin; end $$; select 1', 'other select', [undefined, 'postgresql']],
  ['do $a$ begin; $$ ; end $a$ language plpgsql; commit', 'other commit', [undefined, 'postgresql']],
  [
    'begin; create function f() returns int as $$ select 1; $$ language sql; insert into t values (1); commit',
    'begin ddl insert commit',
    [undefined, 'postgresql'],
  ],
  [
    "create function f() returns int as 'select 1; select 2' language sql; commit",
    'ddl commit',
    [undefined, 'postgresql'],
  ],
  [
    'create or replace function f() returns int begin atomic select 1; select case when true then 1 end; end; commit',
    'ddl commit',
    [undefined, 'postgresql'],
  ],
  [
    'create procedure p(n int) begin atomic insert into t values (n); end; call p(1)',
    'ddl other',
    [undefined, 'postgresql'],
  ],
  [
    'create function f(begin int) returns int language sql return begin; select 1; commit',
    'ddl select commit',
    POSTGRESQL,
  ],
  [
    'create trigger x before insert on t for each row execute function f(); commit',
    'ddl commit',
    [undefined, 'postgresql'],
  ],
  [
    'create rule r as on insert to t do also (insert into u values (1); insert into v values (1)); commit',
    'ddl commit',
    [undefined, 'postgresql'],
  ],
  ['create trigger x before insert on t begin update u set a = 1; end; select 1', 'ddl select', [undefined, 'sqlite']],
  [
    'create temp trigger if not exists x after update of a on t when new.a > 1 begin update u set a = case when 1 then 2 else 3 end; delete from v; end; commit',
    'ddl commit',
    [undefined, 'sqlite'],
  ],
  [
    'create trigger x after insert on t begin update u set a = new.end where old.begin = 1; end; commit',
    'ddl commit',
    SQLITE,
  ],
  ['create trigger x before insert on t for each row set new.a = 1; insert into t values (1)', 'ddl insert', MYSQL],
  [
    'create definer = root@localhost trigger x before insert on t for each row begin if new.a > 1 then set new.a = 1; end if; end; commit',
    'ddl commit',
    MYSQL,
  ],
  [
    'create definer=`a`@`%` procedure p() begin declare i int; while i < 3 do set i = i + 1; end while; repeat set i = repeat(i, 1); until i > 9 end repeat; l: loop leave l; end loop l; case i when 1 then select 1; else select 2; end case; end; call p()',
    'ddl other',
    MYSQL,
  ],
  ['create procedure p() if 1 then select 1; select if(1, 2, 3); end if; commit', 'ddl commit', MYSQL],
  [
    'create procedure p() begin drop table if exists t; create table if not exists t (n int); end; commit',
    'ddl commit',
    MYSQL,
  ],
  [
    'create function f() returns int deterministic begin if exists (select 1) then return 1; elseif 2 then return 2; else return 3; end if; end; select f()',
    'ddl select',
    MYSQL,
  ],
  ['create event e on schedule every 1 day do begin delete from t; delete from u; end; commit', 'ddl commit', MYSQL],
  ['create procedure p() begin begin select 1; end; select 2; end; commit', 'ddl commit', MYSQL],
  ['begin not atomic insert into t values (1); insert into t values (2); end; commit', 'other commit', MYSQL],
  ['create table begin_log (n int); create table function (n int); commit', 'ddl ddl commit'],
  ['create view v as select case when 1 then 2 end; commit', 'ddl commit'],
];

describe('a text of several statements', () => {
  const cases = TEXTS.flatMap(([sql, expected, dialects = EVERYWHERE]) =>
    dialects.map((dialect) => [sql, dialect, expected] as const),
  );

  test.each(cases)('%s (%s)', (sql, dialect, expected) => {
    expect(readStatements(sql, dialect).map(told).join(' ')).toBe(expected);
    expect(readStatements(sql.toUpperCase().replaceAll('$A$', '$a$'), dialect).map(told).join(' ')).toBe(expected);
  });

  test('is the same with comments before, after and between its words', () => {
    let looked = 0;
    for (const [sql, dialect, expected] of cases) {
      for (const [comment, dialects] of COMMENTS) {
        if (!dialects.includes(dialect) || /['"`[\]$#]|--|\/\*/.test(sql)) continue;
        const text = comment + sql.replaceAll(' ', () => ` ${comment} `) + comment;
        expect([text, readStatements(text, dialect).map(told).join(' ')]).toEqual([text, expected]);
        looked++;
      }
    }
    expect(looked).toBeGreaterThan(200);
  });

  test('a text with one statement is not searched for others', () => {
    expect(['select 1', 'select 1;', 'select 1 ; -- done', 'select 1;;'].filter(mayHoldSeveral)).toEqual([]);
    expect(mayHoldSeveral('select 1; select 2')).toBe(true);
  });

  test('what is never closed ends with the text', () => {
    for (const sql of [
      "select 'a;",
      'select "a;',
      '/* a;',
      'with x as (select 1',
      'select $a$ b;',
      'select $',
      "e'",
      '[',
      "select 'a\\",
    ]) {
      for (const dialect of EVERYWHERE) {
        expect(readStatements(sql, dialect).length).toBeLessThanOrEqual(1);
        expect(readStatement(sql, dialect).operation).toMatch(/select|other/);
      }
    }
  });

  test('long texts are read in time that grows with their length', () => {
    const long = `select 1; ${'/*'.repeat(100_000)} ${"'".repeat(100_001)} ${'('.repeat(100_000)} ${'$a'.repeat(100_000)}`;
    for (const dialect of EVERYWHERE) expect(readStatements(long, dialect).length).toBeGreaterThan(0);
  });
});
