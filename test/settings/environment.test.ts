import { expect, test } from 'vitest';
import { sourceModules } from '../support/modules.ts';

/** Code without its comments. */
function code(text: string): string {
  return text.replaceAll(/\/\*[^]*?\*\/|\/\/.*$/gm, '');
}

/** Ways to the environment: `process.env`, `process['env']`, `{ env } = process`, imports of node:process. */
const READS = /process\s*(\?\.|\.|\[\s*['"])\s*env\b|\benv\b[^{}]*\}\s*=\s*process\b|from '(node:)?process'/;

test('one module reads the environment', () => {
  const modules = sourceModules();
  const readers = modules.filter(({ text }) => READS.test(code(text))).map(({ path }) => path);
  expect(readers).toEqual(['settings/environment.ts']);
  expect(modules.length).toBeGreaterThan(200);
});

test.each([
  `const x = process.env['A'];`,
  `process . env.A`,
  `process?.env`,
  `process['env']`,
  `const { argv, env } = process;`,
  `import { env } from 'node:process';`,
])('%s is found', (text) => {
  expect(READS.test(code(text))).toBe(true);
});
