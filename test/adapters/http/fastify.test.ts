import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import view from '@fastify/view';
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify';
import { describe, expect, test, vi } from 'vitest';
import { promenade } from '../../../src/adapters/http/fastify/fastify.ts';
import { Registry } from '../../../src/core/registry.ts';
import { httpServerContract, type Subject, type SubjectOptions } from '../../contracts/http-server.contract.ts';
import { entries } from '../../contracts/http-server.responses.ts';
import { Numbers } from '../../support/http-numbers.ts';

/** Of all versions, as the newest describes it. */
type Factory = (options?: FastifyServerOptions) => FastifyInstance;

const require = createRequire(import.meta.url);

function subject(factory: Factory): (options: SubjectOptions) => Promise<Subject> {
  return async (options) => {
    const app = factory({ forceCloseConnections: true });
    app.addHook('onRequest', function outer(_request, _reply, done) {
      setTimeout(done, 20);
    });
    app.get('/hello', async (_request, reply) => reply.type('text/plain; charset=utf-8').send('hello'));
    app.register(
      async (child) => {
        child.get('/items/:id', async (request) => ({ id: (request.params as { id: string }).id }));
        child.get('/boom', async () => {
          throw new TypeError('boom');
        });
        child.get('/gone', async () => {
          throw Object.assign(new Error('gone'), { statusCode: 404 });
        });
      },
      { prefix: '/api/:tenant' },
    );
    app.register(promenade(options));
    app.addHook('onRequest', async function inner(request, reply) {
      if (request.url === '/away') return reply.redirect('/hello');
      return undefined;
    });
    app.addContentTypeParser('application/octet-stream', (_request, payload, done) => done(null, payload));
    for (const [method, url, respond] of entries) {
      app[method](url, (request, reply) => {
        reply.hijack();
        respond(request.raw, reply.raw);
      });
    }
    await app.listen({ port: 0, host: '127.0.0.1' });
    return { server: app.server, close: () => app.close() };
  };
}

describe.each([
  ['Fastify 5', Fastify as Factory],
  ['Fastify 5.0', require('fastify-5-0') as Factory],
])('%s', (name, factory) => {
  httpServerContract(name, subject(factory), {
    options: { status: '404', route: '<unmatched>' },
    middlewares: { outer: 'onRequest:outer', inner: 'onRequest:inner' },
    wrongMethod: { status: '404', route: '<unmatched>' },
    exceptions: true,
    handlers: true,
    badPath: { status: '400' },
  });

  test('hooks of instances and routes are timed, whenever they were added', async () => {
    const { app, registry, close } = await begin(factory, (instance) => {
      instance.addHook('preHandler', async () => {});
      instance.get(
        '/x',
        {
          preHandler: function ofRoute(_request, _reply, done) {
            done();
          },
        },
        async () => 'x',
      );
      instance.addHook('onSend', async function late(_request, _reply, payload) {
        return payload;
      });
    });
    for (let i = 0; i < 2; i++) expect((await fetch(`${app}/x`)).status).toBe(200);
    const numbers = await Numbers.of(registry);
    expect(numbers.labelValues('http_server_middleware_duration_seconds', 'middleware')).toEqual([
      'onSend:late',
      'preHandler:<anonymous 1>',
      'preHandler:ofRoute',
    ]);
    expect(numbers.count('http_server_middleware_duration_seconds', { middleware: 'preHandler:ofRoute' })).toBe(2);
    await close();
  });

  test('a hook that refuses before any of ours was added still has its route', async () => {
    const registry = new Registry();
    const app = factory();
    app.addHook('onRequest', async (_request, reply) => reply.code(401).send('no'));
    app.get('/secret', async () => 'x');
    app.register(promenade({ enabled: true, registry, runtime: false }));
    await app.listen({ port: 0, host: '127.0.0.1' });
    const { port } = app.server.address() as AddressInfo;
    expect((await fetch(`http://127.0.0.1:${port}/secret`)).status).toBe(401);
    const numbers = await Numbers.of(registry);
    expect(numbers.value('http_server_requests', { route: '/secret' })).toBe(1);
    await app.close();
  });

  test('streams that fail midway, and streams that do not', async () => {
    const { app, registry, close } = await begin(factory, (instance) => {
      instance.get('/good', async (_request, reply) => reply.send(Readable.from(['a', 'b', 'c'])));
      instance.get('/bad', async (_request, reply) => {
        const pieces = async function* (): AsyncGenerator<string> {
          yield 'a';
          await new Promise((resolve) => setTimeout(resolve, 20));
          throw new Error('midway');
        };
        return reply.send(Readable.from(pieces()));
      });
    });
    expect(await (await fetch(`${app}/good`)).text()).toBe('abc');
    await expect(fetch(`${app}/bad`).then((response) => response.text())).rejects.toThrow('terminated');
    await vi.waitFor(async () => {
      const numbers = await Numbers.of(registry);
      expect(numbers.value('http_server_responses', { route: '/bad', status: '200', streaming: 'true' })).toBe(1);
      expect(numbers.value('http_server_aborted_requests')).toBe(0);
      expect(numbers.sum('http_server_response_body_size_bytes', { route: '/good' })).toBe(3);
    });
    await close();
  });

  test('an error that an error handler answers is none; what is thrown in a hook is', async () => {
    const { app, registry, close } = await begin(factory, (instance) => {
      class Invalid extends Error {}
      instance.setErrorHandler((error, _request, reply) =>
        reply.code(error instanceof Invalid ? 400 : 500).send('sorry'),
      );
      instance.get('/invalid', async () => {
        throw new Invalid();
      });
      instance.get(
        '/hook',
        {
          preHandler: async () => {
            throw new RangeError();
          },
        },
        async () => 'x',
      );
    });
    expect((await fetch(`${app}/invalid`)).status).toBe(400);
    expect((await fetch(`${app}/hook`)).status).toBe(500);
    const numbers = await Numbers.of(registry);
    expect(numbers.series('http_server_exceptions')).toMatchObject([
      { labels: { route: '/hook', type: 'RangeError' }, value: 1 },
    ]);
    await close();
  });

  test('injected requests are answered, and not counted', async () => {
    const registry = new Registry();
    const app = factory();
    app.register(promenade({ enabled: true, registry, runtime: false }));
    app.get('/x', async () => 'x');
    expect((await app.inject('/x')).body).toBe('x');
    expect((await app.inject('/metrics')).statusCode).toBe(200);
    expect((await Numbers.of(registry)).value('http_server_requests')).toBe(0);
    await app.close();
  });
});

test('templates that @fastify/view renders', async () => {
  const { app, registry, close } = await begin(Fastify as Factory, (instance) => {
    instance.register(view, {
      engine: { ejs: require('ejs') },
      root: fileURLToPath(new URL('views', import.meta.url)),
    });
    instance.get('/page', (_request, reply) => reply.view('page.ejs', { name: 'x' }));
    instance.get('/later', async (_request, reply) => reply.viewAsync('page.ejs', { name: 'y' }));
  });
  expect(await (await fetch(`${app}/page`)).text()).toContain('<p>x</p>');
  expect(await (await fetch(`${app}/later`)).text()).toContain('<p>y</p>');
  const numbers = await Numbers.of(registry);
  expect(numbers.value('http_server_rendered_templates', { template: 'page.ejs' })).toBe(2);
  await close();
});

async function begin(
  factory: Factory,
  define: (instance: FastifyInstance) => void,
): Promise<{ app: string; registry: Registry; close: () => Promise<void> }> {
  const registry = new Registry();
  const instance = factory({ forceCloseConnections: true });
  instance.register(promenade({ enabled: true, registry, runtime: false }));
  define(instance);
  await instance.listen({ port: 0, host: '127.0.0.1' });
  return {
    app: `http://127.0.0.1:${(instance.server.address() as AddressInfo).port}`,
    registry,
    close: () => instance.close(),
  };
}
