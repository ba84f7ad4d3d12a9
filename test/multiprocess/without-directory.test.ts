import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { expect, test, vi } from 'vitest';
import { startFixture, temporaryDirectory } from './children.ts';

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Starts the fixture, and returns its page as soon as that has all of `lines`. */
async function pageOf(kind: string, more: NodeJS.ProcessEnv, lines: readonly string[]): Promise<readonly string[]> {
  const { PROMETHEUS_MULTIPROC_DIR: _, ...inherited } = process.env;
  const env = { ...inherited, METRICS_ENABLED: 'true', TMPDIR: temporaryDirectory(), NODE_OPTIONS: '', ...more };
  const child = startFixture('without-directory.mjs', [kind], { env });
  const warnings: string[] = [];
  const port = await new Promise<number>((resolve) => {
    child.on('message', (message: { warning?: string; port?: number }) => {
      if (message.warning !== undefined) warnings.push(message.warning);
      if (message.port !== undefined) resolve(message.port);
    });
  });
  await vi.waitFor(
    async () => {
      const page = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
      for (const line of lines) expect(page.split('\n')).toContain(line);
    },
    { timeout: 30_000, interval: 200 },
  );
  child.disconnect();
  await once(child, 'exit');
  return warnings;
}

test('a thread counts on the page of its process, with the role thread', async () => {
  const warnings = await pageOf('thread', {}, [
    'work_total{by="main"} 2',
    'work_total{by="thread"} 3',
    'metrics_processes{role="app"} 1',
    'metrics_processes{role="thread"} 1',
  ]);
  expect(warnings).toEqual([]);
});

test('a primary that measures and its workers are one application on METRICS_PORT, without a warning', async () => {
  const warnings = await pageOf('cluster', { METRICS_PORT: String(await freePort()) }, [
    'work_total{by="main"} 2',
    'work_total{by="worker"} 6',
    'metrics_processes{role="primary"} 1',
    'metrics_processes{role="worker"} 2',
  ]);
  expect(warnings).toEqual([]);
});

test('two promenade() in one process are one endpoint', async () => {
  const warnings = await pageOf('twice', { METRICS_PORT: String(await freePort()) }, ['work_total{by="main"} 2']);
  expect(warnings).toEqual([]);
});
