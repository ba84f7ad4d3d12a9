import { once } from 'node:events';
import type { Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import type Router from '@koa/router';
import type Koa from 'koa';
import { describe, expect, test, vi } from 'vitest';
import { promenade } from '../../../src/adapters/http/koa/koa.ts';
import { Registry } from '../../../src/core/registry.ts';
import { httpServerContract, type Subject, type SubjectOptions } from '../../contracts/http-server.contract.ts';
import { entries } from '../../contracts/http-server.responses.ts';
import { Numbers } from '../../support/http-numbers.ts';
import { oldest } from '../../support/oldest.ts';

/** Of all versions, as the newest describe them. */
interface Versions {
  readonly Application: typeof Koa;
  readonly Routes: typeof Router;
}

const require = createRequire(import.meta.url);
const newest: Versions = { Application: require('koa'), Routes: require('@koa/router') };
const firstKoa: { default: typeof Koa } = await oldest('frameworks', 'koa');
const firstRouter: { default: typeof Router } = await oldest('frameworks', '@koa/router');
const first: Versions = { Application: firstKoa.default, Routes: firstRouter.default };

function subject({ Application, Routes }: Versions): (options: SubjectOptions) => Promise<Subject> {
  return async (options) => {
    const app = new Application();
    app.silent = true;
    app.use(async function outer(_context, next) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      await next();
    });
    const early = new Routes();
    early.get('/hello', (context) => void (context.body = 'hello'));
    app.use(early.routes()).use(early.allowedMethods());
    const metrics = promenade(app, options);
    app.use(function inner(context, next) {
      if (context.path === '/away') return context.redirect('/hello');
      return next();
    });
    const items = new Routes();
    items.get('/items/:id', (context) => void (context.body = { id: context.params['id'] }));
    items.get('/boom', () => {
      throw new TypeError('boom');
    });
    items.get('/gone', async (context) => context.throw(404, 'gone'));
    const router = new Routes();
    for (const [method, path, respond] of entries) {
      router[method](path, (context) => {
        context.respond = false;
        respond(context.req, context.res);
      });
    }
    router.use('/api/:tenant', items.routes());
    app.use(router.routes()).use(router.allowedMethods());
    const server = await listen(app);
    return {
      server,
      close: async () => {
        await metrics.close();
        await new Promise((resolve) => server.close(resolve));
      },
    };
  };
}

async function listen(app: Koa): Promise<Server> {
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

describe.each([
  ['Koa 3 and @koa/router 15', newest],
  ['Koa 2.16 and @koa/router 12', first],
])('%s', (name, versions) => {
  httpServerContract(name, subject(versions), {
    options: { status: '200', route: '/hello' },
    middlewares: { outer: 'outer', inner: 'inner' },
    wrongMethod: { status: '405', route: '/api/:tenant/items/:id' },
    exceptions: true,
    handlers: true,
    badPath: { status: '200' },
  });

  test('routes of nested routers, refused and unmatched requests', async () => {
    const { registry, get, close } = await begin(versions, (app, { Routes }) => {
      const users = new Routes({ prefix: '/users' });
      users.get('/new', (context) => void (context.body = 'new'));
      users.get('/:id', (context) => void (context.body = 'user'));
      const tenants = new Routes();
      tenants.use('/t/:tenant', users.routes());
      const api = new Routes();
      api.use(function onlyFriends(context, next) {
        if (context.query['friend'] === undefined) return context.throw(401);
        return next();
      });
      api.use('/v1', tenants.routes());
      api.get(/^\/files\/.+/, (context) => void (context.body = 'file'));
      app.use(api.routes());
      app.use((context) => {
        if (context.path === '/last') context.body = 'here';
      });
    });
    const expected = {
      '/v1/t/acme/users/7?friend': [200, '/v1/t/:tenant/users/:id'],
      '/v1/t/acme/users/new?friend': [200, '/v1/t/:tenant/users/new'],
      '/v1/t/acme/users/8': [401, '/v1/t/:tenant/users/:id'],
      '/files/a/b?friend': [200, String(/^\/files\/.+/)],
      '/v1/nowhere': [404, '<unmatched>'],
      '/last': [200, '<unmatched>'],
    } as const;
    for (const [path, [status]] of Object.entries(expected)) expect(await get(path)).toBe(status);
    const numbers = await Numbers.of(registry);
    const seen = numbers.series('http_server_responses').map(({ labels: { route, status } }) => `${status} ${route}`);
    expect(seen.toSorted()).toEqual(
      Object.values(expected)
        .map((pair) => pair.join(' '))
        .toSorted(),
    );
    expect(numbers.labelValues('http_server_middleware_duration_seconds', 'middleware')).toContain('onlyFriends');
    await close();
  });

  test('an error that a middleware answers is none; what is thrown below it is, once', async () => {
    const { registry, get, close } = await begin(versions, (app, { Routes }) => {
      app.use(async function sorry(context, next) {
        try {
          await next();
        } catch (error) {
          context.status = error instanceof RangeError ? 400 : 500;
        }
      });
      app.use(async (_context, next) => next());
      const router = new Routes();
      router.get('/invalid', () => {
        throw new RangeError();
      });
      router.get('/broken', async () => {
        throw new EvalError();
      });
      app.use(router.routes());
    });
    expect(await get('/invalid')).toBe(400);
    expect(await get('/broken')).toBe(500);
    const numbers = await Numbers.of(registry);
    expect(numbers.series('http_server_exceptions')).toMatchObject([
      { labels: { route: '/broken', type: 'EvalError' }, value: 1 },
    ]);
    await close();
  });

  test('who does not wait for next() has its rejection unhandled, as ever', async () => {
    const rejections: unknown[] = [];
    const listeners = process.listeners('unhandledRejection');
    process.removeAllListeners('unhandledRejection');
    process.on('unhandledRejection', (reason) => rejections.push(reason));
    const { get, close } = await begin(versions, (app) => {
      app.use((context, next) => {
        void next();
        context.body = 'ok';
      });
      app.use(async () => {
        throw new Error('nobody waits');
      });
    });
    expect(await get('/')).toBe(200);
    await vi.waitFor(() => expect(rejections).toHaveLength(1));
    process.removeAllListeners('unhandledRejection');
    for (const listener of listeners) process.on('unhandledRejection', listener);
    await close();
  });

  test('handlers of routers and routes that come later; once closed, nothing is left', async () => {
    const router = new versions.Routes();
    const handler = (context: Koa.Context): void => void (context.body = 'x');
    const { app, registry, get, close } = await begin(versions, (each) => {
      each.use(router.routes());
    });
    router.get('/later', handler);
    expect(await get('/later')).toBe(200);
    const numbers = await Numbers.of(registry);
    expect(numbers.count('http_server_handler_duration_seconds', { route: '/later' })).toBe(1);
    expect(router.stack[0]!.stack[0]).not.toBe(handler);
    await close();
    expect(router.stack[0]!.stack[0]).toBe(handler);
    expect(Object.hasOwn(app, 'use')).toBe(false);
  });
});

async function begin(
  versions: Versions,
  define: (app: Koa, versions: Versions) => void,
): Promise<{ app: Koa; registry: Registry; get: (path: string) => Promise<number>; close: () => Promise<void> }> {
  const registry = new Registry();
  const app = new versions.Application();
  app.silent = true;
  const metrics = promenade(app, { enabled: true, registry, runtime: false });
  define(app, versions);
  const server = await listen(app);
  const { port } = server.address() as AddressInfo;
  return {
    app,
    registry,
    get: async (path) => {
      const response = await fetch(`http://127.0.0.1:${port}${path}`);
      await response.arrayBuffer();
      return response.status;
    },
    close: async () => {
      server.close();
      server.closeAllConnections();
      await metrics.close();
    },
  };
}
