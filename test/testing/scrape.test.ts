import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { Counter, Histogram, Registry } from '../../src/index.ts';
import { expectSeries, scrape } from '../../src/testing.ts';

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`;
}

test('a registry', async () => {
  const registry = new Registry();
  new Counter({ name: 'jobs', help: 'Jobs.', labelNames: ['queue'], registry }).labels({ queue: 'a "b"\n' }).inc(2);
  new Histogram({ name: 'wait', help: 'Wait.', registry, buckets: [1, 2] }).observe(1.5);
  const page = await scrape(registry);
  expectSeries(page, 'jobs_total', { queue: 'a "b"\n' }, 2);
  expectSeries(page, 'wait_bucket', { le: 1 }, 0);
  expectSeries(page, 'wait_bucket', { le: 2 }, 1);
  expectSeries(page, 'wait_sum', {}, 1.5);
  expect(page.families.get('jobs_total')).toMatchObject({ type: 'counter', help: 'Jobs.' });
});

test('a text', async () => {
  expectSeries(await scrape('a 1\n'), 'a', {}, 1);
  await expect(scrape('a 1')).rejects.toThrow(expect.objectContaining({ code: 'ERR_METRICS_MALFORMED_PAGE' }));
});

test('a URL, with headers', async () => {
  const url = await serve((request, response) => {
    const openMetrics = request.headers.accept?.includes('openmetrics');
    const type = openMetrics
      ? 'application/openmetrics-text; version=1.0.0'
      : 'text/plain; charset=utf-8; version=0.0.4';
    response.setHeader('content-type', type);
    response.end(openMetrics ? '# TYPE a counter\na_total 2\n# EOF\n' : 'a 1\n');
  });
  expectSeries(await scrape(url), 'a', {}, 1);
  const page = await scrape(new URL(url), { headers: { accept: 'application/openmetrics-text' } });
  expect(page.format).toBe('openmetrics');
  expectSeries(page, 'a_total', {}, 2);
});

test('an answer that is no page', async () => {
  const refused = await serve((_, response) => response.writeHead(401).end('Give a token.\n'));
  await expect(scrape(refused)).rejects.toThrow(/answers 401: Give a token/);
  const untyped = await serve((_, response) => response.end('a 1\n'));
  await expect(scrape(untyped)).rejects.toThrow(/answers with no Content-Type, and the page is text/);
  const cut = await serve((_, response) => {
    response.setHeader('content-type', 'application/openmetrics-text; version=1.0.0');
    response.end('# TYPE a counter\na_total 2\n');
  });
  await expect(scrape(cut)).rejects.toThrow(expect.objectContaining({ code: 'ERR_METRICS_MALFORMED_PAGE' }));
});
