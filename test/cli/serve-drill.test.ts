import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { hashSync } from 'bcryptjs';
import { expect, onTestFinished, test } from 'vitest';
import { Recorder, temporaryDirectory } from '../multiprocess/children.ts';
import { startServe } from './promenade.ts';

// Everything here is on the loopback address and bounded by a number of requests; the servers, the
// sockets and the guessers end with their test.

/** How many guess at once, each on a connection that it keeps. */
const GUESSERS = 60;
const SCRAPES = 50;
/** All places that `promenade serve` has for readers. */
const IDLE_READERS = 128;

/** The status of an answer, with its body, over a connection of `agent` from the address `from`. */
function ask(url: string, from: string, options: { agent: Agent; auth?: string }): Promise<[number, string]> {
  return new Promise((resolve, reject) => {
    get(url, { localAddress: from, ...options }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () => resolve([response.statusCode!, text])).on('error', reject);
    }).on('error', reject);
  });
}

function agentOfTest(): Agent {
  const agent = new Agent({ keepAlive: true, maxSockets: Infinity });
  onTestFinished(() => agent.destroy());
  return agent;
}

test('60 connections that guess passwords never cost a scraper with the right one a 401', async () => {
  const directory = temporaryDirectory();
  const recorder = await Recorder.start(directory);
  await recorder.define('Counter', { name: 'orders_total' });
  await recorder.record('orders_total', {}, 'inc', [2]);
  const config = join(temporaryDirectory(), 'web.yml');
  writeFileSync(config, `basic_auth_users:\n  prom: ${hashSync('right', 8)}\n`);
  const { url } = await startServe([`--web.config.file=${config}`, directory]);

  const over = new AbortController();
  onTestFinished(() => over.abort());
  const guesses = new Map<number, number>();
  const agent = agentOfTest();
  const guess = async (guesser: number): Promise<void> => {
    for (let i = 0; !over.signal.aborted; i++) {
      const [status] = await ask(url, '127.0.0.2', { agent, auth: `prom:guess-${guesser}-${i}` });
      guesses.set(status, (guesses.get(status) ?? 0) + 1);
    }
  };
  const guessers = Promise.all(Array.from({ length: GUESSERS }, (_, guesser) => guess(guesser)));
  await expect.poll(() => (guesses.get(401) ?? 0) > 0 && (guesses.get(503) ?? 0) > 0, { timeout: 60_000 }).toBe(true);

  const scraper = agentOfTest();
  const statuses = [];
  for (let i = 0; i < SCRAPES; i++) {
    const [status, page] = await ask(url, '127.0.0.1', { agent: scraper, auth: 'prom:right' });
    statuses.push(status);
    expect(page).toContain('orders_total 2');
  }
  const during = [...guesses.values()].reduce((sum, count) => sum + count, 0);
  over.abort();
  await guessers;
  expect(statuses).toEqual(Array.from({ length: SCRAPES }, () => 200));
  expect([...guesses.keys()].sort((a, b) => a - b)).toEqual([401, 503]);
  expect(during).toBeGreaterThan(GUESSERS);
}, 180_000);

test('128 readers that read nothing leave an honest scraper its pages, from their address too', async () => {
  const directory = temporaryDirectory();
  const recorder = await Recorder.start(directory);
  // A page larger than the buffers of the sockets, so that each of these readers holds its place.
  const buckets = Array.from({ length: 1000 }, (_, i) => i + 1);
  await recorder.define('Histogram', { name: 'wide', buckets, labelNames: ['k'] });
  for (let i = 0; i < 10; i++) await recorder.record('wide', { k: `${i}${'x'.repeat(600)}` }, 'observe', [1]);
  const { url } = await startServe([directory]);
  const { port, hostname } = new URL(url);

  const readers: Socket[] = [];
  onTestFinished(() => readers.forEach((reader) => reader.destroy()));
  const begun = Array.from({ length: IDLE_READERS }, async () => {
    const reader = connect({ port: Number(port), host: hostname, localAddress: '127.0.0.2' });
    readers.push(reader.on('error', () => {}));
    reader.write('GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n');
    // Takes the status, and nothing after it.
    await Promise.race([once(reader, 'readable'), once(reader, 'close')]);
    return String(reader.read(12));
  });
  const places = (await Promise.all(begun)).filter((status) => status === 'HTTP/1.1 200').length;
  expect(places).toBeGreaterThanOrEqual(100);

  const scraper = agentOfTest();
  const pages = [];
  for (let i = 0; i < 3; i++) pages.push(await ask(url, '127.0.0.1', { agent: scraper }));
  expect(pages.map(([status]) => status)).toEqual([200, 200, 200]);
  for (const [, page] of pages) expect(page.match(/^wide_count\{/gm)).toHaveLength(10);
  // Its own address is full; a reader that takes nothing gives its place up.
  await expect.poll(async () => (await ask(url, '127.0.0.2', { agent: scraper }))[0], { timeout: 60_000 }).toBe(200);
  expect(readers.length).toBe(IDLE_READERS);
}, 180_000);
