import { describe, expect, test } from 'vitest';
import type { Dialect } from '../../../src/instrument/sql/lexer.ts';
import { readStatement } from '../../../src/instrument/sql/statement.ts';
import { Transactions } from '../../../src/instrument/sql/transactions.ts';

/** Follows statements that all succeed, and tells what became of the transactions. */
function follow(dialect: Dialect | undefined, texts: readonly string[]): { heard: string[]; open: boolean } {
  const heard: string[] = [];
  const transactions = new Transactions(dialect, {
    began: () => heard.push('began'),
    ended: (end) => heard.push(end),
    saved: () => heard.push('saved'),
    released: (savepoint) => heard.push(`released ${savepoint}`),
    rolledBackTo: (savepoint) => heard.push(`back to ${savepoint}`),
  });
  for (const text of texts) {
    const before = heard.length;
    const statement = readStatement(text, dialect);
    const concerns = transactions.concerns(statement);
    transactions.follow(statement);
    if (!concerns) expect(heard).toHaveLength(before);
  }
  return { heard, open: transactions.open };
}

const INSERT = 'insert into t values (1)';

describe.each<[Dialect | undefined, string, string, string]>([
  ['postgresql', 'begin; commit', 'began committed', ''],
  ['postgresql', 'begin; create table t (n int); begin; rollback', 'began rolled_back', ''],
  ['postgresql', 'begin; commit and chain', 'began committed began', 'open'],
  ['postgresql', 'begin; rollback and chain; commit and no chain', 'began rolled_back began committed', ''],
  ['postgresql', "begin; prepare transaction 'a'; commit; commit prepared 'a'", 'began prepared committed', ''],
  ['postgresql', "begin; prepare transaction 'a'; rollback prepared 'a'", 'began prepared rolled_back', ''],
  ['postgresql', 'commit; rollback; abort; end; release a; rollback to a; savepoint a', '', ''],
  [
    'postgresql',
    'begin; savepoint a; savepoint A; rollback to a; release a; release a; end',
    'began saved saved back to 1 released 1 released 0 committed',
    '',
  ],
  ['postgresql', 'begin; savepoint a; savepoint "A"; rollback to a', 'began saved saved back to 0', 'open'],
  [
    'postgresql',
    'begin; savepoint a; savepoint b; release a; rollback to b; abort',
    'began saved saved released 0 rolled_back',
    '',
  ],
  ['mysql', 'begin; begin work; commit', 'began committed began committed', ''],
  ['mysql', 'start transaction; create table t (n int); rollback', 'began committed', ''],
  ['mysql', 'begin; create temporary table t (n int); drop temporary table t; rollback', 'began rolled_back', ''],
  ['mysql', `set autocommit = 0; ${INSERT}; rollback; ${INSERT}; commit`, 'began rolled_back began committed', ''],
  ['mysql', `set autocommit = 0; commit; ${INSERT}; set autocommit = 1; ${INSERT}; rollback`, 'began committed', ''],
  ['mysql', 'begin; set autocommit = 1; rollback', 'began rolled_back', ''],
  ['mysql', 'savepoint a; rollback to a; release savepoint a', '', ''],
  ['mysql', `set autocommit = 0; savepoint a; ${INSERT}; rollback to a; commit`, 'began saved back to 0 committed', ''],
  ['mysql', 'set autocommit = 0; savepoint a; release savepoint a; rollback and chain', 'began', 'open'],
  ['mysql', `lock tables t write; ${INSERT}; unlock tables`, '', ''],
  ['mysql', 'begin; lock tables t write; rollback', 'began committed', ''],
  ['mysql', `set autocommit = 0; lock tables t write; ${INSERT}; unlock tables`, 'began committed', ''],
  ['mysql', 'begin; unlock tables; rollback', 'began rolled_back', ''],
  ['mysql', "xa start 'x'; xa end 'x'; xa prepare 'x'; xa commit 'x'", 'began prepared committed', ''],
  ['mysql', "xa start 'x'; xa end 'x'; xa commit 'x' one phase", 'began committed', ''],
  ['mysql', "xa start 'x'; xa end 'x'; xa rollback 'x'", 'began rolled_back', ''],
  ['sqlite', 'begin immediate; create table t (n int); end', 'began committed', ''],
  ['sqlite', 'savepoint a; savepoint b; release a', 'began saved saved released 0 committed', ''],
  ['sqlite', 'savepoint a; rollback to A; release "a"', 'began saved back to 0 released 0 committed', ''],
  ['sqlite', 'savepoint a; commit', 'began saved committed', ''],
  ['sqlite', 'begin; savepoint a; release a', 'began saved released 0', 'open'],
  [
    undefined,
    'begin; begin; set autocommit = 0; create table t (n int); rollback',
    'began committed began rolled_back',
    '',
  ],
])('%s: %s', (dialect, text, expected, open) => {
  test('becomes what the database makes of it', () => {
    const texts = text.split('; ');
    expect(follow(dialect, texts)).toEqual({
      heard: expected.split(/ (?!to|\d)/).filter(Boolean),
      open: open === 'open',
    });
    const commented = texts.map((each) => `/* a */ ${each.replaceAll(' ', ' /* b */ ')} -- c`);
    expect(follow(dialect, commented)).toEqual(follow(dialect, texts));
  });
});

test('a statement that fails leaves what the database leaves', () => {
  for (const [dialect, text, expected] of [
    ['mysql', 'create table t (n int)', ['committed']],
    ['postgresql', 'create table t (n int)', []],
    ['postgresql', 'commit', ['rolled_back']],
    ['mysql', 'commit', ['rolled_back']],
    ['sqlite', 'commit', []],
    ['mysql', 'insert into t values (1)', []],
  ] as const) {
    const ends: string[] = [];
    const transactions = new Transactions(dialect, { ended: (end) => ends.push(end) });
    transactions.follow(readStatement('begin', dialect));
    transactions.failed(readStatement(text, dialect), { errno: 1064 });
    expect(ends).toEqual([]);
    transactions.failed(readStatement(text, dialect), new Error('failed'));
    expect([dialect, text, ends]).toEqual([dialect, text, expected]);
  }
});

test('a reset rolls back, and forgets the settings', () => {
  const ends: string[] = [];
  const transactions = new Transactions('mysql', { ended: (end) => ends.push(end) });
  for (const text of ['set autocommit = 0', INSERT]) transactions.follow(readStatement(text, 'mysql'));
  transactions.reset();
  transactions.follow(readStatement(INSERT, 'mysql'));
  expect([ends, transactions.open]).toEqual([['rolled_back'], false]);
});
