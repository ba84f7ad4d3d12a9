import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { escapeName, isLegalName } from '../../src/exposition/name-escaping.ts';

// From the tests of prometheus/common's model.EscapeName.
test.each([
  ['no:escaping_required', 'no:escaping_required', 'no:escaping__required', 'no:escaping_required'],
  [
    'mysystem.prod.west.cpu.load',
    'mysystem_prod_west_cpu_load',
    'mysystem_dot_prod_dot_west_dot_cpu_dot_load',
    'U__mysystem_2e_prod_2e_west_2e_cpu_2e_load',
  ],
  [
    'mysystem.prod.west.cpu.load_total',
    'mysystem_prod_west_cpu_load_total',
    'mysystem_dot_prod_dot_west_dot_cpu_dot_load__total',
    'U__mysystem_2e_prod_2e_west_2e_cpu_2e_load__total',
  ],
  ['http.status:sum', 'http_status:sum', 'http_dot_status:sum', 'U__http_2e_status:sum'],
  ['label with 😱', 'label_with__', 'label__with____', 'U__label_20_with_20__1f631_'],
  ['花火', '__', '____', 'U___82b1__706b_'],
  ['1st', '_st', '__st', 'U___31_st'],
  ['lone \ud800', 'lone__', 'lone____', 'U__lone_20__FFFD_'],
])('%s', (name, underscores, dots, values) => {
  expect(escapeName(name, 'allow-utf-8')).toBe(name);
  expect(escapeName(name, 'underscores')).toBe(underscores);
  expect(escapeName(name, 'dots')).toBe(dots);
  expect(escapeName(name, 'values')).toBe(values);
});

describe('whatever the name', () => {
  const schemes = ['underscores', 'dots', 'values'] as const;
  const name = fc.string({ unit: 'binary', minLength: 1 });
  const legalName = fc.stringMatching(/^[a-zA-Z_:][a-zA-Z0-9_:]{0,8}$/);

  test.each(schemes)('%s makes it legal', (scheme) => {
    fc.assert(
      fc.property(name, (text) => {
        expect(escapeName(text, scheme)).toSatisfy(isLegalName);
      }),
    );
  });

  test.each(schemes)('two legal names never become one under %s', (scheme) => {
    fc.assert(
      fc.property(legalName, legalName, (a, b) => {
        fc.pre(a !== b);
        expect(escapeName(a, scheme)).not.toBe(escapeName(b, scheme));
      }),
    );
  });
});
