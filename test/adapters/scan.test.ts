import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import fastify from 'fastify';
import { expect, test } from 'vitest';
import { promenade } from '../../src/adapters/http/fastify/fastify.ts';
import { Registry } from '../../src/core/registry.ts';
import { seriesOn } from '../multiprocess/page.ts';

const URLS = 100_000;
/** Requests on their way at once: all in one write, so that the test is over in seconds. */
const PIPELINED = 500;
const METHODS = ['GET', 'POST', 'PROPFIND', 'REPORT'];

test('100,000 scanned URLs are one route', { timeout: 120_000 }, async () => {
  const registry = new Registry();
  const app = fastify();
  await app.register(promenade({ enabled: true, registry, runtime: false }));
  app.get('/known', () => 'here');
  await app.listen({ port: 0, host: '127.0.0.1' });
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1');
  await once(socket, 'connect');

  socket.setEncoding('latin1');
  for (let sent = 0; sent < URLS; sent += PIPELINED) {
    const batch = Array.from({ length: PIPELINED }, (_, i) => {
      const method = METHODS[i % METHODS.length]!;
      return `${method} /scan/${sent + i}/wp-login.php?id=${sent + i} HTTP/1.1\r\nHost: scanned\r\nContent-Length: 0\r\n\r\n`;
    });
    socket.write(batch.join(''));
    await notFound(socket, PIPELINED);
  }
  socket.destroy();

  const page = await registry.snapshot();
  const [get] = seriesOn(page, 'http_server_requests', ['GET', '<unmatched>', 'http'])!;
  expect(get).toBe(URLS / METHODS.length);
  const all = page.families.find(({ definition }) => definition.name === 'http_server_requests')!;
  expect(all.values.reduce((sum, value) => sum + value, 0)).toBe(URLS);
  const series = page.families
    .filter(({ definition }) => definition.name.startsWith('http_'))
    .map((f) => f.series.length);
  expect(series.length).toBeGreaterThan(10);
  expect(Math.max(...series)).toBeLessThanOrEqual(METHODS.length);
  await app.close();
  registry.close();
});

/** Reads so many answers of 404. */
async function notFound(socket: Socket, count: number): Promise<void> {
  let text = '';
  while (text.split('HTTP/1.1 404').length <= count) text += String((await once(socket, 'data'))[0]);
}
