import { type EventEmitter, once } from 'node:events';
import { get, type IncomingMessage, request as httpRequest, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import Fastify, { type FastifyInstance, type FastifyPluginCallback, type FastifyServerOptions } from 'fastify';
import { describe, expect, test, vi } from 'vitest';
import { promenade, type FastifyPromenadeOptions } from '../../../src/adapters/http/fastify/fastify.ts';
import { Registry } from '../../../src/core/registry.ts';
import { Numbers } from '../../support/http-numbers.ts';

/** Of all versions, as the newest describes it. */
type Factory = (options?: FastifyServerOptions) => FastifyInstance;

type Next = (error?: Error) => void;

const require = createRequire(import.meta.url);
const middie = require('@fastify/middie') as FastifyPluginCallback;
const fastifyExpress = require('@fastify/express') as FastifyPluginCallback;
const websocket = require('@fastify/websocket') as FastifyPluginCallback;
const { WebSocket } = require('ws') as { readonly WebSocket: new (url: string) => Socket };

interface Socket extends EventEmitter {
  close(): void;
  terminate(): void;
}

describe.each([
  ['Fastify 5', Fastify as Factory],
  ['Fastify 5.0', require('fastify-5-0') as Factory],
])('%s', (_name, factory) => {
  test.each<[string, FastifyPluginCallback, boolean]>([
    ['@fastify/middie before promenade', middie, true],
    ['@fastify/middie after promenade', middie, false],
    ['@fastify/express', fastifyExpress, false],
  ])('%s: its middlewares have their names, and routes where they are mounted', async (_plugin, plugin, first) => {
    const app = await begin(factory, async (instance, add) => {
      if (!first) add();
      await instance.register(plugin);
      if (first) add();
      instance.after(() => {
        const use = (instance as unknown as { use(...args: unknown[]): void }).use.bind(instance);
        use('/files', function files(request: IncomingMessage, response: ServerResponse, next: Next) {
          if (request.url === '/gone') return next();
          response.end('file');
        });
        use(function authenticate(request: IncomingMessage, response: ServerResponse, next: Next) {
          if (request.headers['x-stranger'] === undefined) return next();
          response.statusCode = 401;
          response.end();
        });
        use('/items', (_request: IncomingMessage, _response: ServerResponse, next: Next) => setTimeout(next, 20));
      });
      instance.get('/items/:id', async () => 'item');
    });
    const stranger = { 'x-stranger': '1' };
    for (const path of ['/files/a', '/files/gone', '/items/1', '/nowhere']) await app.ask(path);
    for (const path of ['/items/2', '/nothing']) await app.ask(path, stranger);
    expect(await app.routes(6)).toEqual({
      '200 /files': 1,
      '404 <unmatched>': 2,
      '200 /items/:id': 1,
      '401 /items/:id': 1,
      '401 <unmatched>': 1,
    });
    const numbers = await Numbers.of(app.registry);
    const middlewares = numbers.labelValues('http_server_middleware_duration_seconds', 'middleware');
    expect(middlewares.filter((name) => !name.startsWith('on'))).toEqual([
      '<anonymous 1> at /items',
      'authenticate',
      'files',
    ]);
    expect(middlewares.join()).not.toMatch(/runMiddie|runConnect/);
    const slow = { middleware: '<anonymous 1> at /items' };
    expect(numbers.sum('http_server_middleware_duration_seconds', slow)).toBeGreaterThan(0.01);
    await app.close();
  });

  test('websocket routes are counted under their route, accepted and refused', async () => {
    const app = await begin(factory, async (instance, add) => {
      add();
      await instance.register(websocket);
      instance.after(() => {
        const live: object = { websocket: true };
        instance.get('/live/:room', live, (socket) => (socket as unknown as Socket).close());
        instance.get(
          '/closed/:room',
          { ...live, preValidation: async (_request, reply) => reply.code(403).send('no') },
          () => {},
        );
      });
    });
    const statuses = [];
    for (const path of ['/live/a', '/closed/b', '/nowhere']) {
      const socket = new WebSocket(`ws://127.0.0.1:${app.port}${path}`);
      statuses.push(
        await new Promise((resolve) => {
          socket.on('open', () => socket.on('close', () => resolve(101)));
          socket.on('unexpected-response', (_request: unknown, response: IncomingMessage) => {
            response.resume();
            resolve(response.statusCode);
          });
          socket.on('error', () => {});
        }),
      );
      socket.terminate();
    }
    expect(statuses).toEqual([101, 403, 404]);
    expect(await app.routes(3)).toEqual({ '101 /live/:room': 1, '403 /closed/:room': 1, '404 <unmatched>': 1 });
    await app.close();
  });

  test("the scheme is Fastify's own, and a header that nobody trusts changes nothing", async () => {
    for (const [trustProxy, expected] of [
      [true, ['https']],
      [false, ['http']],
    ] as const) {
      const app = await begin(
        factory,
        async (instance, add) => {
          instance.get('/x', async (request) => request.protocol);
          add();
        },
        { trustProxy },
      );
      await app.ask('/x', { 'x-forwarded-proto': 'https' });
      await app.routes(1);
      expect((await Numbers.of(app.registry)).labelValues('http_server_requests', 'scheme')).toEqual(expected);
      await app.close();
    }
  });

  test('hooks without a name say where they were added', async () => {
    const app = await begin(factory, async (instance, add) => {
      instance.addHook('preHandler', async () => {});
      add();
      for (const prefix of ['/one', '/two']) {
        instance.register(
          async (child) => {
            child.addHook('preHandler', async () => {});
            child.addHook('preHandler', async () => {});
            child.get('/x', { preHandler: async () => {} }, async () => 'x');
          },
          { prefix },
        );
      }
    });
    for (const path of ['/one/x', '/two/x', '/two/x']) await app.ask(path);
    const numbers = await Numbers.of(app.registry);
    const counts = numbers
      .series('http_server_middleware_duration_seconds')
      .map(({ labels, count }) => `${labels['middleware']}: ${count}`);
    expect(counts.sort()).toEqual([
      'preHandler:<anonymous 1> at /one/x: 1',
      'preHandler:<anonymous 1> at /one: 1',
      'preHandler:<anonymous 1> at /two/x: 2',
      'preHandler:<anonymous 1> at /two: 2',
      'preHandler:<anonymous 1>: 3',
      'preHandler:<anonymous 2> at /one: 1',
      'preHandler:<anonymous 2> at /two: 2',
    ]);
    await app.close();
  });

  test('other methods on the page are 405, whatever the body; scrapes are not in the request log', async () => {
    const lines: string[] = [];
    const logger = { level: 'info', stream: { write: (line: string) => void lines.push(line) } };
    for (const [logScrapes, expected] of [
      [undefined, 0],
      [true, 2],
    ] as const) {
      lines.length = 0;
      const app = await begin(
        factory,
        async (instance, add) => {
          add({ logScrapes });
          instance.get('/x', async () => 'x');
        },
        { logger },
      );
      for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
        const sent = httpRequest({
          port: app.port,
          path: '/metrics',
          method,
          agent: false,
          headers: { 'content-type': 'application/x-unknown', 'content-length': '1' },
        }).end('x');
        const [response] = (await once(sent, 'response')) as [IncomingMessage];
        response.resume();
        expect([response.statusCode, response.headers.allow]).toEqual([405, 'GET, HEAD']);
      }
      lines.length = 0;
      await app.ask('/metrics');
      await app.ask('/x');
      await vi.waitFor(() =>
        expect(lines.filter((line) => line.includes('request completed')).length).toBeGreaterThan(0),
      );
      const requests = lines.map((line) => JSON.parse(line) as { req?: { url: string } }).filter(({ req }) => req);
      expect(requests.map(({ req }) => req!.url)).toEqual(expected === 0 ? ['/x'] : ['/metrics', '/x']);
      expect(await app.routes(1)).toEqual({ '200 /x': 1 });
      await app.close();
    }
  });

  test('errors thrown inside an error handler keep the route', async () => {
    const app = await begin(factory, async (instance, add) => {
      add();
      instance.setErrorHandler(() => {
        throw new EvalError('handler');
      });
      instance.get('/broken/:id', async () => {
        throw new TypeError('broken');
      });
    });
    await app.ask('/broken/1');
    expect(await app.routes(1)).toEqual({ '500 /broken/:id': 1 });
    await app.close();
  });
});

interface Running {
  readonly port: number;
  readonly registry: Registry;
  ask(path: string, headers?: Record<string, string>): Promise<number>;
  /** Responses by status and route, once there are so many. */
  routes(requests: number): Promise<Record<string, number>>;
  close(): Promise<void>;
}

async function begin(
  factory: Factory,
  define: (instance: FastifyInstance, add: (options?: FastifyPromenadeOptions) => void) => Promise<void>,
  options: FastifyServerOptions = {},
): Promise<Running> {
  const registry = new Registry();
  const instance = factory({ forceCloseConnections: true, ...options });
  await define(instance, (more = {}) => {
    instance.register(promenade({ enabled: true, registry, runtime: false, ...more }));
  });
  await instance.listen({ port: 0, host: '127.0.0.1' });
  const { port } = instance.server.address() as AddressInfo;
  return {
    port,
    registry,
    ask: (path, headers = {}) =>
      new Promise((resolve, reject) => {
        get({ port, path, headers, agent: false }, (response) => {
          response.resume().on('end', () => resolve(response.statusCode!));
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
    close: () => instance.close(),
  };
}
