import { once } from 'node:events';
import { get } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import type Router from '@koa/router';
import type Koa from 'koa';
import { describe, expect, test, vi } from 'vitest';
import { promenade } from '../../../src/adapters/http/koa/koa.ts';
import { Registry } from '../../../src/core/registry.ts';
import { Numbers } from '../../support/http-numbers.ts';
import { oldest } from '../../support/oldest.ts';

/** Of all versions, as the newest describe them. */
interface Versions {
  readonly Application: typeof Koa;
  readonly Routes: typeof Router;
}

type Mount = (prefix: string, app: Koa | Koa.Middleware) => Koa.Middleware;

const require = createRequire(import.meta.url);
const mount = require('koa-mount') as Mount;
const newest: Versions = { Application: require('koa'), Routes: require('@koa/router') };
const firstKoa: { default: typeof Koa } = await oldest('frameworks', 'koa');
const firstRouter: { default: typeof Router } = await oldest('frameworks', '@koa/router');
const first: Versions = { Application: firstKoa.default, Routes: firstRouter.default };

describe.each([
  ['Koa 3 and @koa/router 15', newest],
  ['Koa 2.16 and @koa/router 12', first],
])('%s', (_name, versions) => {
  test('what a middleware answers before the router has the route that would have matched', async () => {
    const app = await begin(versions, (koa, { Routes }) => {
      koa.use((context, next) => {
        if (context.get('x-stranger') !== '') return context.throw(401);
        if (context.get('x-cached') !== '') return void (context.body = 'cached');
        return next();
      });
      const router = new Routes({ prefix: '/devices' });
      router.get('/:id', (context) => void (context.body = 'device'));
      router.post('/', (context) => void (context.body = 'made'));
      koa.use(router.routes());
    });
    await app.ask('/devices/1', { 'x-stranger': '1' });
    await app.ask('/devices/2', { 'x-cached': '1' });
    await app.ask('/devices/3');
    await app.ask('/nowhere', { 'x-stranger': '1' });
    expect(await app.routes(4)).toEqual({
      '401 /devices/:id': 1,
      '200 /devices/:id': 2,
      '401 <unmatched>': 1,
    });
    await app.close();
  });

  test('koa-mount: what is mounted answers under its prefix, and routers inside have it too', async () => {
    const app = await begin(versions, (koa, { Application, Routes }) => {
      koa.use(
        mount('/files', async function files(context, next) {
          if (context.path === '/gone') return next();
          context.body = context.path;
        }),
      );
      const inner = new Application();
      const routes = new Routes();
      routes.get('/:id', (context) => void (context.body = 'x'));
      inner.use(mount('/deep', routes.routes() as unknown as Koa.Middleware));
      inner.use(async (context, next) => {
        if (context.path === '/plain') context.body = 'plain';
        else await next();
      });
      koa.use(mount('/inner', inner));
    });
    for (const path of ['/files/a.css', '/files/gone', '/inner/deep/1', '/inner/deep/2', '/inner/plain', '/inner/no']) {
      await app.ask(path);
    }
    expect(await app.routes(6)).toEqual({
      '200 /files': 1,
      '404 <unmatched>': 2,
      '200 /inner/deep/:id': 2,
      '200 /inner': 1,
    });
    await app.close();
  });

  test('a handler that has answered keeps its route; one that hands on is a middleware', async () => {
    const app = await begin(versions, (koa, { Routes }) => {
      const router = new Routes();
      router.all(/^\/api\/.*/, async function requireUser(_context, next) {
        await new Promise((resolve) => setTimeout(resolve, 20));
        return next();
      });
      router.get('/api/items/:id', (context) => void (context.body = 'item'));
      router.get('/answered/:id', (context, next) => {
        context.body = 'done';
        return next();
      });
      koa.use(router.routes());
      const last = new Routes();
      last.all(/.*/, (_context, next) => next());
      koa.use(last.routes());
    });
    await app.ask('/api/items/1');
    await app.ask('/answered/2');
    expect(await app.routes(2)).toEqual({ '200 /api/items/:id': 1, '200 /answered/:id': 1 });
    const numbers = await Numbers.of(app.registry);
    const middleware = { middleware: 'requireUser' };
    expect(numbers.count('http_server_middleware_duration_seconds', middleware)).toBe(1);
    expect(numbers.sum('http_server_middleware_duration_seconds', middleware)).toBeGreaterThan(0.01);
    expect(numbers.sum('http_server_handler_duration_seconds', { route: '/api/items/:id' })).toBeLessThan(0.01);
    expect(numbers.labelValues('http_server_handler_duration_seconds', 'route')).toEqual([
      '/answered/:id',
      '/api/items/:id',
    ]);
    await app.close();
  });

  test('middlewares without a name say where they stand', async () => {
    const app = await begin(versions, (koa, { Routes }) => {
      koa.use((_context, next) => next());
      for (const prefix of ['/one', '/two']) {
        const router = new Routes({ prefix });
        router.use((_context, next) => next());
        router.get(
          '/x',
          (_context, next) => next(),
          (context) => void (context.body = 'x'),
        );
        koa.use(router.routes());
      }
    });
    for (const path of ['/one/x', '/two/x', '/two/x']) await app.ask(path);
    await app.routes(3);
    const numbers = await Numbers.of(app.registry);
    const counts = numbers
      .series('http_server_middleware_duration_seconds')
      .map(({ labels, count }) => `${labels['middleware']}: ${count}`);
    expect(counts.sort()).toEqual([
      '<anonymous 1> at /one/x: 1',
      '<anonymous 1> at /one: 1',
      '<anonymous 1> at /two/x: 2',
      '<anonymous 1> at /two: 2',
      '<anonymous 1>: 3',
    ]);
    await app.close();
  });

  test("the scheme is Koa's own, and a header that nobody trusts changes nothing", async () => {
    for (const [proxy, expected] of [
      [true, ['https']],
      [false, ['http']],
    ] as const) {
      const app = await begin(versions, (koa) => {
        koa.proxy = proxy;
        koa.use((context) => void (context.body = context.protocol));
      });
      await app.ask('/x', { 'x-forwarded-proto': 'https' });
      await app.routes(1);
      expect((await Numbers.of(app.registry)).labelValues('http_server_requests', 'scheme')).toEqual(expected);
      await app.close();
    }
  });
});

interface Running {
  readonly registry: Registry;
  ask(path: string, headers?: Record<string, string>): Promise<void>;
  /** Responses by status and route, once there are so many. */
  routes(requests: number): Promise<Record<string, number>>;
  close(): Promise<void>;
}

async function begin(versions: Versions, define: (app: Koa, versions: Versions) => void): Promise<Running> {
  const registry = new Registry();
  const app = new versions.Application();
  app.silent = true;
  const metrics = promenade(app, { enabled: true, registry, runtime: false });
  define(app, versions);
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    registry,
    ask: (path, headers = {}) =>
      new Promise((resolve, reject) => {
        get({ port, path, headers, agent: false }, (response) => {
          response.resume().on('end', () => resolve());
        }).on('error', reject);
      }),
    routes: async (requests) => {
      await vi.waitFor(async () => {
        expect((await Numbers.of(registry)).value('http_server_responses')).toBe(requests);
      });
      const all: Record<string, number> = {};
      for (const { labels, value } of (await Numbers.of(registry)).series('http_server_responses')) {
        const key = `${labels['status']} ${labels['route']}`;
        all[key] = (all[key] ?? 0) + value;
      }
      return all;
    },
    close: async () => {
      server.close();
      server.closeAllConnections();
      await metrics.close();
    },
  };
}
