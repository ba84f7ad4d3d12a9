import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { settingsTable, type Setting } from '../../src/settings/settings.ts';
import { spellingsOf } from '../../src/settings/settings-table.ts';

const guide = readFileSync(new URL('../../docs/guide/settings.md', import.meta.url), 'utf8');

/** The row that the guide's table must have for a setting. */
function rowOf([option, { variables, default: value, meaning }]: [string, Setting<unknown>]): string {
  const none = value === undefined || value === '' || (Array.isArray(value) && value.length === 0);
  const names = variables.map((variable) => `\`${variable}\``).join(' or ');
  return `| ${names} | \`${option}\` | ${none ? 'none' : `\`${JSON.stringify(value).replaceAll(`"`, '')}\``} | ${meaning} |`;
}

test('the guide’s table has every setting of the code, and no other', () => {
  const lines = guide.split('\n').filter((line) => /^\| `[A-Za-z_]+`/.test(line));
  const rows = lines.map((line) => line.replaceAll(/ +\|/g, ' |'));
  const expected = Object.entries(settingsTable).map(rowOf);
  expect(rows).toEqual(expected);
  expect(rows).toHaveLength(14);
});

test('the guide names no METRICS variable that there isn’t', () => {
  const named = new Set(guide.match(/\b(METRICS|PROMENADE|PROMETHEUS)_[A-Z_]*[A-Z]\b/g));
  const known = new Set(Object.values<Setting<unknown>>(settingsTable).flatMap((setting) => spellingsOf(setting)));
  // The guide's example of a near miss.
  known.add('METRICS_TOKEN');
  expect([...named].filter((name) => !known.has(name))).toEqual([]);
  expect(named.size).toBeGreaterThan(10);
});
