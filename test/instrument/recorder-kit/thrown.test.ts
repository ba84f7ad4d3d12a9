import { expect, test } from 'vitest';
import { isDeliberate, typeOfThrown } from '../../../src/instrument/recorder-kit/thrown.ts';

test.each([
  [Object.assign(new Error('x'), { statusCode: 404 }), true],
  [Object.assign(new Error('x'), { status: 422 }), true],
  [Object.assign(new Error('x'), { statusCode: 503 }), false],
  [new Error('x'), false],
  ['x', false],
  [null, false],
])('%o is meant as an answer: %s', (thrown, deliberate) => {
  expect(isDeliberate(thrown)).toBe(deliberate);
});

test.each([
  [new RangeError('x'), 'RangeError'],
  ['x', 'string'],
  [undefined, 'undefined'],
  [Object.create(null), 'object'],
  [{ constructor: { name: 7 } }, 'object'],
])('the type of %o is %s', (thrown, type) => {
  expect(typeOfThrown(thrown)).toBe(type);
});
