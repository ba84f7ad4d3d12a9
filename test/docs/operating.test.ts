import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT, sourceModules } from '../support/modules.ts';

const guide = readFileSync(join(ROOT, 'docs/guide/operating.md'), 'utf8');

test('the guide for operators lists every warning, and no other', () => {
  const given = new Set(sourceModules().flatMap(({ text }) => text.match(/WARN_METRICS_[A-Z_]*[A-Z]/g) ?? []));
  const listed = [...guide.matchAll(/^\| `(WARN_METRICS_[A-Z_]+)`/gm)].map(([, code]) => code!);
  expect([...listed].sort()).toEqual([...given].sort());
  expect(listed.length).toBeGreaterThanOrEqual(10);
});
