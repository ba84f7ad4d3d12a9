import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { splitTexts } from '../../../src/instrument/sql/split-texts.ts';

test.each([
  ['select 1; select 2', ['select 1;', ' select 2']],
  [';; select 1;\n-- a;b\nselect 2 /* ; */ ; ', [';; select 1;', '\n-- a;b\nselect 2 /* ; */ ; ']],
  [`select ';'; select ";" as "a;b"; select 1 as [c;d], 2 as \`e;f\``, 3],
  [`select 'it''s;'; select 2 -- end;`, 2],
  ["select 'open; select 2; select 3", undefined],
  ['select 1; select 2; select [3; 4', 3],
  ['select 1; /* open ; select 2', undefined],
  ['begin; create table t (n); commit;', 3],
  ['select case when 1 then 2 end; select 3', 2],
])('splits %j where SQLite ends a statement', (sql, expected) => {
  const texts = splitTexts(sql);
  if (typeof expected === 'number') expect(texts).toHaveLength(expected);
  else expect(texts).toEqual(expected);
  if (texts) expect(texts.join('')).toBe(sql);
});

test.each([
  'select 1;',
  'select 1',
  '',
  'create trigger a after insert on b begin select 1; select 2; end; select 3',
  'create TEMP Trigger a after insert on b begin select 1; end; select 3',
  'select 1; select \0; select 2',
  'select $a::b(;); select 2',
  'select 1;\ufeffselect 2',
])('leaves %j whole', (sql) => {
  expect(splitTexts(sql)).toBeUndefined();
});

/** Parts that SQLite's lexer reads in its own way, put together in any order. */
const PARTS = [
  "'",
  '"',
  '`',
  '[',
  ']',
  ';',
  '--',
  '/*',
  '*/',
  '\n',
  ' select 1 ',
  ' 2',
  '-',
  '/',
  '*',
  'x',
  "''",
  '#',
  '\\',
];

test('texts that are split leave SQLite as the whole text does', () => {
  let seed = 7;
  const random = (below: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((seed / 2_147_483_648) * below);
  };
  const database = new Database(':memory:');
  const errorOf = (run: () => void): string | undefined => {
    try {
      run();
      return undefined;
    } catch (error) {
      return (error as Error).message;
    }
  };
  let split = 0;
  let wellFormed = 0;
  for (let i = 0; i < 20_000; i++) {
    const sql = Array.from({ length: 2 + random(9) }, () =>
      random(3) === 0 ? ' select 1;' : PARTS[random(PARTS.length)]!,
    ).join('');
    const texts = splitTexts(sql);
    if (texts === undefined) continue;
    split++;
    expect(texts.join('')).toBe(sql);
    const whole = errorOf(() => database.exec(sql));
    if (whole === undefined) wellFormed++;
    expect(
      errorOf(() => {
        for (const text of texts) database.exec(text);
      }),
    ).toBe(whole);
  }
  database.close();
  expect(split).toBeGreaterThan(1000);
  expect(wellFormed).toBeGreaterThan(100);
});
