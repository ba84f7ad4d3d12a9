import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { DJANGO_FAMILIES } from '../../src/compat/django-families.ts';
import { sourceModules } from '../support/modules.ts';
import { knownDifferences } from '../conformance/django/known-differences.ts';

const read = (page: string): string => readFileSync(new URL(`../../docs/guide/${page}.md`, import.meta.url), 'utf8');
const guide = read('django');

/** The rows of the table below a heading, by cell. */
function rowsBelow(heading: string): string[][] {
  const section = guide.split(`\n## ${heading}\n`)[1]!.split('\n## ')[0]!;
  const rows = section.split('\n').filter((line) => line.startsWith('| '));
  return rows.slice(2).map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

/** Families that are recorded under Django's name. */
const RECORDED = [
  { name: '`django_http_ajax_requests_total`', labels: '' },
  { name: '`django_migrations_applied_total`', labels: 'connection' },
  { name: '`django_migrations_unapplied_total`', labels: 'connection' },
];

test('the guide has every family with its labels and what it comes from, and no other', () => {
  const rows = rowsBelow('Families');
  const derived = DJANGO_FAMILIES.map(({ definition: { name, type, labelNames } }) => ({
    name: `\`${name}${type === 'counter' ? '_total' : ''}\``,
    labels: labelNames.join(', '),
  }));
  const byName = (a: { name: string }, b: { name: string }): number => (a.name < b.name ? -1 : 1);
  expect(rows.map(([name, labels]) => ({ name: name!, labels: labels! })).toSorted(byName)).toEqual(
    [...derived, ...RECORDED].toSorted(byName),
  );
  for (const { definition, sources } of DJANGO_FAMILIES) {
    const [, , from] = rows.find(
      ([name]) => name!.startsWith(`\`${definition.name}`) && name!.length <= definition.name.length + 8,
    )!;
    if (from!.startsWith('always 0')) continue;
    const named = Array.from(from!.matchAll(/`((?:http|model|db|cache)_\w+)`/g), ([, name]) =>
      name!.replace(/_total$/, ''),
    );
    expect({ [definition.name]: named }).toEqual({
      [definition.name]: sources.filter(({ showsOnly }) => !showsOnly).map(({ family }) => family),
    });
  }
});

test('the guide has every difference that the comparison knows, and no other', () => {
  const known = knownDifferences({ status: 200, bytes: 1 }).map(({ because }) => because);
  expect(rowsBelow('Differences').map(([difference]) => difference)).toEqual(known);
  expect(known.length).toBeGreaterThan(10);
});

test('the way from NetBox names no family of Django that there isn’t', () => {
  const names = new Set(read('from-netbox').match(/\bdjango_[a-z_]+\b/g));
  const known = [
    ...DJANGO_FAMILIES.map(({ definition }) => definition.name),
    ...RECORDED.map(({ name }) => name.slice(1, -1)),
  ];
  const others = ['django_http_inflight_requests', 'django_prometheus'];
  expect([...names].filter((name) => !known.includes(name.replace(/_total$/, '')) && !others.includes(name))).toEqual(
    [],
  );
  expect(names.size).toBeGreaterThan(12);
});

test('the way from NetBox names no family of ours that there isn’t', () => {
  const source = sourceModules()
    .map(({ text }) => text)
    .join('\n');
  const names = new Set(read('from-netbox').match(/\b(http_server|db_client|cache|model|job|app|nodejs)_[a-z_]+\b/g));
  const isDefined = (name: string): boolean => {
    const [, prefix, rest] = /^(http_server|db_client|cache|model|job|app|nodejs)_(\w+?)(_total)?$/.exec(name)!;
    return [rest, `${prefix}_${rest}`].some((stem) => new RegExp(`['\`}_]${stem}(_total|_info)?['\`]`).test(source));
  };
  // A label of Nautobot's.
  names.delete('job_class_name');
  expect([...names].filter((name) => !isDefined(name))).toEqual([]);
  expect(names.size).toBeGreaterThan(25);
});
