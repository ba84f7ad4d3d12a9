import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from '../support/modules.ts';
import { temporaryDirectory } from './children.ts';

/** Runs a program with a directory in its environment, and returns what it prints. */
function run(program: string, directory: string, more: NodeJS.ProcessEnv = {}): string {
  const env = { PATH: process.env['PATH'], PROMETHEUS_MULTIPROC_DIR: directory, ...more };
  return execFileSync(process.execPath, ['--input-type=module', '-e', program], { cwd: ROOT, env, encoding: 'utf8' });
}

const COUNTS = `
  import { Counter, defaultRegistry, Histogram } from 'promenade';
  const early = new Counter({ name: 'early_total', help: 'Early.', labelNames: ['by'] }).labels({ by: 'x' });
  early.inc(3);
  new Histogram({ name: 'sizes', help: 'Sizes.', buckets: [1] }).observe(2);`;
const PRINT = `console.log(JSON.stringify((await defaultRegistry.snapshot()).families
  .filter(({ definition }) => /early|sizes/.test(definition.name)).map(({ values }) => [...values])));`;

test.each([{}, { METRICS_ENABLED: '' }, { METRICS_ENABLED: 'false' }])('with %o nothing is written', (env) => {
  const directory = join(temporaryDirectory(), 'shared');
  expect(run(COUNTS + PRINT, directory, env)).toBe('[[3],[2,0,1]]\n');
  expect(existsSync(directory)).toBe(false);
});

test('a directory that fails, and malformed settings, stop nothing that has metrics off', () => {
  const file = join(temporaryDirectory(), 'file');
  writeFileSync(file, '');
  const env = { METRICS_ON_COLD_START: 'Reset', METRICS_PORT: 'x', METRICS_NAMESPACE: '9' };
  expect(run(COUNTS + PRINT, join(file, 'below'), env)).toBe('[[3],[2,0,1]]\n');
});

test.each([
  [`import { promenade } from 'promenade/http'; promenade({ enabled: true });`],
  [`import { promenade } from 'promenade/worker'; promenade({ enabled: true, runtime: false });`],
])('%s takes along what was counted before', (turnOn) => {
  const directory = join(temporaryDirectory(), 'shared');
  expect(run(`${COUNTS}${turnOn} early.inc(); ${PRINT} process.exit();`, directory)).toBe('[[4],[2,0,1]]\n');
  expect(run(`${COUNTS}${PRINT}`, directory, { METRICS_ENABLED: 'true' })).toBe('[[7],[4,0,2]]\n');
});

test('with metrics on, a malformed setting is refused where something is defined', () => {
  const directory = join(temporaryDirectory(), 'shared');
  const program = `try { ${COUNTS.replace(/import.*;/, '')} } catch (error) { console.log(error.code, error.message); }`;
  const said = run(`import { Counter, Histogram } from 'promenade'; ${program}`, directory, {
    METRICS_ENABLED: 'true',
    METRICS_ON_COLD_START: 'Reset',
  });
  expect(said).toMatch(/^ERR_METRICS_INVALID_SETTING .*METRICS_ON_COLD_START: "Reset"/);
  expect(existsSync(directory)).toBe(false);
});
