import { get, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { Registry } from '../../src/core/registry.ts';
import type { InstrumentHttpServerOptions } from '../../src/instrument/http-server/http-server.ts';
import { Numbers } from '../support/http-numbers.ts';
import { collectGarbage } from '../support/heap-used.ts';
import { converse, open } from '../support/raw-client.ts';
import { held, HUGE } from './http-server.responses.ts';

/** What every application under this contract is made with. */
export interface SubjectOptions {
  readonly enabled: boolean;
  readonly registry: Registry;
  readonly runtime: false;
  readonly http?: Omit<InstrumentHttpServerOptions, 'registry' | 'namespace'>;
}

/** An application under this contract, listening. */
export interface Subject {
  readonly server: Server;
  close(): Promise<void>;
}

/** For numbers that come a moment after the response. */
const PATIENCE = { timeout: 10_000, interval: 10 };

/** How frameworks differ where they may. */
export interface Traits {
  /** What the framework answers to OPTIONS on /hello, and under which route. */
  readonly options: { readonly status: string; readonly route: string };
  /**
   * What a DELETE on /api/acme/items/1 is answered with, which is only for GET, and under which
   * route.
   */
  readonly wrongMethod: { readonly status: string; readonly route: string };
  /**
   * The names under which the middlewares `outer` and `inner` are measured; none on plain
   * node:http.
   */
  readonly middlewares?: { readonly outer: string; readonly inner: string };
  /** How the framework writes `/api/:tenant/items/:id`. @default so */
  readonly itemRoute?: string;
  /** Whether a body that is known as a whole is written in pieces nevertheless. @default 'false' */
  readonly streaming?: 'true' | 'false';
  /** Exceptions are seen. */
  readonly exceptions: boolean;
  /** The handler's own time is seen. */
  readonly handlers: boolean;
  /** What a path that can't be decoded is answered with. */
  readonly badPath: { readonly status: string };
}

/**
 * What every adapter for an HTTP server has to do, against the real framework, over real sockets.
 * The application has these routes, which `start` makes, with the metrics at /metrics; some are
 * registered before the metrics and some after:
 *
 * - GET /hello: `hello`, as text/plain in UTF-8;
 * - GET /api/:tenant/items/:id: `{"id":"..."}`, its prefix from a mount;
 * - GET /api/:tenant/boom throws a TypeError; GET /api/:tenant/gone throws an error that says it is
 * a 404;
 * - POST /size: the number of bytes that it has read; POST /refuse: 413 without reading;
 * - GET /stream: `héllo `, `776f726c64` in hex and the bytes of `!`, in three writes; GET /gzip:
 * 10,000 bytes, packed by gzip;
 * - GET /huge: 50 MB in one piece; GET /held: `held`, and request and response are put down;
 * - GET /broken: five bytes, then the response is destroyed; GET /hang: nothing, ever;
 * - GET /empty: 204; GET /same: 304; GET /away: 302 from a middleware, before any route;
 * - where there are middlewares: `outer` takes 20 ms and calls `inner`, which takes none; both run
 * for every request.
 */
export function httpServerContract(
  name: string,
  start: (options: SubjectOptions) => Promise<Subject>,
  traits: Traits,
): void {
  const running: Subject[] = [];
  const { itemRoute = '/api/:tenant/items/:id' } = traits;

  async function begin(options: Partial<SubjectOptions> = {}): Promise<App> {
    const registry = new Registry();
    const subject = await start({ enabled: true, registry, runtime: false, ...options });
    running.push(subject);
    return new App(registry, subject);
  }

  afterEach(async () => {
    for (const subject of running.splice(0)) {
      subject.server.closeAllConnections();
      await subject.close();
    }
  });

  describe(`${name}: HTTP server metrics`, () => {
    test('routes are patterns, with prefixes', async () => {
      const app = await begin();
      for (const path of ['/hello', '/api/acme/items/1', '/api/umbrella/items/2?x=1']) {
        expect((await app.get(path)).status).toBe(200);
      }
      const numbers = await app.numbers(3);
      expect(numbers.value('http_server_requests', { route: '/hello', method: 'GET', scheme: 'http' })).toBe(1);
      expect(numbers.value('http_server_requests', { route: itemRoute })).toBe(2);
      expect(numbers.labelValues('http_server_requests', 'route')).toEqual([itemRoute, '/hello']);
      expect(
        numbers.value('http_server_responses', {
          route: '/hello',
          method: 'GET',
          status: '200',
          streaming: traits.streaming ?? 'false',
          charset: 'utf-8',
        }),
      ).toBe(1);
      expect(numbers.value('http_server_active_requests')).toBe(0);
      if (traits.handlers) {
        expect(numbers.count('http_server_handler_duration_seconds', { route: itemRoute })).toBe(2);
      }
    });

    test('scanned paths and invented methods make no series', async () => {
      const app = await begin();
      for (let i = 0; i < 1000; i += 50) {
        await Promise.all(Array.from({ length: 50 }, (_, j) => app.get(`/wp-admin/${i + j}.php`)));
      }
      for (const method of ['PROPFIND', 'MKCOL', 'PURGE', 'REPORT']) {
        await app.raw(`${method} /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
      }
      for (const method of ['FOO', 'GETT', 'get']) await app.raw(`${method} /x HTTP/1.1\r\nHost: x\r\n\r\n`);
      const numbers = await app.numbers(1007);
      expect(numbers.labelValues('http_server_requests', 'route')).toEqual(['<unmatched>']);
      expect(numbers.labelValues('http_server_requests', 'method')).toEqual(['<other>', 'GET']);
      expect(numbers.labelValues('http_server_active_requests', 'method')).toEqual(['<other>', 'GET']);
      expect(numbers.value('http_server_requests', { method: 'GET' })).toBe(1000);
      expect(numbers.value('http_server_requests', { method: '<other>' })).toBe(7);
    });

    test('sizes are those on the wire', async () => {
      const app = await begin();
      for (const path of ['/hello', '/stream', '/gzip', '/empty', '/same', '/away']) {
        const [response] = await app.raw(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
        app.bytes += response!.body.length;
      }
      const [head] = await app.raw('HEAD /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
      expect(head!.body.length).toBe(0);
      const numbers = await app.numbers(7);
      expect(numbers.sum('http_server_response_body_size_bytes')).toBe(app.bytes);
      expect(numbers.sum('http_server_response_body_size_bytes', { route: '/stream' })).toBe(13);
      expect(numbers.sum('http_server_response_body_size_bytes', { route: '/gzip' })).toBeLessThan(200);
      expect(numbers.sum('http_server_response_body_size_bytes', { route: '/gzip' })).toBeGreaterThan(0);
      expect(numbers.sum('http_server_response_body_size_bytes', { method: 'HEAD' })).toBe(0);
      expect(numbers.value('http_server_responses', { route: '/stream', streaming: 'true' })).toBe(1);
      expect(numbers.value('http_server_responses', { route: '/empty', status: '204' })).toBe(1);
      expect(numbers.value('http_server_responses', { route: '/same', status: '304' })).toBe(1);
      expect(numbers.value('http_server_responses', { status: '302' })).toBe(1);
      expect(numbers.value('http_server_requests', { method: 'HEAD', route: '/hello' })).toBe(1);
    });

    test('uploads are counted, in one piece and in chunks, read or not', async () => {
      const app = await begin();
      const type = 'Content-Type: application/octet-stream';
      const [whole] = await app.raw(
        `POST /size HTTP/1.1\r\nHost: x\r\n${type}\r\nConnection: close\r\nContent-Length: 7\r\n\r\n`,
        'abc',
        'defg',
      );
      const [chunked] = await app.raw(
        `POST /size HTTP/1.1\r\nHost: x\r\n${type}\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n`,
        '3\r\nabc\r\n',
        '8\r\ndefghijk\r\n0\r\n\r\n',
      );
      const [expected] = await app.raw(
        `POST /size HTTP/1.1\r\nHost: x\r\n${type}\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n`,
        'ab',
      );
      expect([whole, chunked, expected].map((response) => response!.body.toString())).toEqual(['7', '11', '2']);
      const numbers = await app.numbers(3);
      expect(numbers.sum('http_server_request_body_size_bytes', { route: '/size', method: 'POST' })).toBe(20);
      const [refused] = await app.raw(
        `POST /refuse HTTP/1.1\r\nHost: x\r\n${type}\r\nConnection: close\r\nContent-Length: 5\r\n\r\nabcde`,
      );
      expect(refused!.status).toBe(413);
      expect((await app.numbers(4)).value('http_server_responses', { route: '/refuse', status: '413' })).toBe(1);
    });

    test('pipelined requests and kept connections are told apart', async () => {
      const app = await begin();
      const responses = await app.raw(
        'GET /hello HTTP/1.1\r\nHost: x\r\n\r\nGET /stream HTTP/1.1\r\nHost: x\r\n\r\nGET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
      );
      expect(responses.map(({ body }) => body.length)).toEqual([5, 13, 5]);
      const numbers = await app.numbers(3);
      expect(numbers.sum('http_server_response_body_size_bytes', { route: '/hello' })).toBe(10);
      expect(numbers.sum('http_server_response_body_size_bytes', { route: '/stream' })).toBe(13);
      expect(numbers.value('http_server_connections')).toBe(1);
      await vi.waitFor(async () => {
        expect((await Numbers.of(app.registry)).value('http_server_open_connections')).toBe(0);
      }, PATIENCE);
    });

    test('a client that goes away is 499, once, under its route', async () => {
      const app = await begin();
      await app.abandon('GET /hang HTTP/1.1\r\nHost: x\r\n\r\n');
      await app.abandon(
        'POST /size HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\nContent-Length: 10\r\n\r\nabc',
      );
      const numbers = await app.numbers(2);
      expect(numbers.value('http_server_aborted_requests', { route: '/hang' })).toBe(1);
      expect(numbers.value('http_server_aborted_requests', { route: '/size' })).toBe(1);
      expect(numbers.value('http_server_responses', { route: '/hang', status: '499' })).toBe(1);
      expect(numbers.count('http_server_request_duration_seconds', { route: '/size', status: '499' })).toBe(1);
      expect(numbers.sum('http_server_request_body_size_bytes', { route: '/size' })).toBe(3);
      expect(numbers.value('http_server_active_requests')).toBe(0);
    });

    test('so are the requests that wait behind it', async () => {
      const app = await begin();
      await app.abandon('GET /hang HTTP/1.1\r\nHost: x\r\n\r\nGET /hang HTTP/1.1\r\nHost: x\r\n\r\n');
      const numbers = await app.numbers(2);
      expect(numbers.value('http_server_aborted_requests', { route: '/hang' })).toBe(2);
      expect(numbers.value('http_server_active_requests')).toBe(0);
    });

    test('a client that takes a part of a response has its bytes counted, and no more', async () => {
      const app = await begin();
      const socket = await open(app.port);
      let received = 0;
      socket.on('data', (data: Buffer) => {
        received += data.length;
        if (received > 200_000) socket.resetAndDestroy();
      });
      socket.write('GET /huge HTTP/1.1\r\nHost: x\r\n\r\n');
      await new Promise((resolve) => socket.once('close', resolve));
      const numbers = await app.numbers(1);
      expect(numbers.value('http_server_responses', { route: '/huge', status: '499' })).toBe(1);
      expect(numbers.value('http_server_aborted_requests', { route: '/huge' })).toBe(1);
      expect(numbers.value('http_server_broken_responses')).toBe(0);
      expect(numbers.sum('http_server_response_body_size_bytes')).toBeGreaterThan(190_000);
      expect(numbers.sum('http_server_response_body_size_bytes')).toBeLessThan(HUGE / 2);
    });

    test('an idle connection holds nothing of its requests', async () => {
      const app = await begin();
      held.length = 0;
      const socket = await open(app.port);
      let text = '';
      socket.on('data', (data: Buffer) => (text += data.toString()));
      for (let i = 1; i <= 3; i++) {
        socket.write('GET /held HTTP/1.1\r\nHost: x\r\n\r\n');
        await vi.waitFor(() => expect(text.split('held')).toHaveLength(i + 1), PATIENCE);
      }
      expect(held).toHaveLength(9);
      await app.numbers(3);
      await vi.waitFor(() => {
        collectGarbage();
        expect(held.filter((reference) => reference.deref() !== undefined)).toEqual([]);
      }, PATIENCE);
      socket.destroy();
    });

    test('a response that the server breaks off is no abort', async () => {
      const app = await begin();
      const socket = await open(app.port);
      socket.write('GET /broken HTTP/1.1\r\nHost: x\r\n\r\n');
      await new Promise((resolve) => socket.once('close', resolve));
      const numbers = await app.numbers(1);
      expect(numbers.value('http_server_responses', { route: '/broken', status: '200', streaming: 'true' })).toBe(1);
      expect(numbers.value('http_server_aborted_requests')).toBe(0);
      expect(numbers.value('http_server_broken_responses', { route: '/broken' })).toBe(1);
      expect(numbers.sum('http_server_response_body_size_bytes', { route: '/broken' })).toBe(5);
    });

    test('a request that times out without an answer is 444', async () => {
      const app = await begin();
      app.server.setTimeout(50);
      const socket = await open(app.port);
      socket.write('GET /hang HTTP/1.1\r\nHost: x\r\n\r\n');
      await new Promise((resolve) => socket.once('close', resolve));
      const numbers = await app.numbers(1);
      expect(numbers.value('http_server_responses', { route: '/hang', status: '444' })).toBe(1);
      expect(numbers.value('http_server_aborted_requests')).toBe(0);
    });

    test('malformed requests are counted and answered as ever', async () => {
      const app = await begin();
      const listeners = app.server.listenerCount('clientError');
      const statuses = [];
      for (const request of [
        'GARBAGE\r\n\r\n',
        'GET / HTTP/9.9\r\nHost: x\r\n\r\n',
        `GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
        'GET /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
      ]) {
        const [response] = await app.raw(request);
        statuses.push(response!.status);
      }
      expect(statuses).toEqual([400, 400, 431, 400]);
      expect(app.server.listenerCount('clientError')).toBe(listeners);
      const numbers = await app.numbers(4);
      const labels = { method: '<other>', route: '<unmatched>' };
      expect(numbers.value('http_server_responses', { ...labels, status: '400' })).toBe(3);
      expect(numbers.value('http_server_responses', { ...labels, status: '431' })).toBe(1);
      expect(numbers.value('http_server_aborted_requests')).toBe(0);
    });

    test('a path that can not be decoded is counted', async () => {
      const app = await begin();
      await app.raw('GET /api/%zz/items/%zz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
      const numbers = await app.numbers(1);
      expect(numbers.labelValues('http_server_responses', 'status')).toEqual([traits.badPath.status]);
      expect(numbers.labelValues('http_server_responses', 'route')[0]).not.toContain('zz');
    });

    test('OPTIONS is counted', async () => {
      const app = await begin();
      await app.raw('OPTIONS /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
      const numbers = await app.numbers(1);
      expect(numbers.value('http_server_responses', { method: 'OPTIONS', ...traits.options })).toBe(1);
    });

    test('a wrong method keeps the route where the framework can tell it', async () => {
      const app = await begin();
      await app.raw('DELETE /api/acme/items/1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
      const numbers = await app.numbers(1);
      expect(numbers.value('http_server_responses', { method: 'DELETE', ...traits.wrongMethod })).toBe(1);
    });

    test('upgrades are counted with the answer that the application writes', async () => {
      const app = await begin();
      app.server.on('upgrade', (request, socket) => {
        if (request.url === '/no') socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n');
        else socket.end('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n');
      });
      const upgrade = 'HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n';
      expect((await app.raw(`GET /yes ${upgrade}`))[0]!.status).toBe(101);
      expect((await app.raw(`GET /no ${upgrade}`))[0]!.status).toBe(403);
      const numbers = await app.numbers(2);
      expect(numbers.value('http_server_responses', { method: 'GET', status: '101' })).toBe(1);
      expect(numbers.value('http_server_responses', { method: 'GET', status: '403' })).toBe(1);
    });

    if (traits.exceptions) {
      test('exceptions are counted by route and type; answers that are thrown are none', async () => {
        const app = await begin();
        expect((await app.get('/api/acme/boom')).status).toBe(500);
        expect((await app.get('/api/acme/gone')).status).toBe(404);
        const numbers = await app.numbers(2);
        expect(numbers.series('http_server_exceptions')).toMatchObject([
          { labels: { route: '/api/:tenant/boom', type: 'TypeError' }, value: 1 },
        ]);
        expect(numbers.value('http_server_responses', { route: '/api/:tenant/boom', status: '500' })).toBe(1);
        expect(numbers.value('http_server_responses', { route: '/api/:tenant/gone', status: '404' })).toBe(1);
      });
    }

    const { middlewares } = traits;
    if (middlewares !== undefined) {
      test("a middleware's time is its own", async () => {
        const app = await begin();
        await app.get('/api/acme/items/1');
        const numbers = await app.numbers(1);
        const [outer, inner] = [middlewares.outer, middlewares.inner].map((middleware) => ({
          count: numbers.count('http_server_middleware_duration_seconds', { middleware }),
          sum: numbers.sum('http_server_middleware_duration_seconds', { middleware }),
        }));
        expect(outer!.count).toBe(1);
        expect(inner!.count).toBe(1);
        expect(outer!.sum).toBeGreaterThan(0.015);
        expect(inner!.sum).toBeLessThan(outer!.sum);
        const whole = numbers.sum('http_server_request_duration_seconds');
        expect(whole).toBeGreaterThanOrEqual(outer!.sum + inner!.sum);
        if (traits.handlers) {
          expect(numbers.sum('http_server_handler_duration_seconds')).toBeLessThanOrEqual(whole - outer!.sum);
        }
      });
    }

    test('scrapes are left out, unless asked for', async () => {
      const app = await begin();
      for (const path of ['/metrics', '/metrics/', '/metrics?name[]=x']) expect((await app.get(path)).status).toBe(200);
      await app.get('/hello');
      const page = await (await app.get('/metrics')).text();
      expect(page).toMatch(/^http_server_active_requests\{method="GET"\} 0$/m);
      const left = await app.numbers(1);
      expect(left.labelValues('http_server_requests', 'route')).toEqual(['/hello']);
      if (traits.middlewares !== undefined) {
        const { outer } = traits.middlewares;
        expect(left.count('http_server_middleware_duration_seconds', { middleware: outer })).toBe(1);
      }
      const asked = await begin({ http: { includeScrapes: true } });
      await asked.get('/metrics');
      expect((await asked.numbers(1)).value('http_server_requests')).toBe(1);
    });

    test('routes can be chosen', async () => {
      const app = await begin({ http: { excludeRoutes: ['/hello', /^\/api\//] } });
      for (const path of ['/hello', '/api/acme/items/1', '/stream', '/nowhere']) await app.get(path);
      const numbers = await app.numbers(2);
      expect(numbers.labelValues('http_server_requests', 'route')).toEqual(['/stream', '<unmatched>']);
      expect(numbers.value('http_server_active_requests')).toBe(0);
    });

    test('off means off', async () => {
      const app = await begin({ enabled: false });
      expect((await app.get('/hello')).status).toBe(200);
      expect((await app.get('/metrics')).status).toBe(404);
      expect(Object.hasOwn(app.server, 'emit')).toBe(false);
      expect((await app.registry.snapshot()).families).toEqual([]);
    });

    test('several applications of a process are each answered by their own, and counted in every registry', async () => {
      const [one, other] = [await begin(), await begin()];
      await one.get('/hello');
      await other.get('/hello');
      expect((await one.numbers(2)).value('http_server_requests', { route: '/hello' })).toBe(2);
      expect((await other.numbers(2)).value('http_server_requests', { route: '/hello' })).toBe(2);
    });

    test('once closed, nothing is counted any more', async () => {
      const app = await begin();
      const other = await begin();
      await app.get('/hello');
      await app.numbers(1);
      running.splice(running.indexOf(app.subject), 1);
      app.server.closeAllConnections();
      await app.subject.close();
      await other.get('/hello');
      await other.numbers(2);
      expect((await Numbers.of(app.registry)).value('http_server_requests')).toBe(1);
    });
  });
}

/** An application and what it has counted. */
class App {
  readonly registry: Registry;
  readonly subject: Subject;
  /** For a test to add up. */
  bytes: number = 0;

  constructor(registry: Registry, subject: Subject) {
    this.registry = registry;
    this.subject = subject;
  }

  get server(): Server {
    return this.subject.server;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get(path: string): Promise<{ status: number; text: () => Promise<string> }> {
    return new Promise((resolve, reject) => {
      get({ port: this.port, path, agent: false }, (response) => {
        const pieces: Buffer[] = [];
        response.on('data', (piece: Buffer) => pieces.push(piece));
        response.on('end', () =>
          resolve({ status: response.statusCode!, text: async () => Buffer.concat(pieces).toString() }),
        );
      }).on('error', reject);
    });
  }

  raw(...pieces: string[]): ReturnType<typeof converse> {
    return converse(this.port, ...pieces);
  }

  /** Sends a request and hangs up once the server has it. */
  async abandon(request: string): Promise<void> {
    const socket = await open(this.port);
    const before = await this.#active();
    socket.write(request);
    await vi.waitFor(async () => expect(await this.#active()).toBeGreaterThan(before), PATIENCE);
    await new Promise((resolve) => setTimeout(resolve, 30));
    socket.destroy();
    await vi.waitFor(async () => expect(await this.#active()).toBe(before), PATIENCE);
  }

  /** What is counted, once so many requests are; each in every family that has all of them. */
  async numbers(requests: number): Promise<Numbers> {
    await vi.waitFor(async () => {
      expect((await Numbers.of(this.registry)).value('http_server_responses')).toBe(requests);
    }, PATIENCE);
    const numbers = await Numbers.of(this.registry);
    expect(numbers.value('http_server_requests')).toBe(requests);
    expect(numbers.count('http_server_request_duration_seconds')).toBe(requests);
    return numbers;
  }

  async #active(): Promise<number> {
    return (await Numbers.of(this.registry)).value('http_server_active_requests');
  }
}
