import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { Counter } from '../../src/core/counter.ts';
import { Gauge } from '../../src/core/gauge.ts';
import { Registry } from '../../src/core/registry.ts';
import { createEndpoint, type Endpoint } from '../../src/endpoint/endpoint.ts';
import { createFetchHandler } from '../../src/endpoint/fetch-handler.ts';
import { createMetricsHandler } from '../../src/endpoint/node-handler.ts';
import { resolveSettings } from '../../src/settings/settings.ts';
import { isUnmeasured } from '../../src/core/unmeasured.ts';
import { MetricsError } from '../../src/errors.ts';
import { open, send, sendRaw, serveHttp, until, warnings } from './serving.ts';

const textType = 'text/plain; version=0.0.4; charset=utf-8';

/** A registry whose page is several megabytes long, far more than sockets buffer. */
function largeRegistry(): Registry {
  const registry = new Registry();
  const counter = new Counter({ name: 'large_total', help: 'Large.', labelNames: ['id'], maxSeries: 10_000, registry });
  for (let i = 0; i < 10_000; i++) counter.labels({ id: `${i}${'x'.repeat(900)}` }).inc();
  return registry;
}

/** The count of scrapes that ended so, which appears when they have ended. */
async function scrapes(registry: Registry, code: number): Promise<number> {
  const { families } = await registry.snapshot();
  const family = families.find(({ definition }) => definition.name === 'metrics_scrapes');
  return family?.values[family.series.findIndex((labels) => labels[1] === String(code))] ?? 0;
}

describe('node:http', () => {
  test('serves the page, uncached, in the format that is asked for', async () => {
    const registry = new Registry();
    new Counter({ name: 'orders_total', help: 'Orders.', registry }).inc(3);
    const { port } = await serveHttp(createMetricsHandler({ registry, settings: resolveSettings({}, {}) }));
    const text = await send(port);
    expect(text.status).toBe(200);
    expect(text.headers).toMatchObject({
      'content-type': textType,
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    });
    expect(text.text).toContain('# HELP orders_total Orders.\n# TYPE orders_total counter\norders_total 3\n');

    const metrics = await send(port, { headers: { accept: 'application/openmetrics-text; version=1.0.0' } });
    expect(metrics.headers['content-type']).toMatch(/^application\/openmetrics-text; version=1.0.0/);
    expect(metrics.text).toMatch(/# EOF\n$/);
    const split = ['Host', 'x', 'Accept', 'image/png', 'Accept', 'application/openmetrics-text; version=1.0.0'];
    expect((await send(port, { headers: split })).headers['content-type']).toMatch(/^application\/openmetrics-text/);
    expect((await send(port, { headers: { accept: 'image/png' } })).headers['content-type']).toBe(textType);
  });

  test('a page of one chunk has a Content-Length; one that is packed says so', async () => {
    const registry = new Registry();
    new Counter({ name: 'orders_total', help: 'Orders.', registry }).inc(3);
    const { port, url } = await serveHttp(createEndpoint({ enabled: true, registry }, {}).handler);
    expect(Number((await send(port)).headers['content-length'])).toBeGreaterThan(100);
    const packed = await fetch(url, { headers: { 'accept-encoding': 'gzip' } });
    expect(packed.headers.get('content-encoding')).toBe('gzip');
    expect(await packed.text()).toContain('\norders_total 3\n');
    expect((await send(port, { headers: { 'accept-encoding': 'br' } })).headers['content-encoding']).toBe(undefined);
  });

  test('somebody else who answers meanwhile does no harm', async () => {
    const registry = new Registry();
    const { handler } = createEndpoint({ enabled: true, registry, maxScrapes: 1 }, {});
    const { port } = await serveHttp((request, response) => {
      handler(request, response);
      if (request.url === '/late') response.writeHead(503).end('too late');
    });
    for (let i = 0; i < 3; i++) expect((await send(port, { path: '/late' })).text).toBe('too late');
    await until(async () => (await scrapes(registry, 499)) === 3);
    expect((await send(port)).status).toBe(200);
  });

  test('HEAD has the headers alone; other methods are 405', async () => {
    const registry = new Registry();
    const { port } = await serveHttp(createEndpoint({ enabled: true, registry }, {}).handler);
    const head = await send(port, { method: 'HEAD' });
    expect([head.status, head.text, head.headers['content-type']]).toEqual([200, '', textType]);
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE', 'PROPFIND']) {
      const reply = await send(port, { method });
      expect([method, reply.status, reply.headers.allow]).toEqual([method, 405, 'GET, HEAD']);
    }
    expect(await scrapes(registry, 405)).toBe(7);
  });

  test('name[] leaves the families that it names', async () => {
    const registry = new Registry();
    for (const name of ['a_total', 'b_total', 'c_total']) new Counter({ name, help: name, registry });
    const { port } = await serveHttp(createEndpoint({ enabled: true, registry }, {}).handler);
    const names = async (query: string): Promise<string[]> =>
      [...(await send(port, { path: `/metrics${query}` })).text.matchAll(/^# TYPE ([abc]_total)/gm)].map(
        (match) => match[1]!,
      );
    expect(await names('?name[]=a_total&name%5B%5D=c_total')).toEqual(['a_total', 'c_total']);
    expect(await names('?name[]=nothing')).toEqual([]);
    expect(await names('?other=1&name=b_total')).toEqual(['a_total', 'b_total', 'c_total']);
    expect(await names('?name[]=%E0%A4%A&name[]=b_total#x')).toEqual(['b_total']);
  });

  test('an error while collecting is a short 500, told of once, and counted; then all is well again', async () => {
    const told = warnings('WARN_METRICS_SCRAPE');
    const registry = new Registry();
    const endpoint = createEndpoint({ enabled: true, registry }, {});
    const { port } = await serveHttp(endpoint.handler);
    const snapshot = registry.snapshot.bind(registry);
    registry.snapshot = () => Promise.reject(new Error('store on fire'));
    for (let i = 0; i < 2; i++) {
      const reply = await send(port);
      expect([reply.status, reply.text]).toEqual([500, 'Collecting metrics failed.\n']);
    }
    expect(told).toEqual(['Collecting metrics failed: store on fire; the scrape got 500.']);
    registry.snapshot = snapshot;
    expect((await send(port)).text).toContain('metrics_scrapes_total{format="text",code="500"} 2\n');
  });

  test('one family that fails to collect leaves the others on the page', async () => {
    const registry = new Registry();
    new Gauge({
      name: 'bad',
      help: 'Bad.',
      registry,
      collect: () => {
        throw new Error('no');
      },
    });
    new Gauge({ name: 'good', help: 'Good.', registry }).set(7);
    const { port } = await serveHttp(createEndpoint({ enabled: true, registry }, {}).handler);
    const { status, text } = await send(port);
    expect([status, text.includes('\ngood 7\n')]).toEqual([200, true]);
  });

  test('a scrape is marked, so that HTTP metrics can leave it out', async () => {
    const endpoint = createEndpoint({ enabled: true, registry: new Registry() }, {});
    const marks: unknown[] = [];
    const { port } = await serveHttp((request, response) => {
      endpoint.handler(request, response);
      marks.push(isUnmeasured(request));
    });
    await send(port);
    expect(marks).toEqual([true]);
  });
});

describe('load', () => {
  test('a hundred scrapes at once share one collection and all get the whole page', async () => {
    const registry = new Registry();
    let collected = 0;
    new Gauge({
      name: 'slow',
      help: 'Slow.',
      registry,
      collect: async () => {
        collected++;
        await new Promise((resolve) => setTimeout(resolve, 200));
      },
    });
    const counter = new Counter({ name: 'many_total', help: 'Many.', labelNames: ['id'], registry });
    for (let i = 0; i < 2000; i++) counter.labels({ id: `${i}${'y'.repeat(80)}` }).inc();
    const { port } = await serveHttp(createEndpoint({ enabled: true, registry }, {}).handler);
    const replies = await Promise.all(Array.from({ length: 100 }, () => send(port)));
    for (const { status, text } of replies) {
      expect([status, text.match(/^many_total\{/gm)?.length]).toEqual([200, 2000]);
    }
    expect(collected).toBeLessThan(10);
    expect(await scrapes(registry, 200)).toBe(100);
  });

  test('readers who don’t read: only so many, 503 with Retry-After beyond, their place is free when they go', async () => {
    const registry = largeRegistry();
    const { port } = await serveHttp(createEndpoint({ enabled: true, registry, maxScrapes: 2 }, {}).handler);
    const sockets = [open(port), open(port)];
    for (const socket of sockets) {
      socket.write('GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n');
      await new Promise((resolve) => socket.once('readable', resolve));
    }
    const refused = await send(port);
    expect([refused.status, refused.headers['retry-after'], refused.text]).toEqual([
      503,
      '5',
      'Too many scrapes at once.\n',
    ]);
    expect((await send(port, { method: 'HEAD' })).status).toBe(200);

    sockets[0]!.destroy();
    await until(async () => (await scrapes(registry, 499)) === 1);
    const page = await send(port);
    expect([page.status, page.text.match(/^large_total\{/gm)?.length]).toEqual([200, 10_000]);
    sockets[1]!.destroy();
    await until(async () => (await scrapes(registry, 499)) === 2);
  });

  test('a reader of a packed page who leaves is a 499 too', async () => {
    const registry = largeRegistry();
    const { port } = await serveHttp(createEndpoint({ enabled: true, registry }, {}).handler);
    const socket = open(port);
    socket.write('GET /metrics HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n');
    await new Promise((resolve) => socket.once('readable', resolve));
    socket.destroy();
    await until(async () => (await scrapes(registry, 499)) === 1);
    expect(await scrapes(registry, 200)).toBe(0);
  });

  test('a reader slower than its own X-Prometheus-Scrape-Timeout-Seconds is cut off', async () => {
    const registry = largeRegistry();
    const { port } = await serveHttp(createEndpoint({ enabled: true, registry }, {}).handler);
    const socket = open(port);
    socket.write('GET /metrics HTTP/1.1\r\nHost: x\r\nX-Prometheus-Scrape-Timeout-Seconds: 2\r\n\r\n');
    await until(async () => (await scrapes(registry, 499)) === 1);
    let ended = '';
    socket.setEncoding('latin1').on('data', (chunk: string) => (ended = chunk.slice(-5)));
    await new Promise((resolve) => socket.once('close', resolve));
    expect(ended).not.toBe('0\r\n\r\n');
  });

  test.each([
    ['0.2', 503],
    ['-1', 200],
    ['soon', 200],
    ['Infinity', 200],
  ])('collecting that takes 400 ms under a timeout of %s is %d', async (timeout, status) => {
    const registry = new Registry();
    new Gauge({
      name: 'slow',
      help: 'Slow.',
      registry,
      collect: () => new Promise((resolve) => setTimeout(resolve, 400)),
    });
    const { port } = await serveHttp(createEndpoint({ enabled: true, registry }, {}).handler);
    const reply = await send(port, { headers: { 'x-prometheus-scrape-timeout-seconds': timeout } });
    expect([reply.status, reply.headers['retry-after']]).toEqual([status, status === 503 ? '5' : undefined]);
  });

  test('a client that leaves while metrics are collected is a 499, and nothing breaks', async () => {
    const registry = new Registry();
    let collect: (() => void) | undefined;
    const slow = new Gauge({
      name: 'slow',
      help: 'Slow.',
      registry,
      collect: () => new Promise<void>((resolve) => (collect = resolve)),
    });
    const { port, server } = await serveHttp(createEndpoint({ enabled: true, registry }, {}).handler);
    const socket = open(port);
    socket.write('GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n');
    await until(() => collect !== undefined);
    socket.destroy();
    await until(async () => new Promise((resolve) => server.getConnections((_error, count) => resolve(count === 0))));
    const next = scrapes(registry, 499);
    collect!();
    await next;
    registry.unregister(slow);
    await until(async () => (await scrapes(registry, 499)) === 1);
    expect((await send(port)).status).toBe(200);
  });

  test('a render that fails midway cuts the page off, so that nobody takes it for whole', async () => {
    const registry = largeRegistry();
    const { port } = await serveHttp(createEndpoint({ enabled: true, registry }, {}).handler);
    const snapshot = await registry.snapshot();
    const large = snapshot.families.find(({ definition }) => definition.name === 'large')!;
    const series = [...large.series.slice(0, 5_000), undefined as never, ...large.series.slice(5_001)];
    const collect = registry.snapshot.bind(registry);
    registry.snapshot = async () => ({ ...snapshot, families: [{ ...large, series }] });
    await expect(send(port)).rejects.toThrow('aborted');
    registry.snapshot = collect;
    expect(await scrapes(registry, 500)).toBe(1);
  });
});

describe('fetch', () => {
  test('streams the page, rendered as it is read', async () => {
    const registry = largeRegistry();
    const handler = createFetchHandler({ registry, settings: resolveSettings({}, {}) });
    const response = await handler(new Request('http://x/metrics?name[]=large_total'));
    expect([response.status, response.headers.get('content-type'), response.headers.get('cache-control')]).toEqual([
      200,
      textType,
      'no-store',
    ]);
    expect((await response.text()).match(/^large_total\{/gm)).toHaveLength(10_000);
    expect(await scrapes(registry, 200)).toBe(1);
  });

  test('packs the page where that is wanted', async () => {
    const registry = largeRegistry();
    const handler = createFetchHandler({ registry, settings: resolveSettings({}, {}) });
    const page = await handler(new Request('http://x/metrics', { headers: { 'accept-encoding': 'gzip' } }));
    expect(page.headers.get('content-encoding')).toBe('gzip');
    const text = gunzipSync(Buffer.from(await page.arrayBuffer())).toString();
    expect(text.match(/^large_total\{/gm)).toHaveLength(10_000);
  });

  test('stops when the reader cancels, or the request is aborted', async () => {
    const registry = largeRegistry();
    const handler = createFetchHandler({ registry, settings: resolveSettings({}, {}) });
    const reader = (await handler(new Request('http://x/metrics'))).body!.getReader();
    expect((await reader.read()).done).toBe(false);
    await reader.cancel();
    await until(async () => (await scrapes(registry, 499)) === 1);

    const abort = new AbortController();
    const response = await handler(new Request('http://x/metrics', { signal: abort.signal }));
    abort.abort();
    await expect(response.text()).rejects.toThrow('aborted');
    await until(async () => (await scrapes(registry, 499)) === 2);
  });

  test('HEAD, other methods and collection errors', async () => {
    const registry = new Registry();
    const { fetch } = createEndpoint<Request>({ enabled: true, registry }, {});
    const head = await fetch(new Request('http://x/metrics', { method: 'HEAD' }));
    expect([head.status, head.body]).toEqual([200, null]);
    const post = await fetch(new Request('http://x/metrics', { method: 'POST', body: 'x' }));
    expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    registry.snapshot = () => Promise.reject(new MetricsError('ERR_METRICS_STORE_FULL', 'no'));
    expect((await fetch(new Request('http://x/metrics'))).status).toBe(500);
  });
});

describe('malformed requests on a raw socket', () => {
  const app = (endpoint: Endpoint): Promise<{ port: number }> =>
    serveHttp((request, response) => {
      if (endpoint.matches(request)) endpoint.handler(request, response);
      else response.end('app');
    });

  test.each([
    ['GET http:// HTTP/1.1', 'app'],
    ['GET // HTTP/1.1', 'app'],
    ['GET //metrics HTTP/1.1', 'app'],
    ['GET * HTTP/1.1', 'app'],
    ['OPTIONS * HTTP/1.1', 'app'],
    ['GET /%ZZ%00 HTTP/1.1', 'app'],
    ['GET /metricsx HTTP/1.1', 'app'],
    ['GET /metrics// HTTP/1.1', 'app'],
    ['GET http://[::1 HTTP/1.1', 'app'],
    ['GET /?/metrics HTTP/1.1', 'app'],
    ['GET /metrics HTTP/1.1', 'TYPE'],
    ['GET /metrics/ HTTP/1.1', 'TYPE'],
    ['GET /metrics?name[]=%ZZ&%&=&name[] HTTP/1.1', '200 OK'],
    ['GET http://x/metrics HTTP/1.1', 'TYPE'],
    ['GET http://x:99999/metrics/?a=b HTTP/1.1', 'TYPE'],
    ['GET /metrics HTTP/1.0', 'TYPE'],
    ['BREW /metrics HTTP/1.1', '400 Bad Request'],
    ['GET /metrics\u0000 HTTP/1.1', '400 Bad Request'],
  ])('%j', async (line, expected) => {
    const endpoint = createEndpoint({ enabled: true, registry: new Registry() }, {});
    const { port } = await app(endpoint);
    expect(await sendRaw(port, `${line}\r\nHost: x\r\nConnection: close\r\n\r\n`)).toContain(expected);
    expect((await send(port)).status).toBe(200);
  });

  test('headers of odd shapes', async () => {
    const { port } = await app(createEndpoint({ enabled: true, registry: new Registry() }, {}));
    const lines = [
      'Accept: ;;;,,,q=x',
      'Accept: \xff\xfe',
      'X-Prometheus-Scrape-Timeout-Seconds: 1e999',
      `Accept: ${'a/b,'.repeat(50_000)}`,
    ];
    for (const line of lines) {
      const answer = await sendRaw(port, `GET /metrics HTTP/1.1\r\nHost: x\r\n${line}\r\nConnection: close\r\n\r\n`);
      expect(answer).toMatch(/^HTTP\/1.1 200 OK\r\n/);
    }
  });
});
