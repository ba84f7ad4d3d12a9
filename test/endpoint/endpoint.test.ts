import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Counter } from '../../src/core/counter.ts';
import { Registry } from '../../src/core/registry.ts';
import { createEndpoint } from '../../src/endpoint/endpoint.ts';
import { freePort, send, serveHttp } from './serving.ts';

describe('an endpoint that is off', () => {
  test('defines nothing, opens nothing, and serves a 404 to whoever asks it all the same', async () => {
    let opened = 0;
    const registry = new Registry({
      openStore: () => {
        opened++;
        throw new Error('not to be opened');
      },
    });
    const endpoint = createEndpoint({ registry, session: () => true }, { METRICS_PORT: String(await freePort()) });
    expect([endpoint.enabled, endpoint.publicPath, endpoint.matches({ url: '/metrics' })]).toEqual([
      false,
      undefined,
      false,
    ]);
    await endpoint.listen();
    const { port } = await serveHttp(endpoint.handler);
    expect((await send(port)).status).toBe(404);
    expect((await endpoint.fetch(new Request('http://x/metrics'))).status).toBe(404);
    await endpoint.close();
    expect([...registry.metrics()]).toEqual([]);
    expect(opened).toBe(0);
  });

  test('still says what is wrong with its options', () => {
    expect(() => createEndpoint({ registry: new Registry(), sesion: () => true } as never, {})).toThrow(
      'no option sesion',
    );
  });
});

describe('an endpoint that is on', () => {
  test('matches its path with and without a trailing slash', () => {
    const { matches, publicPath } = createEndpoint(
      { enabled: true, registry: new Registry() },
      { METRICS_PATH: '/internal/prom/' },
    );
    expect(publicPath).toBe('/internal/prom');
    const urls = [
      '/internal/prom',
      '/internal/prom/',
      '/internal/prom?x',
      'http://h/internal/prom/',
      '/internal',
      '/internal/prom/x',
      '/metrics',
      undefined,
    ];
    expect(urls.map((url) => matches({ url }))).toEqual([true, true, true, true, false, false, false, false]);
  });

  test('at the root it matches the root alone', () => {
    const { matches } = createEndpoint({ enabled: true, path: '/', registry: new Registry() }, {});
    expect(['/', '/?a', '//', '/a', '', 'http://h/'].map((url) => matches({ url }))).toEqual([
      true,
      true,
      false,
      false,
      false,
      true,
    ]);
  });

  test('two on one registry share their families, prefixed by the namespace', async () => {
    const registry = new Registry();
    for (let i = 0; i < 2; i++) {
      const { port } = await serveHttp(createEndpoint({ enabled: true, namespace: 'netbox', registry }, {}).handler);
      await send(port);
    }
    const { port } = await serveHttp(createEndpoint({ enabled: true, namespace: 'netbox', registry }, {}).handler);
    expect((await send(port)).text).toContain('\nnetbox_metrics_scrapes_total{format="text",code="200"} 2\n');
  });

  test.each(['option', 'setting'])(
    'a directory given as %s is shared: each page has the numbers of all',
    async (kind) => {
      const directory = mkdtempSync(join(tmpdir(), 'endpoint-'));
      onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
      const pages: string[] = [];
      const registries = [new Registry(), new Registry()];
      for (const registry of registries) {
        // Counted before the directory is known, and taken along.
        new Counter({ name: 'orders_total', help: 'Orders.', registry }).inc(2);
        const endpoint =
          kind === 'option'
            ? createEndpoint({ enabled: true, registry, multiprocDir: directory, role: 'shop' }, {})
            : createEndpoint(
                { enabled: true, registry },
                { PROMETHEUS_MULTIPROC_DIR: directory, METRICS_ROLE: 'shop' },
              );
        onTestFinished(() => registry.close());
        const { port } = await serveHttp(endpoint.handler);
        pages.push((await send(port)).text);
      }
      expect(pages[0]).toContain('\norders_total 2\n');
      expect(pages[1]).toContain('\norders_total 4\n');
      expect(pages[1]).toContain('\nmetrics_processes{role="shop"} 2\n');
    },
  );

  test('a directory that can not be used is an error at start', () => {
    const file = fileURLToPath(import.meta.url);
    expect(() => createEndpoint({ enabled: true, registry: new Registry(), multiprocDir: file }, {})).toThrow(
      expect.objectContaining({ code: 'ERR_METRICS_STORE_DIRECTORY' }) as Error,
    );
  });
});
