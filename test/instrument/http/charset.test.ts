import { expect, test } from 'vitest';
import { charsetOf, contentTypeIn } from '../../../src/instrument/http/charset.ts';

test.each([
  ['text/html; charset=UTF-8', 'utf-8'],
  ['text/html;charset="iso-8859-1"', 'iso-8859-1'],
  ['text/html; charset=made-up', '<other>'],
  ['text/html', ''],
  [undefined, ''],
  [['text/html; charset=utf-8'], 'utf-8'],
])('the charset of %s is %o', (contentType, charset) => {
  expect(charsetOf(contentType)).toBe(charset);
});

test.each([
  [{ 'content-type': 'a/b' }, 'a/b'],
  [{ 'Content-Type': 'a/b' }, 'a/b'],
  [['Content-Type', 'a/b', 'X', 'content-type'], 'a/b'],
  [
    [
      ['X', 'y'],
      ['content-type', 'a/b'],
    ],
    'a/b',
  ],
  [['X', 'content-type'], undefined],
  [null, undefined],
])('the content type in %o is %o', (headers, contentType) => {
  expect(contentTypeIn(headers)).toBe(contentType);
});
