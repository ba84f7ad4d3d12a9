import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import http, {
  createServer,
  type IncomingMessage,
  type RequestOptions,
  type Server,
  type ServerResponse,
} from 'node:http';
import { type AddressInfo, createServer as createRawServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { instrumentHttpClient } from '../../../src/adapters/http/http-client.ts';
import { Registry } from '../../../src/core/registry.ts';
import { defineHttpClientFamilies } from '../../../src/instrument/http-client/families.ts';
import { Numbers } from '../../support/http-numbers.ts';

const server: Server = createServer(answer);
let port = 0;
/** Where nobody listens. */
let closedPort = 0;
let registry: Registry;
let stop: () => void;

const agents = http.Agent.prototype as { addRequest?: unknown };
const { addRequest } = agents;

beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  port = (server.address() as AddressInfo).port;
  const closed = createRawServer().listen(0, '127.0.0.1');
  await once(closed, 'listening');
  closedPort = (closed.address() as AddressInfo).port;
  await new Promise((resolve) => closed.close(resolve));
});
afterAll(() => {
  server.close();
  server.closeAllConnections();
});
beforeEach(() => {
  registry = new Registry();
  stop = instrumentHttpClient({ registry, enabled: true, hosts: ['127.0.0.1', '*.invalid'] });
});
afterEach(() => stop());

function answer(request: IncomingMessage, response: ServerResponse): void {
  const { url } = request;
  if (url === '/redirect') response.writeHead(302, { location: '/ok' }).end();
  else if (url === '/reset') request.socket.destroy();
  else if (url === '/broken') response.write('abc', () => setTimeout(() => response.destroy(), 10));
  else if (url === '/slow') {
    response.write('a');
    setTimeout(() => response.end('b'), 50);
  } else if (url === '/teapot') response.writeHead(418).end();
  else if (url !== '/hang') {
    request.resume();
    request.on('end', () => response.end('ok'));
  }
}

/** A client: what it makes of a URL. Fails as the client itself does. */
interface Client {
  readonly name: string;
  send(url: string, options?: { method?: string; body?: string; signal?: AbortSignal }): Promise<string>;
  readonly errors: { readonly refused: string; readonly dns: string; readonly reset: string; readonly broken: string };
}

const viaFetch: Client = {
  name: 'fetch',
  send: async (url, options = {}) => (await fetch(url, options)).text(),
  errors: { refused: 'ECONNREFUSED', dns: 'ENOTFOUND', reset: 'UND_ERR_SOCKET', broken: 'UND_ERR_SOCKET' },
};

const agent = new http.Agent({ keepAlive: true });

function viaHttp(name: string, more: RequestOptions): Client {
  return {
    name,
    send: (url, { method = 'GET', body, signal } = {}) =>
      new Promise((resolve, reject) => {
        const request = http.request(url, { method, ...(signal && { signal }), ...more }, (response) => {
          let text = '';
          response.on('data', (chunk) => (text += String(chunk)));
          response.on('end', () => resolve(text));
          response.on('error', reject);
        });
        request.on('error', reject);
        request.end(body);
      }),
    errors: { refused: 'ECONNREFUSED', dns: 'ENOTFOUND', reset: 'ECONNRESET', broken: 'AbortError' },
  };
}

describe.each([viaFetch, viaHttp('node:http', {}), viaHttp('node:http, connections kept', { agent })])(
  '$name',
  ({ name, send, errors }) => {
    const url = (path: string): string => `http://127.0.0.1:${port}${path}`;

    test('each request once, by method, host and status', async () => {
      for (let i = 0; i < 5; i++) expect(await send(url('/ok'))).toBe('ok');
      expect(await send(url('/ok'), { method: 'POST', body: 'x'.repeat(100_000) })).toBe('ok');
      expect(await send(url('/teapot'))).toBe('');
      expect(await send(url('/slow'))).toBe('ab');
      const numbers = await settled(8);
      const host = '127.0.0.1';
      const family = 'http_client_request_duration_seconds';
      expect(numbers.count(family, { method: 'GET', host, status: '200' })).toBe(6);
      expect(numbers.count(family, { method: 'POST', host, status: '200' })).toBe(1);
      expect(numbers.count(family, { method: 'GET', host, status: '418' })).toBe(1);
      // To the last byte of the body, which came late.
      expect(numbers.sum(family, { status: '200' })).toBeGreaterThan(0.045);
      expect(numbers.value('http_client_errors')).toBe(0);
    });

    test('redirects are requests of their own where they are followed', async () => {
      const text = await send(url('/redirect'));
      const numbers = await settled(name === 'fetch' ? 2 : 1);
      expect(text).toBe(name === 'fetch' ? 'ok' : '');
      expect(numbers.count('http_client_request_duration_seconds', { status: '302' })).toBe(1);
    });

    test('what fails has its type, with the response that it had', async () => {
      const failures: Record<string, [url: string, status: string]> = {
        [errors.refused]: [`http://127.0.0.1:${closedPort}/`, '<none>'],
        [errors.dns]: ['http://nobody.invalid/', '<none>'],
        [errors.reset]: [url('/reset'), '<none>'],
      };
      for (const [target] of Object.values(failures)) await expect(send(target)).rejects.toThrow(/./);
      let numbers = await settled(3);
      for (const type of Object.keys(failures)) expect(numbers.value('http_client_errors', { type })).toBe(1);
      expect(numbers.count('http_client_request_duration_seconds', { status: '<none>' })).toBe(3);
      expect(numbers.labelValues('http_client_errors', 'host')).toEqual(['*.invalid', '127.0.0.1']);
      await expect(send(url('/broken'))).rejects.toThrow(/terminated|aborted/);
      numbers = await settled(4);
      expect(numbers.count('http_client_request_duration_seconds', { status: '200' })).toBe(1);
      expect(numbers.value('http_client_errors')).toBe(4);
    });

    test('what is given up before and after the response has begun, and what takes too long', async () => {
      const controller = new AbortController();
      const hanging = send(url('/hang'), { signal: controller.signal });
      await vi.waitFor(async () => {
        expect((await Numbers.of(registry)).value('http_client_active_requests', { host: '127.0.0.1' })).toBe(1);
      });
      controller.abort();
      await expect(hanging).rejects.toThrow('abort');
      await expect(send(url('/hang'), { signal: AbortSignal.timeout(20) })).rejects.toThrow(/timeout|abort/);
      const numbers = await settled(2);
      expect(numbers.value('http_client_errors', { type: 'AbortError' })).toBeGreaterThanOrEqual(1);
      expect(numbers.value('http_client_errors')).toBe(2);
      expect(numbers.count('http_client_request_duration_seconds', { status: '<none>' })).toBe(2);
    });

    test('many hosts are one, unless they were named', async () => {
      for (const host of ['localhost', '127.0.0.1']) await send(`http://${host}:${port}/ok`).catch(() => {});
      const numbers = await settled(2);
      expect(numbers.labelValues('http_client_request_duration_seconds', 'host')).toEqual(['127.0.0.1', '<other>']);
    });

    test('many at once', async () => {
      await Promise.all(Array.from({ length: 50 }, () => send(url('/ok'))));
      expect((await settled(50)).count('http_client_request_duration_seconds', { status: '200' })).toBe(50);
    });
  },
);

test('a body that nobody reads to its end', async () => {
  const response = await fetch(`http://127.0.0.1:${port}/slow`);
  await response.body!.cancel();
  const numbers = await settled(1);
  expect(numbers.count('http_client_request_duration_seconds', { status: '200' })).toBe(1);
});

test('a rejection that nobody handles, and an error that nobody listens to, are what they were', async () => {
  const seen: string[] = [];
  const kept = (['unhandledRejection', 'uncaughtException'] as const).map(
    (name) => [name, process.listeners(name as 'uncaughtException')] as const,
  );
  for (const [name] of kept) {
    process.removeAllListeners(name);
    process.on(name, (error: Error) => seen.push(`${name} ${(error as { code?: string }).code ?? error.message}`));
  }
  void fetch(`http://127.0.0.1:${closedPort}/`);
  http.get(`http://127.0.0.1:${closedPort}/`);
  await vi.waitFor(() => {
    expect(seen.toSorted()).toEqual(['uncaughtException ECONNREFUSED', 'unhandledRejection fetch failed']);
  });
  for (const [name, listeners] of kept) {
    process.removeAllListeners(name);
    for (const listener of listeners) process.on(name, listener);
  }
  await settled(2);
});

test('asked twice, it counts once; stopped, it counts what has begun and nothing else', async () => {
  const again = instrumentHttpClient({ registry, enabled: true });
  const begun = fetch(`http://127.0.0.1:${port}/slow`);
  await vi.waitFor(async () => {
    expect((await Numbers.of(registry)).value('http_client_active_requests')).toBe(1);
  });
  again();
  stop();
  await (await begun).text();
  await fetch(`http://127.0.0.1:${port}/ok`).then((response) => response.text());
  await sleep(10);
  await settled(1);
});

test('off means off', async () => {
  stop();
  expect(agents.addRequest).toBe(addRequest);
  const off = new Registry();
  const stopOff = instrumentHttpClient({ registry: off, enabled: false });
  expect(agents.addRequest).toBe(addRequest);
  expect((await off.snapshot()).families).toEqual([]);
  stopOff();
});

test('a namespace comes before each name, and the page has every family with its type and labels, and no other', () => {
  const families = Object.values(defineHttpClientFamilies({ registry: new Registry(), namespace: 'shop' }));
  for (const { name } of families) expect(name).toMatch(/^shop_http_client_/);
  const defined = families.map(({ definition: { name, type, labelNames } }) =>
    [`${name.slice('shop_'.length)}${type === 'counter' ? '_total' : ''}`, type, labelNames.join(', ')].join(' '),
  );
  const page = readFileSync(new URL('../../../docs/adapters/http/http-client.md', import.meta.url), 'utf8');
  const rows = [...page.matchAll(/^\| `(http_client_\w+)`\s*\| (\w+)\s*\| ([^|]*?)\s*\|/gm)].map((row) =>
    row.slice(1, 4).join(' '),
  );
  expect(rows.toSorted()).toEqual(defined.toSorted());
  expect(rows).toHaveLength(3);
});

/** What is counted, once so many requests have ended and none is on its way. */
async function settled(requests: number): Promise<Numbers> {
  await vi.waitFor(
    async () => {
      const numbers = await Numbers.of(registry);
      expect(numbers.count('http_client_request_duration_seconds')).toBe(requests);
      expect(numbers.value('http_client_active_requests')).toBe(0);
    },
    { timeout: 5000, interval: 10 },
  );
  return Numbers.of(registry);
}
