import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { Registry } from '../../src/core/registry.ts';
import { createEndpoint } from '../../src/endpoint/endpoint.ts';
import { Listener, type ListenerOptions } from '../../src/endpoint/listener.ts';
import { isUnmeasured } from '../../src/core/unmeasured.ts';
import { freePort, open, send, until, warnings } from './serving.ts';

function listenerOn(port: number, options: Partial<ListenerOptions> = {}): Listener {
  const listener = new Listener({
    host: '127.0.0.1',
    port,
    path: '/metrics',
    handler: (_request, response) => void response.end('page'),
    identity: 'family',
    retryMs: 20,
    ...options,
  });
  onTestFinished(() => listener.close());
  return listener;
}

const isServed = async (port: number): Promise<boolean> =>
  send(port).then(
    ({ status }) => status === 200,
    () => false,
  );

test('serves the page at its path alone; tokens, but no sessions, open it', async () => {
  const port = await freePort();
  const endpoint = createEndpoint(
    {
      enabled: true,
      registry: new Registry(),
      port,
      path: '/m/',
      authentication: true,
      tokens: ['token'],
      session: () => true,
    },
    {},
  );
  expect([endpoint.publicPath, endpoint.matches({ url: '/m' })]).toEqual([undefined, false]);
  await endpoint.listen();
  onTestFinished(() => endpoint.close());
  const statuses: number[] = [];
  for (const path of ['/m', '/m/', '/', '/metrics', '*']) {
    for (const headers of [{}, { authorization: 'Token token' }]) {
      statuses.push((await send(port, { path, headers })).status);
    }
  }
  expect(statuses).toEqual([401, 200, 401, 200, 404, 404, 404, 404, 404, 404]);
  await endpoint.close();
  expect(await isServed(port)).toBe(false);
});

test('of siblings one has the port; when it goes another takes it, and nobody is told', async () => {
  const told = warnings('WARN_METRICS_PORT');
  const port = await freePort();
  const siblings = [listenerOn(port), listenerOn(port), listenerOn(port)];
  for (const sibling of siblings) await sibling.listen();
  expect(siblings.map(({ listening }) => listening)).toEqual([true, false, false]);
  await siblings[0]!.close();
  await until(() => siblings[1]!.listening || siblings[2]!.listening);
  expect(await isServed(port)).toBe(true);
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(siblings.filter(({ listening }) => listening)).toHaveLength(1);
  expect(told).toEqual([]);
});

test.each([
  ['another HTTP server', () => createServer((_request, response) => response.end('hello'))],
  ['a server that closes', () => createTcpServer((socket) => socket.destroy())],
  [
    'a server that speaks something else',
    () => createTcpServer((socket) => socket.on('error', () => {}).end('SSH-2.0')),
  ],
  ['a server that says nothing', () => createTcpServer((socket) => socket.on('error', () => {}))],
])('a port that is taken by %s is told of once, and taken when it is free', async (_what, create) => {
  const told = warnings('WARN_METRICS_PORT');
  const port = await freePort();
  const stranger = create().listen(port, '127.0.0.1');
  await once(stranger, 'listening');
  const listener = listenerOn(port);
  await listener.listen();
  await until(() => told.length > 0);
  expect(told).toEqual([
    `METRICS_PORT: 127.0.0.1 port ${port} is taken by another program; metrics are not served until it is free. Choose another port.`,
  ]);
  stranger.close();
  await until(() => listener.listening);
  expect(told).toHaveLength(1);
});

test('a process with other metrics is not a sibling', async () => {
  const told = warnings('WARN_METRICS_PORT');
  const port = await freePort();
  await listenerOn(port, { identity: 'neighbours' }).listen();
  await listenerOn(port).listen();
  await until(() => told.length > 0);
  expect(told[0]).toContain('need one PROMETHEUS_MULTIPROC_DIR');
});

test('an address that can never be listened on is an error at start', async () => {
  for (const host of ['192.0.2.1', 'no-such-host.invalid']) {
    await expect(listenerOn(await freePort(), { host }).listen()).rejects.toMatchObject({
      code: 'ERR_METRICS_INVALID_SETTING',
      message: expect.stringMatching(/METRICS_HOST.*choose another address or port/),
    });
  }
});

test('closing lets a scrape under way end, and stops waiting for the port', async () => {
  const port = await freePort();
  let finish: (() => void) | undefined;
  const first = listenerOn(port, { handler: (_request, response) => (finish = () => void response.end('late')) });
  await first.listen();
  const waiting = listenerOn(port);
  await waiting.listen();
  const reply = send(port);
  await until(() => finish !== undefined);
  const closed = first.close();
  await waiting.close();
  finish!();
  expect((await reply).text).toBe('late');
  await closed;
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect([first.listening, waiting.listening]).toEqual([false, false]);
});

test('the server is marked, so that HTTP metrics leave all its requests out', async () => {
  const port = await freePort();
  const marks: unknown[] = [];
  const handler: ListenerOptions['handler'] = (request, response) => {
    marks.push(isUnmeasured((request.socket as unknown as { server: object }).server));
    response.end();
  };
  await listenerOn(port, { handler }).listen();
  await send(port);
  expect(marks).toEqual([true]);
});

/** A process with a page of its own, one counter, and the port if it can get it. */
const program = `
  import { Counter } from 'promenade';
  import { createEndpoint } from 'promenade/http';
  const endpoint = createEndpoint();
  new Counter({ name: 'started_total', help: 'Processes that were started.' }).inc();
  await endpoint.listen();
  process.on('message', () => {});
  process.send('ready');
`;

async function startProcess(environment: Record<string, string>): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    env: { ...process.env, METRICS_ENABLED: 'true', ...environment },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child, 'message');
  return child;
}

test('two processes: when the one with the port is killed the other serves it, with the counts of both', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'listener-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const port = await freePort();
  const environment = { METRICS_PORT: String(port), PROMETHEUS_MULTIPROC_DIR: directory, METRICS_ROLE: 'web' };
  const first = await startProcess(environment);
  await startProcess(environment);
  const page = async (): Promise<string> => (await send(port)).text;
  expect(await page()).toContain('\nstarted_total 2\n');
  expect(await page()).toContain('\nmetrics_processes{role="web"} 2\n');

  first.kill('SIGKILL');
  await once(first, 'exit');
  await until(() => isServed(port));
  const after = await page();
  expect(after).toContain('\nstarted_total 2\n');
  expect(after).toContain('\nmetrics_processes{role="web"} 1\n');
});

test('the listener does not keep a process alive, not even with a connection open', async () => {
  const port = await freePort();
  const child = spawn(
    process.execPath,
    [
      '--input-type=module',
      '--eval',
      `import { createEndpoint } from 'promenade/http';
       await createEndpoint().listen();
       process.once('message', () => process.disconnect());
       process.send('ready');`,
    ],
    {
      env: { ...process.env, METRICS_ENABLED: 'true', METRICS_PORT: String(port) },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    },
  );
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child, 'message');
  const socket = open(port);
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  child.send('go');
  expect(await once(child, 'exit')).toEqual([0, null]);
});
