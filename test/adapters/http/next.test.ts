import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { promenade } from '../../../src/adapters/http/next/next.ts';
import { parsePage } from '../../../src/testing.ts';
import { httpServerContract, type Subject, type SubjectOptions } from '../../contracts/http-server.contract.ts';
import { held } from '../../contracts/http-server.responses.ts';
import { ROOT } from '../../support/modules.ts';
import { packageFolder } from '../../support/oldest.ts';

/** The part of Next that is used. */
interface Next {
  prepare(): Promise<void>;
  getRequestHandler(): (request: IncomingMessage, response: ServerResponse) => Promise<void>;
  close(): Promise<void>;
}
type CreateNext = (options: { dir: string; dev: boolean; quiet: boolean }) => Next;

/** A copy of the fixture, where a version of Next is found from. */
function copyFixture(where: string): string {
  const home = join(where, '.cache');
  mkdirSync(home, { recursive: true });
  const folder = mkdtempSync(join(home, 'next-'));
  cpSync(join(ROOT, 'test/fixtures/next-app'), folder, { recursive: true });
  return folder;
}

async function build(next: string, folder: string, env: NodeJS.ProcessEnv): Promise<void> {
  await promisify(execFile)(process.execPath, [binary(next), 'build'], {
    cwd: folder,
    env: { ...ENVIRONMENT, ...env },
  });
}

function inWorkspace(workspace: string, name: string): string {
  return packageFolder({ package: name, workspace });
}

function binary(next: string): string {
  return join(next, 'dist/bin/next');
}

/** As it was: Next leaves notes for itself there. */
const ENVIRONMENT = { ...process.env };

/** What the fixture's own settings read, too. */
const OF_NEXT_15 = {
  NODE_ENV: 'production',
  NEXT_TELEMETRY_DISABLED: '1',
  NEXT_APP_ROOT: ROOT,
  NEXT_APP_TURBOPACK: '',
};
const OF_NEXT_16 = { ...OF_NEXT_15, NEXT_APP_TURBOPACK: '1' };

describe('Next 16 below a server of the application', () => {
  let folder: string;
  let app: Next;

  beforeAll(async () => {
    folder = copyFixture(ROOT);
    await build(packageFolder('next'), folder, OF_NEXT_16);
    Object.assign(process.env, OF_NEXT_16);
    app = (createRequire(import.meta.url)('next') as CreateNext)({ dir: folder, dev: false, quiet: true });
    await app.prepare();
  }, 300_000);
  afterAll(async () => {
    await app?.close();
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });

  async function start(options: SubjectOptions): Promise<Subject> {
    const metrics = promenade(options);
    const handle = app.getRequestHandler();
    const server = createServer((request, response) => {
      // Route handlers of Next do not see Node's request.
      if (request.url === '/held') {
        const document = { bytes: Buffer.alloc(1000) };
        Object.assign(request, { document });
        held.push(new WeakRef(request), new WeakRef(response), new WeakRef(document));
      }
      void handle(request, response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return {
      server,
      close: async () => {
        await metrics.close();
        await new Promise((resolve) => server.close(resolve));
      },
    };
  }

  httpServerContract('Next 16', start, {
    options: { status: '204', route: '/hello' },
    wrongMethod: { status: '405', route: '/api/[tenant]/items/[id]' },
    itemRoute: '/api/[tenant]/items/[id]',
    streaming: 'true',
    exceptions: false,
    handlers: false,
    badPath: { status: '400' },
  });
});

describe('next start of Next 15.1', () => {
  let folder: string;
  let server: ChildProcess;
  let url: string;

  beforeAll(async () => {
    const next = inWorkspace('frameworks', 'next');
    folder = copyFixture(join(ROOT, 'test/versions/frameworks'));
    await build(next, folder, OF_NEXT_15);
    writeFileSync(join(folder, 'metrics.mjs'), `import { promenade } from 'promenade/next';\npromenade();\n`);
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    server = spawn(process.execPath, [binary(next), 'start', '-H', '127.0.0.1', '-p', String(port)], {
      cwd: folder,
      env: { ...ENVIRONMENT, ...OF_NEXT_15, METRICS_ENABLED: 'true', NODE_OPTIONS: '--import ./metrics.mjs' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    for await (const chunk of server.stdout!) if ((output += String(chunk)).includes('Ready')) break;
    server.stdout!.resume();
  }, 300_000);
  afterAll(async () => {
    server?.kill();
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });

  test('the page is on its port, with the routes of both routers', async () => {
    const buildId = readFileSync(join(folder, '.next/BUILD_ID'), 'utf8').trim();
    const expected = {
      '/users/7': '200 /users/[id]',
      '/blog/x': '200 /blog/[slug]',
      '/api/acme/items/1': '200 /api/[tenant]/items/[id]',
      '/away': '302 <unmatched>',
      '/nowhere': '404 <unmatched>',
      [`/_next/static/${buildId}/_buildManifest.js`]: '200 /_next/static/*',
    };
    for (const path of Object.keys(expected)) await (await fetch(`${url}${path}`, { redirect: 'manual' })).text();
    await vi.waitFor(async () => {
      const { families } = parsePage(await (await fetch(`${url}/metrics`)).text());
      const responses = families.get('http_server_responses_total')!;
      const seen = responses.samples.map(({ labels }) => `${labels['status']} ${labels['route']}`);
      expect(seen.toSorted()).toEqual(Object.values(expected).toSorted());
    });
  });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
