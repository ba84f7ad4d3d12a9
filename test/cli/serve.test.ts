import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer, connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { scrape } from '../../src/testing/scrape.ts';
import { findSeries, seriesValue } from '../../src/testing/series.ts';
import { readBooks, sumOf } from '../multiprocess/books.ts';
import { kill, Recorder, startFixture, temporaryDirectory } from '../multiprocess/children.ts';
import { decodeProtobuf } from '../support/protobuf.ts';
import { environment, freePort, promenade, startServe } from './promenade.ts';

/** Names, sizes and places of all files: what changes when somebody writes. */
function listing(directory: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(directory).map((file) => {
      const { ino, mtimeMs } = statSync(join(directory, file));
      return [file, `${ino} ${mtimeMs}`];
    }),
  );
}

test('shows exact sums of writers that are killed, more than have ever been there at once', async () => {
  const directory = temporaryDirectory();
  const ledger = temporaryDirectory();
  const serving = await startServe([directory]);
  const env = environment({ METRICS_ENABLED: 'true', PROMETHEUS_MULTIPROC_DIR: directory, METRICS_ROLE: 'worker' });
  const writers = ['a', 'b', 'c'];
  let before = 0;
  for (const writer of writers) {
    const child = startFixture('writer.mjs', [join(ledger, writer), writer], { env });
    await once(child, 'message');
    for (let i = 0; i < 3; i++) {
      const now = seriesValue(await scrape(serving.url), 'drill_steps_total', {}) ?? 0;
      expect(now).toBeGreaterThanOrEqual(before);
      before = now;
    }
    await kill(child);
  }
  const page = await scrape(serving.url);
  const { begun, done } = sumOf(writers.map((writer) => readBooks(join(ledger, writer))));
  const steps = seriesValue(page, 'drill_steps_total', {})!;
  expect(steps).toBeGreaterThan(1000);
  expect(steps).toBeGreaterThanOrEqual(done);
  expect(steps).toBeLessThanOrEqual(begun);
  expect(findSeries(page, 'metrics_processes')).toEqual([]);
  expect(readdirSync(directory).filter((file) => file.endsWith('.names'))).toEqual(['worker-0.names']);
  expect(await serving.stop()).toBe(0);
});

/** What the two pages may differ in: the process of the application counts that it was scraped. */
const SCRAPES = /metrics_scrape/;

function textOf(page: string): string {
  return page
    .split('\n')
    .filter((line) => !SCRAPES.test(line))
    .join('\n');
}

test('is the page that a process of the application shows at the same moment, in every format', async () => {
  const directory = temporaryDirectory();
  const port = await freePort();
  const env = environment({ PROMETHEUS_MULTIPROC_DIR: directory, METRICS_ENABLED: 'true' });
  const gone = startFixture('worker.mjs', ['still', '7'], { env });
  await once(gone, 'message');
  await kill(gone);
  const application = startFixture('worker.mjs', ['still', '3'], {
    env: { ...env, METRICS_PORT: String(port), METRICS_ROLE: 'web' },
  });
  await once(application, 'message');
  const serving = await startServe([directory]);

  const ask = async (url: string, accept: string): Promise<Buffer> => {
    const response = await fetch(url, { headers: { accept } });
    expect(response.status).toBe(200);
    return Buffer.from(await response.arrayBuffer());
  };
  const own = `http://127.0.0.1:${port}/metrics`;
  const protobuf = 'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited';
  const texts = ['text/plain;version=0.0.4', 'application/openmetrics-text;version=1.0.0'];
  // From now on there are the families about scrapes in these formats, and as many series as later.
  for (const accept of [...texts, protobuf]) await ask(own, accept);
  for (const accept of texts) {
    const theirs = textOf(String(await ask(own, accept)));
    expect(textOf(String(await ask(serving.url, accept)))).toBe(theirs);
    expect(theirs).toMatch(/^jobs_done_total\{name="job 0"\} 4(\.0)?$/m);
    expect(theirs).toMatch(/^metrics_processes\{role="web"\} 1(\.0)?$/m);
    expect(theirs).toMatch(/^jobs_running 2(\.0)?$/m);
  }
  const families = async (url: string): Promise<unknown[]> =>
    decodeProtobuf([await ask(url, protobuf)]).filter(({ name }) => !SCRAPES.test(name));
  const theirs = await families(own);
  expect(theirs.length).toBeGreaterThan(5);
  expect(await families(serving.url)).toEqual(theirs);
  expect(JSON.stringify(theirs)).toContain('startTimestamp');
});

test('answers as the endpoint does: packing, names, refusals, and what else is there', async () => {
  const directory = temporaryDirectory();
  const recorder = await Recorder.start(directory);
  await recorder.define('Counter', { name: 'orders_total' });
  await recorder.define('Counter', { name: 'visits_total' });
  const serving = await startServe(['--path=/here', '--label=site=zrh', directory]);

  const packed = await fetch(`${serving.origin}/here/?name[]=orders_total`, { headers: { 'accept-encoding': 'gzip' } });
  expect(packed.headers.get('content-encoding')).toBe('gzip');
  const text = await packed.text();
  expect(text).toContain('orders_total{site="zrh"} 0');
  expect(text).not.toContain('visits_total');

  const statusOf = async (path: string, init?: RequestInit): Promise<number> =>
    (await fetch(serving.origin + path, init)).status;
  expect(await statusOf('/here', { method: 'POST' })).toBe(405);
  expect(await statusOf('/here', { method: 'HEAD' })).toBe(200);
  expect(await statusOf('/elsewhere')).toBe(404);
  expect(await statusOf('/-/healthy')).toBe(200);
  const landing = await fetch(serving.origin);
  expect(landing.headers.get('content-type')).toContain('text/html');
  expect(await landing.text()).toMatch(/<html lang="en">[^]*<a href="\/here">/);
  expect(gunzipSync(await gzipped(serving.url)).toString()).toContain('visits_total');
});

/** As it comes over the wire. */
async function gzipped(url: string): Promise<Buffer> {
  const { hostname, port, pathname } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.write(`GET ${pathname} HTTP/1.0\r\nAccept-Encoding: gzip\r\n\r\n`);
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  const answer = Buffer.concat(chunks);
  return answer.subarray(answer.indexOf('\r\n\r\n') + 4);
}

test('asks for a token as METRICS_AUTHENTICATION says', async () => {
  const serving = await startServe([temporaryDirectory()], {
    METRICS_AUTHENTICATION: 'true',
    METRICS_TOKENS: 'open-sesame',
  });
  expect((await fetch(serving.url)).status).toBe(401);
  const ask = (authorization: string): Promise<Response> => fetch(serving.url, { headers: { authorization } });
  expect((await ask('Bearer wrong')).status).toBe(401);
  expect((await ask('Bearer open-sesame')).status).toBe(200);
  expect((await ask(`Basic ${btoa('any:open-sesame')}`)).status).toBe(200);
  expect((await fetch(`${serving.origin}/-/healthy`)).status).toBe(200);

  const nobody = await promenade(['serve', '--port=0', temporaryDirectory()], { METRICS_AUTHENTICATION: 'true' });
  expect(nobody).toMatchObject({ code: 2, stdout: '' });
  expect(nobody.stderr).toContain('METRICS_TOKENS');
});

test('writes nothing, whatever is damaged there', async () => {
  const directory = temporaryDirectory();
  for (const [role, count] of [
    ['sound', 5],
    ['torn', 7],
    ['cut', 11],
  ] as const) {
    const recorder = await Recorder.start(directory, { METRICS_ROLE: role });
    await recorder.define('Counter', { name: 'orders_total', labelNames: ['role'] });
    await recorder.record('orders_total', { role }, 'inc', [count]);
    await recorder.kill();
  }
  writeFileSync(join(directory, 'foreign.db'), 'not ours');
  truncateSync(join(directory, 'torn-0.names'), 600);
  const serving = await startServe([directory]);
  const page = await scrape(serving.url);
  expect(seriesValue(page, 'orders_total', { role: 'sound' })).toBe(5);
  expect(seriesValue(page, 'orders_total', { role: 'cut' })).toBe(11);
  expect(seriesValue(page, 'orders_total', { role: 'torn' })).toBeUndefined();

  const before = listing(directory);
  truncateSync(join(directory, 'cut-0.cells'), 100);
  const after = { ...before, 'cut-0.cells': listing(directory)['cut-0.cells'] };
  // What was read of it before goes on counting.
  expect(seriesValue(await scrape(serving.url), 'orders_total', { role: 'cut' })).toBe(11);
  expect(listing(directory)).toEqual(after);
  expect(Object.keys(before)).toContain('torn-0.names');
});

test('waits for a directory that is yet to come, and follows one that is wiped or begins anew', async () => {
  const directory = join(temporaryDirectory(), 'later');
  const serving = await startServe([directory]);
  const orders = async (): Promise<number | undefined> => seriesValue(await scrape(serving.url), 'orders_total', {});
  expect(await orders()).toBeUndefined();
  expect(existsSync(directory)).toBe(false);

  const start = async (): Promise<Recorder> => {
    const recorder = await Recorder.start(directory);
    await recorder.define('Counter', { name: 'orders_total' });
    return recorder;
  };
  const first = await start();
  await first.record('orders_total', undefined, 'inc', [5]);
  expect(await orders()).toBe(5);

  // Under a process that lives: its numbers are back within a second, and meanwhile those read last
  // stay.
  rmSync(directory, { recursive: true });
  expect(await orders()).toBe(5);
  await expect.poll(() => existsSync(join(directory, 'worker-0.cells')), { timeout: 10_000 }).toBe(true);
  await first.record('orders_total', undefined, 'inc', [1]);
  expect(await orders()).toBe(6);

  // When all have gone, a directory that was made anew is another one.
  await first.kill();
  rmSync(directory, { recursive: true });
  expect(await orders()).toBe(6);
  const second = await start();
  await second.record('orders_total', undefined, 'inc', [2]);
  await expect.poll(orders, { timeout: 20_000, interval: 200 }).toBe(2);

  await second.kill();
  const cold = await Recorder.start(directory, { METRICS_ON_COLD_START: 'reset', METRICS_ROLE: 'fresh' });
  await cold.define('Counter', { name: 'orders_total' });
  expect(await orders()).toBe(0);
});

test('says who has the port, and ends with 1', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const { code, stderr } = await promenade(['serve', `--port=${port}`, temporaryDirectory()]);
  server.close();
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: `promenade serve: 127.0.0.1 port ${port} is taken: choose another with --port, or end what listens there.\n`,
  });
});

test('ends on SIGTERM with 0, after the scrape that is under way', async () => {
  const directory = temporaryDirectory();
  const recorder = await Recorder.start(directory);
  // More than the sockets' buffers hold.
  const buckets = Array.from({ length: 1000 }, (_, i) => i + 1);
  await recorder.define('Histogram', { name: 'wide', buckets, labelNames: ['k'] });
  for (let i = 0; i < 40; i++) await recorder.record('wide', { k: `${i}${'x'.repeat(600)}` }, 'observe', [1]);
  const serving = await startServe([directory]);
  const { port, hostname } = new URL(serving.url);
  const socket = connect(Number(port), hostname).pause();
  await once(socket, 'connect');
  socket.write('GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n');
  socket.resume();
  const [first] = (await once(socket, 'data')) as [Buffer];
  socket.pause();

  const exited = serving.stop();
  await expect.poll(() => isRefused(Number(port), hostname), { timeout: 10_000 }).toBe(true);
  await delay(50);
  expect(serving.process.exitCode).toBeNull();
  const chunks = [first];
  const closed = once(socket, 'close');
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.resume();
  expect(await exited).toBe(0);
  await closed;
  const answer = Buffer.concat(chunks).toString();
  expect(answer.length).toBeGreaterThan(20_000_000);
  expect(answer.endsWith('\r\n0\r\n\r\n')).toBe(true);
});

async function isRefused(port: number, host: string): Promise<boolean> {
  const socket = connect(port, host);
  const refused = await Promise.race([
    once(socket, 'connect').then(() => false),
    once(socket, 'error').then(() => true),
  ]).catch(() => true);
  socket.destroy();
  return refused;
}

test('a directory that may not be read shows nothing, and is no reason to end', async () => {
  const parent = temporaryDirectory();
  writeFileSync(join(parent, 'file'), '');
  const serving = await startServe([join(parent, 'file')]);
  expect((await fetch(serving.url)).status).toBe(200);
  rmSync(join(parent, 'file'));
  mkdirSync(join(parent, 'file'));
  expect((await fetch(serving.url)).status).toBe(200);
  expect(await serving.stop('SIGINT')).toBe(0);
});
