import { type ChildProcess, execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hashSync } from 'bcryptjs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectPromtoolAccepts, noForeignParsers } from '../support/foreign-parsers.ts';
import { ROOT } from '../support/modules.ts';
import { NODE_VERSIONS, nodeProgram, versionPattern } from './node-versions.ts';
import { npm, pack } from './tarball.ts';

const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  readonly exports: Readonly<Record<string, unknown>>;
};
const entries = Object.keys(manifest.exports)
  .filter((entry) => entry !== './package.json')
  .map((entry) => join('promenade', entry));

/** A user's project, with the packed package installed as install scripts are off. */
const project = mkdtempSync(join(tmpdir(), 'promenade-project-'));
const programs = new Map<string, string>();
const webConfig = join(project, 'web.yml');

beforeAll(() => {
  for (const version of NODE_VERSIONS) programs.set(version, nodeProgram(version));
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'project', private: true, type: 'module' }));
  npm(['install', '--ignore-scripts', '--no-audit', '--no-fund', pack('node-versions').path], project);
  cpSync(join(ROOT, 'test/dist/scripts'), project, { recursive: true });
  const key = [
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-keyout',
    join(project, 'server.key'),
  ];
  const certificate = ['-subj', '/CN=localhost', '-days', '2', '-out', join(project, 'server.crt')];
  execFileSync('openssl', ['req', '-x509', ...key, ...certificate], { stdio: 'ignore' });
  const users = `basic_auth_users: { prom: ${JSON.stringify(hashSync('secret', 4))} }`;
  writeFileSync(webConfig, `tls_server_config: { cert_file: server.crt, key_file: server.key }\n${users}\n`);
}, 600_000);

afterAll(() => rmSync(project, { recursive: true, force: true }));

/**
 * What a script prints that a Node version runs in the project; fails where it fails or writes to
 * stderr.
 */
function run(version: string, script: string, parameters: readonly string[] = []): unknown {
  const output = execFileSync(programs.get(version)!, [script, ...parameters], {
    cwd: project,
    encoding: 'utf8',
    env: { PATH: process.env['PATH'] },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return JSON.parse(output);
}

describe.each(NODE_VERSIONS)('the packed package on Node %s', (version) => {
  test('is imported and required, with the same exports', () => {
    const imported = run(version, 'import-all.mjs', entries) as Report & { milliseconds: number };
    const required = run(version, 'require-all.cjs', entries) as Report;
    process.stdout.write(`import of promenade on ${imported.version}: ${imported.milliseconds.toFixed(1)} ms\n`);
    expect(imported.version).toMatch(versionPattern(version));
    expect(Object.keys(imported.names)).toEqual(entries);
    for (const entry of entries) {
      expect(imported.names[entry]!.length).toBeGreaterThan(0);
      expect(required.names[entry]!.filter((name) => name !== '__esModule')).toEqual(imported.names[entry]);
    }
  });

  test('counts', async () => {
    const { status, page } = run(version, 'count.mjs') as { status: number; page: string };
    expect(status).toBe(200);
    expect(page).toContain('\njobs_total{queue="mail"} 3\n');
    expect(page).toContain('\nwait_seconds_bucket{le="2"} 1\n');
    expect(page).toContain('\nbuild_info{version="1"} 1\n');
    if (!noForeignParsers) await expectPromtoolAccepts(page);
  });

  test('serves a directory by its command, with TLS, a user and HTTP/2', () => {
    const directory = join(project, `served-${version}`);
    const counted = { PATH: process.env['PATH'], METRICS_ENABLED: 'true', PROMETHEUS_MULTIPROC_DIR: directory };
    execFileSync(programs.get(version)!, ['count.mjs'], { cwd: project, env: counted, stdio: 'ignore' });
    const { refused, status, page, same, code } = run(version, 'serve.mjs', [directory, webConfig]) as Served;
    expect({ refused, status, same, code }).toEqual({ refused: 401, status: 200, same: true, code: 0 });
    expect(page).toContain('\njobs_total{queue="mail"} 3\n');
  });
});

test('the command runs by its name', () => {
  const command = join(project, 'node_modules/.bin/promenade');
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  expect(execFileSync(command, ['--version'], { encoding: 'utf8' })).toBe(`${version}\n`);
});

test('processes of all versions count into one directory, and what a killed one counted stays', async () => {
  const children = new Map<string, ChildProcess>();
  try {
    for (const version of NODE_VERSIONS) {
      const child = fork(join(project, 'share.mjs'), {
        execPath: programs.get(version)!,
        execArgv: [],
        cwd: project,
        env: { PATH: process.env['PATH'], PROMETHEUS_MULTIPROC_DIR: join(project, 'metrics'), METRICS_ENABLED: 'true' },
      });
      children.set(version, child);
      await once(child, 'message');
    }
    for (const child of children.values()) await ask(child, 1000);
    const first = children.get('20.19.0')!;
    first.kill('SIGKILL');
    await once(first, 'exit');
    const counts = await ask(children.get('26')!, 1);
    expect(counts.map(([, count]) => count).sort((a, b) => a - b)).toEqual([1000, 1000, 1000, 1000, 1001]);
    expect(counts.find(([version]) => version === 'v20.19.0')).toEqual(['v20.19.0', 1000]);
  } finally {
    for (const child of children.values()) child.kill('SIGKILL');
  }
}, 60_000);

interface Served {
  readonly refused: number;
  readonly status: number;
  readonly page: string;
  readonly same: boolean;
  readonly code: number;
}

interface Report {
  readonly version: string;
  readonly names: Readonly<Record<string, readonly string[]>>;
}

/** Has a process count, and say what all have counted. */
async function ask(child: ChildProcess, add: number): Promise<readonly (readonly [string, number])[]> {
  const answer = once(child, 'message');
  child.send({ add });
  return ((await answer) as [readonly (readonly [string, number])[]])[0];
}
