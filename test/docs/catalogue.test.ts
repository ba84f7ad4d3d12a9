import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { generated } from '../../scripts/catalogue.mjs';
import { ADAPTERS } from '../../src/adapters/catalogue.ts';
import { ROOT } from '../support/modules.ts';

test('package.json and the index of adapters say what the catalogue says (else: npm run catalogue)', async () => {
  const files = await generated();
  expect(Object.keys(files)).toEqual(['package.json', 'docs/adapters/README.md']);
  for (const [path, text] of Object.entries(files)) expect(readFileSync(join(ROOT, path), 'utf8')).toBe(text);
  for (const { name } of ADAPTERS) {
    for (const [path, text] of Object.entries(files))
      expect({ path, name, told: text.includes(`/${name}`) }).toEqual({ path, name, told: true });
  }
  expect(ADAPTERS.length).toBeGreaterThan(35);
});
