import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import * as common from '@nestjs/common';
import * as core from '@nestjs/core';
import * as platformExpress from '@nestjs/platform-express';
import * as platformFastify from '@nestjs/platform-fastify';
import { describe, expect, test, vi } from 'vitest';
import { promenade } from '../../../src/adapters/http/nest/nest.ts';
import { Registry } from '../../../src/core/registry.ts';
import {
  httpServerContract,
  type Subject,
  type SubjectOptions,
  type Traits,
} from '../../contracts/http-server.contract.ts';
import { entries } from '../../contracts/http-server.responses.ts';
import { Numbers } from '../../support/http-numbers.ts';
import { oldest } from '../../support/oldest.ts';

/** Of all versions, as the newest describe them. */
interface Versions {
  readonly common: typeof common;
  readonly core: typeof core;
  readonly ExpressAdapter: typeof platformExpress.ExpressAdapter;
  readonly FastifyAdapter: typeof platformFastify.FastifyAdapter;
}

type Platform = 'express' | 'fastify';

const newest: Versions = { common, core, ...platformExpress, ...platformFastify };
const firstCommon: typeof common = await oldest('frameworks', '@nestjs/common');
const firstCore: typeof core = await oldest('frameworks', '@nestjs/core');
const firstExpress: typeof platformExpress = await oldest('frameworks', '@nestjs/platform-express');
const firstFastify: typeof platformFastify = await oldest('frameworks', '@nestjs/platform-fastify');
const first: Versions = { common: firstCommon, core: firstCore, ...firstExpress, ...firstFastify };

/** Puts decorators on by hand: what TypeScript makes of `@`, which type stripping does not know. */
function route(
  target: { prototype: object },
  name: string,
  ...decorators: (MethodDecorator | PropertyDecorator)[]
): void {
  const descriptor = Object.getOwnPropertyDescriptor(target.prototype, name)!;
  for (const decorate of decorators) decorate(target.prototype, name, descriptor);
}

function contractModule({ common: { Controller, Get, Module, NotFoundException, Param } }: Versions): object {
  class Hello {
    hello(): string {
      return 'hello';
    }
  }
  route(Hello, 'hello', Get('hello'));
  Controller()(Hello);
  class Items {
    one(id: string): object {
      return { id };
    }
    boom(): never {
      throw new TypeError('boom');
    }
    async gone(): Promise<never> {
      throw new NotFoundException();
    }
  }
  route(Items, 'one', Get('items/:id'));
  Param('id')(Items.prototype, 'one', 0);
  route(Items, 'boom', Get('boom'));
  route(Items, 'gone', Get('gone'));
  Controller('api/:tenant')(Items);
  class AppModule {
    readonly name: string = 'app';
  }
  Module({ controllers: [Hello, Items] })(AppModule);
  return AppModule;
}

function subject(versions: Versions, platform: Platform): (options: SubjectOptions) => Promise<Subject> {
  return async (options) => {
    const app = await create(versions, platform, contractModule(versions));
    const instance = app.getHttpAdapter().getInstance();
    if (platform === 'express') {
      instance.use(function outer(_request: unknown, _response: unknown, next: () => void) {
        setTimeout(next, 20);
      });
    } else {
      instance.addHook('onRequest', function outer(_request: unknown, _reply: unknown, done: () => void) {
        setTimeout(done, 20);
      });
      instance.addContentTypeParser('application/octet-stream', (_request: unknown, payload: unknown, done: Done) =>
        done(null, payload),
      );
    }
    const metrics = promenade(app, options);
    if (platform === 'express') {
      app.use(function inner(request: { url: string }, response: { redirect(url: string): void }, next: () => void) {
        if (request.url === '/away') response.redirect('/hello');
        else next();
      });
    } else {
      instance.addHook(
        'onRequest',
        async function inner(request: { url: string }, reply: { redirect(url: string): object }) {
          return request.url === '/away' ? reply.redirect('/hello') : undefined;
        },
      );
    }
    for (const [method, path, respond] of entries) {
      if (platform === 'express') instance[method](path, respond);
      else {
        instance[method](path, (request: { raw: never }, reply: { raw: never; hijack(): void }) => {
          reply.hijack();
          respond(request.raw, reply.raw);
        });
      }
    }
    await app.listen(0, '127.0.0.1');
    return {
      server: app.getHttpServer() as Server,
      close: async () => {
        await metrics.close();
        await app.close();
      },
    };
  };
}

type Done = (error: null, payload: unknown) => void;

function create(
  { core: { NestFactory }, ...adapters }: Versions,
  platform: Platform,
  module: object,
): Promise<common.INestApplication> {
  const { ExpressAdapter, FastifyAdapter } = adapters;
  const adapter = platform === 'express' ? new ExpressAdapter() : new FastifyAdapter({ forceCloseConnections: true });
  return NestFactory.create(module as common.Type, adapter as core.AbstractHttpAdapter, { logger: false });
}

const traits: Readonly<Record<Platform, Traits>> = {
  express: {
    options: { status: '404', route: '/hello' },
    middlewares: { outer: 'outer', inner: 'inner' },
    wrongMethod: { status: '404', route: '/api/:tenant/items/:id' },
    exceptions: true,
    handlers: true,
    badPath: { status: '400' },
  },
  fastify: {
    options: { status: '404', route: '<unmatched>' },
    middlewares: { outer: 'onRequest:outer', inner: 'onRequest:inner' },
    wrongMethod: { status: '404', route: '<unmatched>' },
    exceptions: true,
    handlers: true,
    badPath: { status: '400' },
  },
};

describe.each<[string, Versions, Platform]>([
  ['Nest 12 on Express', newest, 'express'],
  ['Nest 12 on Fastify', newest, 'fastify'],
  ['Nest 11.0 on Express', first, 'express'],
  ['Nest 11.0 on Fastify', first, 'fastify'],
])('%s', (name, versions, platform) => {
  httpServerContract(name, subject(versions, platform), traits[platform]);

  test('guards, versions, prefixes and filters', async () => {
    const registry = new Registry();
    const app = await create(versions, platform, guardedModule(versions));
    app.setGlobalPrefix('api');
    app.enableVersioning({ type: versions.common.VersioningType.URI });
    const metrics = promenade(app, { enabled: true, registry, runtime: false });
    await app.listen(0, '127.0.0.1');
    const { port } = (app.getHttpServer() as Server).address() as AddressInfo;
    const expected = {
      '/api/v1/cats/7': '200 /api/v1/cats/:id',
      '/api/v2/cats/7': '200 /api/v2/cats/:id',
      '/api/v1/cats/closed/door': '403 /api/v1/cats/closed/door',
      '/api/v1/cats/broken/guard': '500 /api/v1/cats/broken/guard',
      '/api/v1/cats/filtered/out': '410 /api/v1/cats/filtered/out',
      '/api/nowhere': '404 <unmatched>',
      '/outside': '404 <unmatched>',
    };
    for (const path of Object.keys(expected)) await (await fetch(`http://127.0.0.1:${port}${path}`)).arrayBuffer();
    const page = await fetch(`http://127.0.0.1:${port}/metrics`);
    expect(page.status).toBe(200);
    const numbers = await Numbers.of(registry);
    const seen = numbers.series('http_server_responses').map(({ labels }) => `${labels['status']} ${labels['route']}`);
    expect(seen.toSorted()).toEqual([...new Set(Object.values(expected))].toSorted());
    expect(numbers.value('http_server_responses')).toBe(Object.keys(expected).length);
    expect(numbers.series('http_server_exceptions')).toMatchObject([
      { labels: { route: '/api/v1/cats/broken/guard', type: 'EvalError' }, value: 1 },
    ]);
    await app.close();
    await metrics.close();
  });

  test('middlewares of consumer.apply() have the names of their classes', async () => {
    const registry = new Registry();
    const app = await create(versions, platform, middlewareModule(versions));
    const metrics = promenade(app, { enabled: true, registry, runtime: false });
    await app.listen(0, '127.0.0.1');
    const { port } = (app.getHttpServer() as Server).address() as AddressInfo;
    for (const path of ['/cats/1', '/cats/2', '/dogs/1']) {
      expect((await fetch(`http://127.0.0.1:${port}${path}`)).status).toBe(200);
    }
    const refused = await fetch(`http://127.0.0.1:${port}/cats/3`, { headers: { 'x-stranger': '1' } });
    expect(refused.status).toBe(401);
    const numbers = await Numbers.of(registry);
    const count = (middleware: string): number =>
      numbers.count('http_server_middleware_duration_seconds', { middleware });
    expect([count('RequireUser'), count('Slow')]).toEqual([4, 1]);
    expect(numbers.sum('http_server_middleware_duration_seconds', { middleware: 'Slow' })).toBeGreaterThan(0.01);
    const names = numbers.labelValues('http_server_middleware_duration_seconds', 'middleware');
    expect(names.filter((each) => /^(handler|proxy|middlewareFunction|onRequest:runMiddie)$/.test(each))).toEqual([]);
    expect(names.filter((each) => /^[\w-]{21}$/.test(each))).toEqual([]);
    const routes = numbers.series('http_server_responses').map(({ labels, value }) => [labels['route'], value]);
    expect(routes.filter(([pattern]) => pattern === '<unmatched>')).toEqual([]);
    expect(numbers.count('http_server_handler_duration_seconds', { route: '/dogs/:id' })).toBe(1);
    expect(numbers.sum('http_server_handler_duration_seconds', { route: '/dogs/:id' })).toBeLessThan(0.5);
    await app.close();
    await metrics.close();
  });

  test('when the application closes, so does the listener on METRICS_PORT', async () => {
    const port = await freePort();
    const app = await create(versions, platform, contractModule(versions));
    promenade(app, { enabled: true, registry: new Registry(), runtime: false, port });
    await app.listen(0, '127.0.0.1');
    expect((await fetch(`http://127.0.0.1:${port}/metrics`)).status).toBe(200);
    await app.close();
    await vi.waitFor(() => expect(fetch(`http://127.0.0.1:${port}/metrics`)).rejects.toThrow('fetch failed'));
  });
});

function middlewareModule({ common: { Controller, Get, Module } }: Versions): object {
  type Next = () => void;
  class RequireUser {
    use(request: IncomingMessage, response: ServerResponse, next: Next): void {
      if (request.headers['x-stranger'] === undefined) return next();
      response.statusCode = 401;
      response.end();
    }
  }
  class Slow {
    use(_request: IncomingMessage, _response: ServerResponse, next: Next): void {
      setTimeout(next, 20);
    }
  }
  class Cats {
    one(): string {
      return 'cat';
    }
  }
  class Dogs {
    one(): string {
      return 'dog';
    }
  }
  route(Cats, 'one', Get(':id'));
  route(Dogs, 'one', Get(':id'));
  Controller('cats')(Cats);
  Controller('dogs')(Dogs);
  class AppModule {
    configure(consumer: common.MiddlewareConsumer): void {
      consumer.apply(RequireUser).forRoutes(Cats, Dogs);
      consumer
        .apply(Slow, (_request: unknown, _response: unknown, next: Next) => {
          next();
        })
        .forRoutes(Dogs);
    }
  }
  Module({ controllers: [Cats, Dogs] })(AppModule);
  return AppModule;
}

function guardedModule({
  common: { Catch, Controller, Get, Module, UseFilters, UseGuards, Version },
}: Versions): object {
  class Closed {
    canActivate(): boolean {
      return false;
    }
  }
  class Broken {
    canActivate(): boolean {
      throw new EvalError();
    }
  }
  class GoneFilter {
    catch(_exception: unknown, host: common.ArgumentsHost): void {
      const response = host.switchToHttp().getResponse();
      (response.code === undefined ? response.status(410) : response.code(410)).send('gone');
    }
  }
  Catch(RangeError)(GoneFilter);
  class Cats {
    one(): string {
      return 'cat';
    }
    two(): string {
      return 'cat of 2';
    }
    closed(): string {
      return 'never';
    }
    broken(): string {
      return 'never';
    }
    filtered(): never {
      throw new RangeError();
    }
  }
  route(Cats, 'one', Get(':id'), Version('1'));
  route(Cats, 'two', Get(':id'), Version('2'));
  route(Cats, 'closed', Get('closed/door'), Version('1'), UseGuards(Closed));
  route(Cats, 'broken', Get('broken/guard'), Version('1'), UseGuards(Broken));
  route(Cats, 'filtered', Get('filtered/out'), Version('1'), UseFilters(GoneFilter));
  Controller('cats')(Cats);
  class AppModule {
    readonly name: string = 'app';
  }
  Module({ controllers: [Cats], providers: [Closed, Broken] })(AppModule);
  return AppModule;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
