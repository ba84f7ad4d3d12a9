import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from '../support/modules.ts';
import { npm, pack } from './tarball.ts';

const SERVER = `
import express from 'express';
import bundle from 'express-prom-bundle';
import * as client from 'prom-client';
import { createRequire } from 'node:module';
import { Counter, defaultRegistry } from 'promenade';

const app = express();
app.use(bundle({ includeMethod: true, metricsPath: '/bundle' }));
app.get('/hello', (request, response) => response.send('hello'));
new Counter({ name: 'ours_total', help: 'Ours.' }).inc(2);
new client.Counter({ name: 'theirs', help: 'Theirs.' }).inc(3);

const server = app.listen(0, '127.0.0.1', async () => {
  const url = 'http://127.0.0.1:' + server.address().port;
  await (await fetch(url + '/hello')).text();
  const { families } = await defaultRegistry.snapshot();
  const require = createRequire(import.meta.url);
  console.log(JSON.stringify({
    page: families.map(({ definition, series }) => [definition.name, series.length]),
    bundle: await (await fetch(url + '/bundle')).text(),
    sameForRequire: require('prom-client').register === client.register && client.default.register === client.register,
  }));
  server.close();
});
`;

test('with npm overrides, libraries that use prom-client land on the same page', () => {
  const folder = join(ROOT, '.cache/prom-client-override');
  const project = join(folder, 'project');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(project, { recursive: true });
  const promenade = pack('prom-client-override').path;
  const shim = pack('prom-client-override', join(ROOT, 'packages/prom-client'));
  expect(shim.files).toEqual(['LICENSE', 'README.md', 'index.d.ts', 'index.js', 'package.json']);
  const manifest = {
    private: true,
    type: 'module',
    dependencies: {
      promenade: `file:${promenade}`,
      'express-prom-bundle': '^8.0.0',
      express: '^5.0.0',
      'prom-client': `file:${shim.path}`,
    },
    overrides: { 'prom-client': '$prom-client' },
  };
  writeFileSync(join(project, 'package.json'), JSON.stringify(manifest));
  writeFileSync(join(project, 'server.js'), SERVER);
  npm(['install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'], project);

  const output = execFileSync(process.execPath, ['server.js'], { cwd: project, encoding: 'utf8' });
  const { page, bundle, sameForRequire } = JSON.parse(output) as {
    page: [string, number][];
    bundle: string;
    sameForRequire: boolean;
  };
  expect(page).toEqual([
    ['http_request_duration_seconds', 1],
    ['ours', 1],
    ['theirs', 1],
    ['up', 1],
  ]);
  expect(bundle).toContain('http_request_duration_seconds_count{status_code="200",method="GET"} 1\n');
  expect(bundle).toContain('\nours_total 2\n');
  expect(bundle).toContain('\ntheirs 3\n');
  expect(sameForRequire).toBe(true);
}, 180_000);
