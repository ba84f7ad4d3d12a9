import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { UserProject } from './user-project.ts';

vi.setConfig({ testTimeout: 300_000 });

const projects: UserProject[] = [];
afterAll(() => projects.forEach((project) => project.remove()));

const LIBRARY = `
const { Counter } = require('promenade');
const client = require('promenade/prom-client');
const { promenade } = require('promenade/express');
const sent = new Counter({ name: 'parcels_sent_total', help: 'Sent.' });
const lost = new client.Counter({ name: 'parcels_lost_total', help: 'Lost.' });
exports.send = () => { sent.inc(); lost.inc(); };
exports.define = () => new Counter({ name: 'common_total', help: 'Common.' });
exports.Counter = Counter;
exports.instrument = (pool) => require('promenade/pg').instrumentPg(pool);
`;

const MAIN = `
import { createServer } from 'node:http';
import * as all from 'promenade';
import { promenade } from 'promenade/http';
import parcels from 'parcels';
const metrics = promenade({ enabled: true });
parcels.send(); parcels.send();
new all.Counter({ name: 'common_total', help: 'Common.' }).inc();
const theirs = parcels.define();
theirs.inc(10);
const server = createServer((request, response) => {
  if (!metrics.serve(request, response)) response.end();
}).listen(0, '127.0.0.1', async () => {
  const page = await (await fetch('http://127.0.0.1:' + server.address().port + '/metrics')).text();
  console.log(JSON.stringify({
    lines: page.split('\\n').filter((line) => /^(parcels|common)_/.test(line)).sort(),
    isInstance: theirs instanceof all.Counter,
  }));
  process.exit(0);
});
`;

/** A project whose library has its own copy of the package, as CommonJS beside ES modules. */
function projectWithCopy(): UserProject {
  const project = new UserProject({ type: 'module' });
  projects.push(project);
  project.installPackage('node_modules/parcels');
  project.write({
    'node_modules/parcels/package.json': '{ "name": "parcels", "version": "1.0.0", "main": "./index.cjs" }',
    'node_modules/parcels/index.cjs': LIBRARY,
    'main.js': MAIN,
  });
  return project;
}

/** Makes the library's copy another build, as another version is. */
function makeAnotherBuild(project: UserProject): void {
  const dist = join(project.folder, 'node_modules/parcels/node_modules/promenade/dist');
  let changed = 0;
  for (const name of readdirSync(dist, { recursive: true, encoding: 'utf8' })) {
    if (!/\.c?js$/.test(name)) continue;
    const text = readFileSync(join(dist, name), 'utf8');
    const another = text.replace(/oneCopy\("[0-9a-f]{16}", "[^"]+"/, 'oneCopy("0123456789abcdef", "9.9.9"');
    if (another !== text) changed++;
    writeFileSync(join(dist, name), another);
  }
  expect(changed).toBeGreaterThan(40);
}

const WHOLE = ['common_total 11', 'parcels_lost_total 2', 'parcels_sent_total 2'];

describe('a library with its own copy of the package', () => {
  test.each([
    ['in memory', false],
    ['with a directory', true],
  ])('counts onto the one page %s', (_, shared) => {
    const project = projectWithCopy();
    const env: Record<string, string> = shared ? { PROMETHEUS_MULTIPROC_DIR: join(project.folder, 'metrics') } : {};
    const { status, stdout, stderr } = project.node(['main.js'], env);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(JSON.parse(stdout)).toEqual({ lines: WHOLE, isInstance: true });
    if (shared)
      expect(readdirSync(join(project.folder, 'metrics')).filter((f) => f.endsWith('.cells'))).toHaveLength(1);
  });

  test('of another build counts by itself, which is said once, with what to do', () => {
    const project = projectWithCopy();
    makeAnotherBuild(project);
    const { status, stdout, stderr } = project.node(['main.js']);
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ lines: ['common_total 1'], isInstance: false });
    expect(stderr.match(/WARN_METRICS_TWO_BUILDS/g)).toHaveLength(1);
    expect(stderr).toMatch(/9\.9\.9.*npm ls promenade.*npm dedupe/);
  });

  test('of another build is on the page of a directory all the same', () => {
    const project = projectWithCopy();
    makeAnotherBuild(project);
    const { status, stdout } = project.node(['main.js'], {
      METRICS_ENABLED: 'true',
      PROMETHEUS_MULTIPROC_DIR: join(project.folder, 'metrics'),
    });
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ lines: WHOLE, isInstance: false });
  });
});

test('import and require give the same classes and the same registry', () => {
  const project = new UserProject({ type: 'module' });
  projects.push(project);
  project.write({
    'main.js': `
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
const require = createRequire(import.meta.url);
const { exports } = JSON.parse(readFileSync('node_modules/promenade/package.json', 'utf8'));
const different = [];
let compared = 0;
for (const subpath of Object.keys(exports)) {
  if (subpath === './package.json') continue;
  const name = 'promenade' + subpath.slice(1);
  const [imported, required] = [await import(name), require(name)];
  for (const key of Object.keys(imported)) {
    compared++;
    if (imported[key] !== required[key]) different.push(name + ' ' + key);
  }
}
console.log(JSON.stringify({ compared, different }));
`,
  });
  const { stdout, stderr } = project.node(['main.js']);
  expect(stderr).toBe('');
  expect(JSON.parse(stdout)).toEqual({ compared: expect.any(Number), different: [] });
  expect(JSON.parse(stdout).compared).toBeGreaterThan(100);
});
