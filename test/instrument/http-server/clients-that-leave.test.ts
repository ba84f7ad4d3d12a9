import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { Readable, pipeline } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { Registry } from '../../../src/core/registry.ts';
import {
  instrumentHttpServer,
  type InstrumentHttpServerOptions,
} from '../../../src/instrument/http-server/http-server.ts';
import { setRoute } from '../../../src/instrument/http/exchange.ts';
import { Numbers } from '../../support/http-numbers.ts';
import { selfSigned } from '../../support/certificate.ts';

const PATIENCE = { timeout: 20_000, interval: 10 };

const ends: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

interface App {
  readonly server: Server;
  readonly port: number;
  /** The numbers, once so many responses are counted. */
  numbers(responses: number): Promise<Numbers>;
}

async function serve(
  listener: RequestListener,
  options: InstrumentHttpServerOptions & { readonly tls?: boolean } = {},
): Promise<App> {
  const { tls = false, ...rest } = options;
  const registry = new Registry();
  const routed: RequestListener = (request, response) => {
    setRoute(request, request.url!);
    listener(request, response);
  };
  const server: Server = tls ? createTlsServer(selfSigned(), routed) : createServer(routed);
  ends.push(instrumentHttpServer({ registry, ...rest }), () => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    server,
    port: (server.address() as AddressInfo).port,
    numbers: (responses) =>
      vi.waitFor(async () => {
        const numbers = await Numbers.of(registry);
        expect(numbers.value('http_server_responses')).toBe(responses);
        expect(numbers.value('http_server_active_requests')).toBe(0);
        return numbers;
      }, PATIENCE),
  };
}

/** Sends a request, and leaves once it has received so many bytes (or at once, for none). */
async function leave(port: number, request: string, how: 'resetAndDestroy' | 'destroy', after = 0): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  await leaving(socket, request, () => socket[how](), after);
}

async function leaving(socket: Socket, request: string, go: () => void, after: number): Promise<void> {
  let received = 0;
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.on('data', (data: Buffer) => {
    received += data.length;
    if (after > 0 && received >= after) go();
  });
  await new Promise<void>((resolve) => socket.write(request, () => resolve()));
  if (after === 0) go();
  await closed;
}

const BIG = 50_000_000;
const HEAD = 'HTTP/1.1\r\nHost: a\r\n';

describe('clients that leave', () => {
  test.each(['resetAndDestroy', 'destroy'] as const)('a large body that is not taken to its end: %s', async (how) => {
    const app = await serve((_request, response) => void response.end(Buffer.alloc(BIG)));
    await leave(app.port, `GET /big ${HEAD}\r\n`, how, 200_000);
    const numbers = await app.numbers(1);
    expect(numbers.value('http_server_responses', { status: '499', route: '/big' })).toBe(1);
    expect(numbers.value('http_server_aborted_requests', { route: '/big' })).toBe(1);
    expect(numbers.sum('http_server_response_body_size_bytes')).toBeGreaterThanOrEqual(200_000 - 1000);
    expect(numbers.sum('http_server_response_body_size_bytes')).toBeLessThan(BIG / 2);
  });

  test('a large body that is taken to its end', async () => {
    const app = await serve((_request, response) => void response.end(Buffer.alloc(BIG)));
    await leave(app.port, `GET /big ${HEAD}\r\n`, 'destroy', BIG + 10);
    const numbers = await app.numbers(1);
    expect(numbers.value('http_server_responses', { status: '200' })).toBe(1);
    expect(numbers.value('http_server_aborted_requests')).toBe(0);
    expect(numbers.sum('http_server_response_body_size_bytes')).toBe(BIG);
  });

  test('a large body while the request is not read', async () => {
    const app = await serve((_request, response) => void response.end(Buffer.alloc(BIG)));
    const upload = `POST /big ${HEAD}Content-Length: ${BIG}\r\n\r\n${'x'.repeat(1_000_000)}`;
    await leave(app.port, upload, 'resetAndDestroy', 200_000);
    const numbers = await app.numbers(1);
    expect(numbers.value('http_server_responses', { status: '499' })).toBe(1);
    expect(numbers.sum('http_server_response_body_size_bytes')).toBeGreaterThanOrEqual(200_000 - 1000);
    expect(numbers.sum('http_server_response_body_size_bytes')).toBeLessThan(BIG / 2);
  });

  test('over TLS', async () => {
    const app = await serve((_request, response) => void response.end(Buffer.alloc(BIG)), { tls: true });
    const socket = connectTls({ port: app.port, host: '127.0.0.1', rejectUnauthorized: false });
    socket.on('error', () => {});
    await leaving(socket, `GET /big ${HEAD}\r\n`, () => socket.destroy(), 200_000);
    const numbers = await app.numbers(1);
    expect(numbers.value('http_server_requests', { scheme: 'https' })).toBe(1);
    expect(numbers.value('http_server_responses', { status: '499' })).toBe(1);
    expect(numbers.sum('http_server_response_body_size_bytes')).toBeLessThan(BIG / 2);
    expect(numbers.value('http_server_connections')).toBe(1);
  });

  test.each(['resetAndDestroy', 'destroy'] as const)(
    'an upload that is cut, and answered as soon as that is known: %s',
    async (how) => {
      const app = await serve((request, response) => {
        if (request.url === '/aborted') request.on('aborted', () => response.end('too late'));
        else request.on('error', () => void response.writeHead(400).end('bad'));
        request.once('data', () => socketOf(app.server)?.());
        request.resume();
      });
      for (const path of ['/aborted', '/error']) {
        const socket = connect(app.port, '127.0.0.1');
        socket.on('error', () => {});
        socketArrived.set(app.server, () => socket[how]());
        const closed = new Promise((resolve) => socket.once('close', resolve));
        socket.write(`POST ${path} ${HEAD}Content-Length: 900\r\n\r\nhalf`);
        await closed;
      }
      const numbers = await app.numbers(2);
      for (const route of ['/aborted', '/error']) {
        expect(numbers.value('http_server_responses', { route, status: '499' })).toBe(1);
        expect(numbers.value('http_server_aborted_requests', { route })).toBe(1);
        expect(numbers.sum('http_server_request_body_size_bytes', { route })).toBe(4);
      }
      expect(numbers.sum('http_server_response_body_size_bytes')).toBe(0);
    },
  );

  test('a stream of chunks, an event stream, and answers without a body', async () => {
    const app = await serve((request, response) => {
      if (request.url === '/chunks') pipeline(Readable.from(chunks()), response, () => {});
      else if (request.url === '/events') {
        response.writeHead(200, { 'Content-Type': 'text/event-stream' });
        response.write('data: 1\n\n');
      }
    });
    await leave(app.port, `GET /chunks ${HEAD}\r\n`, 'resetAndDestroy', 200_000);
    await leave(app.port, `GET /events ${HEAD}\r\n`, 'destroy', 20);
    await leave(app.port, `HEAD /nothing ${HEAD}\r\n`, 'destroy');
    const numbers = await app.numbers(3);
    expect(numbers.value('http_server_responses', { status: '499' })).toBe(3);
    expect(numbers.sum('http_server_response_body_size_bytes', { route: '/chunks' })).toBeGreaterThan(100_000);
    expect(numbers.sum('http_server_response_body_size_bytes', { route: '/chunks' })).toBeLessThan(BIG / 2);
    expect(numbers.sum('http_server_response_body_size_bytes', { route: '/events' })).toBe(9);
  });

  test('the first of several pipelined requests', async () => {
    const app = await serve((request, response) => {
      response.end(request.url === '/big' ? Buffer.alloc(BIG) : 'small');
    });
    const big = `GET /big ${HEAD}\r\n`;
    const small = `GET /small ${HEAD}\r\n`;
    await leave(app.port, small + big + small + small, 'resetAndDestroy', 200_000);
    const numbers = await app.numbers(4);
    expect(numbers.value('http_server_responses', { route: '/small', status: '200' })).toBe(1);
    expect(numbers.value('http_server_responses', { status: '499' })).toBe(3);
    expect(numbers.sum('http_server_response_body_size_bytes', { route: '/small' })).toBe(5);
    expect(numbers.sum('http_server_response_body_size_bytes', { route: '/big' })).toBeLessThan(BIG / 2);
  });
});

/** Told when the server has the first piece of a body. */
const socketArrived: WeakMap<Server, () => void> = new WeakMap();

function socketOf(server: Server): (() => void) | undefined {
  return socketArrived.get(server);
}

function* chunks(): Generator<Buffer> {
  for (let i = 0; i < BIG; i += 50_000) yield Buffer.alloc(50_000);
}

describe('servers that break off', () => {
  test('a stream that fails after its head keeps the status and is counted as broken', async () => {
    const app = await serve((_request, response) => {
      response.setHeader('Content-Length', 20);
      let sent = false;
      const failing = new Readable({
        read() {
          if (sent) setTimeout(() => this.destroy(new Error('the disk is gone')), 20);
          else this.push('0123456789');
          sent = true;
        },
      });
      pipeline(failing, response, () => {});
    });
    await leave(app.port, `GET /broken ${HEAD}\r\n`, 'destroy', 1_000_000);
    const numbers = await app.numbers(1);
    expect(numbers.value('http_server_responses', { status: '200', route: '/broken' })).toBe(1);
    expect(numbers.value('http_server_broken_responses', { route: '/broken' })).toBe(1);
    expect(numbers.value('http_server_aborted_requests')).toBe(0);
    expect(numbers.sum('http_server_response_body_size_bytes')).toBe(10);
  });

  test('a response is whole although its connection is destroyed right after it', async () => {
    const app = await serve((request, response) => {
      response.end('bye');
      request.destroy();
    });
    await leave(app.port, `GET /bye ${HEAD}\r\n`, 'destroy', 1_000_000);
    const numbers = await app.numbers(1);
    expect(numbers.value('http_server_responses', { status: '200' })).toBe(1);
    expect(numbers.value('http_server_broken_responses')).toBe(0);
    expect(numbers.sum('http_server_response_body_size_bytes')).toBe(3);
  });

  test('a body that does not come in time is 408, a head that does not come too', async () => {
    const app = await serve((request) => void request.resume());
    Object.assign(app.server, { headersTimeout: 100, requestTimeout: 200, connectionsCheckingInterval: 50 });
    const server = createServer({ connectionsCheckingInterval: 50, headersTimeout: 100, requestTimeout: 200 });
    server.on('request', (request) => void request.resume());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    ends.push(() => server.close());
    const { port } = server.address() as AddressInfo;
    await leave(port, `POST /late ${HEAD}Content-Length: 10\r\n\r\nabc`, 'destroy', 1_000_000);
    await leave(port, 'GET /late HTTP/1.1\r\nHo', 'destroy', 1_000_000);
    const numbers = await app.numbers(2);
    expect(numbers.value('http_server_responses', { status: '408' })).toBe(2);
    expect(numbers.value('http_server_aborted_requests')).toBe(0);
  });
});

describe('requests that get no response of their own', () => {
  test('CONNECT without a listener, and with one that answers nothing, is 444', async () => {
    const app = await serve(() => {});
    const connecting = 'CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n';
    await leave(app.port, connecting, 'destroy', 1_000_000);
    app.server.on('connect', (_request, socket) => void socket.destroy());
    await leave(app.port, connecting, 'destroy', 1_000_000);
    const numbers = await app.numbers(2);
    expect(numbers.value('http_server_responses', { method: 'CONNECT', status: '444' })).toBe(2);
    expect(numbers.value('http_server_aborted_requests')).toBe(0);
  });

  test('a connection that changes its protocol is timed to its end, apart', async () => {
    const app = await serve(() => {});
    app.server.on('upgrade', (request, socket) => {
      setRoute(request, '/socket');
      socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n');
      setTimeout(() => socket.end(), 50);
    });
    await leave(app.port, `GET /s ${HEAD}Connection: Upgrade\r\nUpgrade: x\r\n\r\n`, 'destroy', 1_000_000);
    await app.numbers(1);
    const numbers = await vi.waitFor(async () => {
      const now = await app.numbers(1);
      expect(now.value('http_server_open_connections')).toBe(0);
      return now;
    }, PATIENCE);
    const labels = { route: '/socket', method: 'GET', status: '101' };
    expect(numbers.value('http_server_responses', labels)).toBe(1);
    expect(numbers.count('http_server_long_lived_duration_seconds', labels)).toBe(1);
    expect(numbers.sum('http_server_long_lived_duration_seconds', labels)).toBeGreaterThan(0.04);
    expect(numbers.sum('http_server_request_duration_seconds', labels)).toBeLessThan(0.04);
  });

  test('event streams and routes that are named are timed apart', async () => {
    const app = await serve(
      (request, response) => {
        if (request.url === '/events') response.setHeader('Content-Type', 'text/event-stream; charset=utf-8');
        response.end('data: 1\n\n');
      },
      { longLivedRoutes: ['/poll'] },
    );
    for (const path of ['/events', '/poll', '/short']) {
      await (await fetch(`http://127.0.0.1:${app.port}${path}`)).text();
    }
    const numbers = await app.numbers(3);
    expect(numbers.labelValues('http_server_long_lived_duration_seconds', 'route')).toEqual(['/events', '/poll']);
    expect(numbers.labelValues('http_server_request_duration_seconds', 'route')).toEqual(['/short']);
    expect(numbers.count('http_server_long_lived_duration_seconds')).toBe(2);
  });

  test('an empty stream is streaming', async () => {
    const app = await serve((request, response) => {
      if (request.url === '/stream') response.writeHead(200, { 'Transfer-Encoding': 'chunked' });
      if (request.url === '/flushed') response.flushHeaders();
      pipeline(Readable.from([]), response, () => {});
    });
    for (const path of ['/stream', '/flushed', '/empty']) {
      expect(await (await fetch(`http://127.0.0.1:${app.port}${path}`)).text()).toBe('');
    }
    const numbers = await app.numbers(3);
    for (const [route, streaming] of [
      ['/stream', 'true'],
      ['/flushed', 'true'],
      ['/empty', 'false'],
    ] as const) {
      expect(numbers.value('http_server_responses', { route, streaming })).toBe(1);
    }
  });
});
