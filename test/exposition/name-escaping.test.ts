import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  escapeFamilyName,
  escapeLabelName,
  escapeName,
  isLegalLabelName,
  type EscapingScheme,
} from '../../src/exposition/name-escaping.ts';
import { isLegalName, sampleNames } from '../../src/snapshot/names.ts';
import type { FamilyDefinition } from '../../src/snapshot/snapshot.ts';

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

test('labels have no colons', () => {
  expect(escapeLabelName('a:b', 'underscores')).toBe('a_b');
  expect(escapeLabelName('a:b', 'dots')).toBe('a__b');
  expect(escapeLabelName('a:b', 'values')).toBe('U__a_3a_b');
  expect(escapeLabelName('a_b', 'values')).toBe('a_b');
});

const definitionOf = (name: string, type: FamilyDefinition['type']): FamilyDefinition => ({
  name,
  type,
  help: '',
  unit: '',
  labelNames: [],
});

// In Go's library a counter's family has its suffix before it is escaped, so that a scraper that
// turns the name back finds it.
test.each([
  ['counter', 'jobs.done', 'dots', 'jobs_dot_done__total'],
  ['counter', 'jobs_done', 'dots', 'jobs__done__total'],
  ['counter', 'jobs.done', 'values', 'U__jobs_2e_done__total'],
  ['counter', 'jobs_done', 'values', 'jobs_done_total'],
  ['counter', 'jobs.done', 'underscores', 'jobs_done_total'],
  ['info', 'build.x', 'values', 'U__build_2e_x__info'],
] as const)('the samples of a %s %s under %s are %s', (type, name, scheme, expected) => {
  expect(escapeFamilyName(definitionOf(name, type), scheme) + (type === 'counter' ? '_total' : '_info')).toBe(expected);
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

  test.each(schemes)('%s makes it a legal label', (scheme) => {
    fc.assert(
      fc.property(name, (text) => {
        expect(escapeLabelName(text, scheme)).toSatisfy(isLegalLabelName);
      }),
    );
  });

  test.each<EscapingScheme>(['allow-utf-8', ...schemes])(
    'families that may be side by side print nothing alike under %s',
    (scheme) => {
      const types = ['counter', 'gauge', 'histogram', 'summary', 'info'] as const;
      const odd = fc.string({
        unit: fc.constantFrom('a', '_', '.', '-', ':', '1', 'é', 'dot'),
        minLength: 1,
        maxLength: 6,
      });
      const definition = fc.tuple(odd, fc.constantFrom(...types)).map(([text, type]) => definitionOf(text, type));
      const printed = (family: FamilyDefinition): string[] => {
        const suffixes = sampleNames({ ...family, name: 'x' }).map((text) => text.slice(1));
        return suffixes.map((suffix) => escapeFamilyName(family, scheme) + suffix);
      };
      let seen = 0;
      fc.assert(
        fc.property(definition, definition, (a, b) => {
          const taken = new Set(sampleNames(a));
          fc.pre(!sampleNames(b).some((text) => taken.has(text)));
          seen++;
          const names = new Set(printed(a));
          expect(printed(b).filter((text) => names.has(text))).toEqual([]);
        }),
        { numRuns: 2000 },
      );
      expect(seen).toBeGreaterThan(1000);
    },
  );

  test.each(schemes)('two legal names never become one under %s', (scheme) => {
    fc.assert(
      fc.property(legalName, legalName, (a, b) => {
        fc.pre(a !== b);
        expect(escapeName(a, scheme)).not.toBe(escapeName(b, scheme));
      }),
    );
  });
});
