import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { HttpBindings } from '@hono/node-server';
import * as newestServer from '@hono/node-server';
import * as newestHono from 'hono';
import type { Context } from 'hono';
import { describe, expect, test } from 'vitest';
import { promenade } from '../../../src/adapters/http/hono/hono.ts';
import { Registry } from '../../../src/core/registry.ts';
import { httpServerContract, type Subject, type SubjectOptions } from '../../contracts/http-server.contract.ts';
import { entries } from '../../contracts/http-server.responses.ts';
import { Numbers } from '../../support/http-numbers.ts';
import { oldest } from '../../support/oldest.ts';

/** Of all versions, as the newest describe them. */
interface Versions {
  readonly Hono: typeof newestHono.Hono;
  readonly serve: typeof newestServer.serve;
}

const firstHono: typeof newestHono = await oldest('frameworks', 'hono');
const firstServer: typeof newestServer = await oldest('frameworks', '@hono/node-server');

type Node = { Bindings: HttpBindings };

/** Of Node's own class: what @hono/node-server puts in its place is sent as it is. */
const SENT = new Response(null, { headers: { 'x-hono-already-sent': 'true' } });

class Gone extends Error {
  readonly status = 404;
}

function subject(versions: Versions): (options: SubjectOptions) => Promise<Subject> {
  const { Hono } = versions;
  return async (options) => {
    const app = new Hono<Node>();
    app.onError((error, context) => context.text('sorry', error instanceof Gone ? 404 : 500));
    app.use(async function outer(_context, next) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      await next();
    });
    app.get('/hello', (context) => context.text('hello'));
    const metrics = promenade(app, options);
    app.use(async function inner(context, next) {
      if (context.req.path === '/away') return context.redirect('/hello');
      return next();
    });
    app.post('/size', async (context) => context.text(String((await context.req.arrayBuffer()).byteLength)));
    app.post('/refuse', (context) => context.text('too much', 413));
    for (const [method, path, respond] of entries.filter(([each]) => each === 'get')) {
      app[method](path, ({ env: { incoming, outgoing } }) => {
        respond(incoming, outgoing);
        return SENT;
      });
    }
    const items = new Hono<Node>();
    items.get('/items/:id', (context) => context.json({ id: context.req.param('id') }));
    items.get('/boom', () => {
      throw new TypeError('boom');
    });
    items.get('/gone', async () => {
      throw new Gone();
    });
    app.route('/api/:tenant', items);
    const server = await listen(versions, app);
    return {
      server,
      close: async () => {
        await metrics.close();
        await new Promise((resolve) => server.close(resolve));
      },
    };
  };
}

function listen({ serve }: Versions, app: newestHono.Hono<Node>): Promise<Server> {
  return new Promise((resolve) => {
    const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, () => resolve(server as Server));
  });
}

describe.each<[string, Versions, string]>([
  ['Hono 4 and @hono/node-server 2', { ...newestHono, ...newestServer }, '200'],
  ['Hono 4.0 and @hono/node-server 1.11', { ...firstHono, ...firstServer }, '500'],
])('%s', (name, versions, badPath) => {
  httpServerContract(name, subject(versions), {
    options: { status: '404', route: '/hello' },
    middlewares: { outer: 'outer', inner: 'inner' },
    wrongMethod: { status: '404', route: '/api/:tenant/items/:id' },
    exceptions: true,
    handlers: true,
    badPath: { status: badPath },
  });

  test('which route it is, with middlewares, mounts and applications in applications', async () => {
    const { registry, get, close } = await begin(versions, (app) => {
      app.use('/admin/*', async (context, next) => {
        if (context.req.query('key') === undefined) return context.text('no', 401);
        return next();
      });
      app.get('/admin/:page', async (_context, next) => next());
      app.get('/admin/:page', (context) => context.text('page'));
      app.get('/users/new', (context) => context.text('new'));
      app.get('/users/:id', (context) => context.text('user'));
      app.all('/any/:x', (context) => context.text('any'));
      app.on(['GET', 'PURGE'], '/cache/:key', (context) => context.text('cache'));
      app.mount('/old', () => new Response('old'));
      const sub = new versions.Hono<Node>();
      sub.onError((_error, context) => context.text('sub', 500));
      sub.use(async (_context, next) => next());
      sub.get('/things/:id', (context) => context.text('thing'));
      sub.get('/boom', () => {
        throw new EvalError();
      });
      app.route('/:tenant/sub', sub);
      app.notFound((context) => context.text('nothing', 404));
    });
    const expected = {
      '/admin/x?key=1': '200 /admin/:page',
      '/admin/y': '401 /admin/:page',
      '/users/new': '200 /users/new',
      '/users/7': '200 /users/:id',
      '/any/1': '200 /any/:x',
      '/cache/1': '200 /cache/:key',
      '/old/file': '200 /old/*',
      '/acme/sub/things/1': '200 /:tenant/sub/things/:id',
      '/acme/sub/boom': '500 /:tenant/sub/boom',
      '/acme/sub/nothing': '404 <unmatched>',
      '/nowhere': '404 <unmatched>',
    };
    for (const [path, answer] of Object.entries(expected)) expect(`${await get(path)} ${answer.slice(4)}`).toBe(answer);
    const numbers = await Numbers.of(registry);
    const seen = numbers.series('http_server_responses').map(({ labels }) => `${labels['status']} ${labels['route']}`);
    expect(seen.toSorted()).toEqual([...new Set(Object.values(expected))].toSorted());
    expect(numbers.series('http_server_exceptions')).toMatchObject([
      { labels: { route: '/:tenant/sub/boom', type: 'EvalError' }, value: 1 },
    ]);
    expect(numbers.count('http_server_handler_duration_seconds', { route: '/admin/:page' })).toBe(1);
    await close();
  });

  test('requests without a socket are answered, and not counted; so is the page', async () => {
    const registry = new Registry();
    const app = new versions.Hono().basePath('/base');
    const metrics = promenade(app, { enabled: true, registry, runtime: false });
    app.get('/x', (context) => context.text(context.req.routePath));
    expect(await (await app.request('/base/x')).text()).toBe('/base/x');
    const page = await app.request('/metrics');
    expect(page.status).toBe(200);
    expect(await page.text()).toContain('http_server_requests_total');
    expect((await Numbers.of(registry)).value('http_server_requests')).toBe(0);
    await metrics.close();
  });

  test('the session is asked with the context, behind the middlewares that were there first', async () => {
    const app = new versions.Hono<Node & { Variables: { user: string } }>();
    app.use(async (context, next) => {
      context.set('user', context.req.header('x-user') ?? '');
      await next();
    });
    const registry = new Registry();
    const metrics = promenade(app, {
      enabled: true,
      registry,
      runtime: false,
      authentication: true,
      session: (context: Context) => context.get('user') !== '' && { allowed: context.get('user') === 'admin' },
    });
    const server = await listen(versions, app as never);
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`;
    const statusOf = async (user: string): Promise<number> =>
      (await fetch(url, { headers: { 'x-user': user } })).status;
    expect([await statusOf('admin'), await statusOf('other'), await statusOf('')]).toEqual([200, 403, 401]);
    server.close();
    server.closeAllConnections();
    await metrics.close();
  });

  test('closed, it leaves the application its router', async () => {
    const app = new versions.Hono();
    const { router } = app;
    const metrics = promenade(app, { enabled: true, registry: new Registry(), runtime: false });
    expect(app.router).not.toBe(router);
    const child = app.basePath('/child');
    await metrics.close();
    expect(app.router).toBe(router);
    child.get('/x', (context) => context.text('x'));
    expect(await (await child.request('/child/x')).text()).toBe('x');
  });
});

async function begin(
  versions: Versions,
  define: (app: newestHono.Hono<Node>) => void,
): Promise<{ registry: Registry; get: (path: string) => Promise<number>; close: () => Promise<void> }> {
  const registry = new Registry();
  const app = new versions.Hono<Node>();
  const metrics = promenade(app, { enabled: true, registry, runtime: false });
  define(app);
  const server = await listen(versions, app);
  const { port } = server.address() as AddressInfo;
  return {
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
