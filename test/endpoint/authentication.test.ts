import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { describe, expect, test } from 'vitest';
import type { Access } from '../../src/endpoint/access.ts';
import { createEndpoint, type EndpointOptions } from '../../src/endpoint/endpoint.ts';
import { MetricsError } from '../../src/errors.ts';
import { Registry } from '../../src/core/registry.ts';
import { send, sendRaw, serveHttp, warnings } from './serving.ts';

const basic = (user: string, password: string): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
const hashed = `sha256:${createHash('sha256').update('hashed-token').digest('hex')}`;

function guarded(options: EndpointOptions<never> = {}): ReturnType<typeof createEndpoint<never>> {
  return createEndpoint<never>({ enabled: true, authentication: true, registry: new Registry(), ...options }, {});
}

const headers: [authorization: string | undefined, status: number][] = [
  [undefined, 401],
  ['Token plain-token', 200],
  ['token plain-token', 200],
  ['TOKEN plain-token', 200],
  ['Bearer plain-token', 200],
  ['bEARER   plain-token', 200],
  [basic('telegraf', 'plain-token'), 200],
  [basic('', 'plain-token'), 200],
  [basic('a', 'with:colon'), 200],
  ['Bearer hashed-token', 200],
  [basic('prometheus', 'hashed-token'), 200],
  [`Bearer ${hashed}`, 401],
  [hashed, 401],
  ['Token wrong', 401],
  ['Token plain-toke', 401],
  ['Token plain-token2', 401],
  ['Token PLAIN-TOKEN', 401],
  ['Token plain-token extra', 401],
  ['Token', 401],
  ['Token ', 401],
  ['plain-token', 401],
  ['Tokenplain-token', 401],
  ['Digest plain-token', 401],
  ['Token plain-token, Token plain-token', 401],
  [basic('plain-token', ''), 401],
  [basic('plain-token', 'wrong'), 401],
  [basic('x', 'plain-token\0'), 401],
  ['Basic !!!!', 401],
  ['Basic ====', 401],
  ['Basic cGxhaW4tdG9rZW4=', 401],
  ['Basic', 401],
  [`Token ${'x'.repeat(1_000_000)}`, 401],
  [`Basic ${'eDp4'.repeat(250_000)}`, 401],
];
const tokens = ['plain-token', 'with:colon', hashed];

describe('tokens', () => {
  test('over node:http', async () => {
    const { port } = await serveHttp(guarded({ tokens }).handler);
    for (const [authorization, status] of headers) {
      const reply = await send(port, { headers: authorization === undefined ? {} : { authorization } });
      expect([authorization?.slice(0, 50), reply.status]).toEqual([authorization?.slice(0, 50), status]);
      expect(reply.headers['cache-control']).toBe('no-store');
      if (status === 401) {
        expect(reply.headers['www-authenticate']).toMatch(/^Token realm=.*Bearer realm=.*Basic realm=/);
        expect(reply.text).toBe('Metrics need a token or a session.\n');
      } else {
        expect(reply.text).toContain('# TYPE metrics_scrapes_total counter');
      }
    }
  });

  test('over fetch', async () => {
    const { fetch } = guarded({ tokens });
    for (const [authorization, status] of headers) {
      const given = new Headers(authorization === undefined ? {} : { authorization });
      const response = await fetch(new Request('http://x/metrics', { headers: given }));
      expect([authorization?.slice(0, 50), response.status]).toEqual([authorization?.slice(0, 50), status]);
      await response.text();
    }
  });

  test('two Authorization headers are none', async () => {
    const { port } = await serveHttp(guarded({ tokens }).handler);
    const pair = (a: string, b: string): string[] => ['Host', 'x', 'Authorization', a, 'authorization', b];
    for (const [a, b] of [
      ['Token plain-token', 'Token plain-token'],
      ['Token plain-token', 'Token wrong'],
      ['Token wrong', 'Token plain-token'],
    ]) {
      expect((await send(port, { headers: pair(a!, b!) })).status).toBe(401);
    }
    expect((await send(port, { headers: ['Host', 'x', 'Authorization', 'Token plain-token'] })).status).toBe(200);
  });

  test('a NUL in the header never gets in', async () => {
    const { port } = await serveHttp(guarded({ tokens }).handler);
    const answer = await sendRaw(
      port,
      'GET /metrics HTTP/1.1\r\nHost: x\r\nAuthorization: Token plain-token\0\r\nConnection: close\r\n\r\n',
    );
    expect(answer).toMatch(/^HTTP\/1.1 40[01] /);
    expect((await send(port, { headers: { authorization: 'Token plain-token' } })).status).toBe(200);
  });

  test('without authentication nothing is asked for', async () => {
    const { port } = await serveHttp(guarded({ authentication: false }).handler);
    expect((await send(port, { headers: { authorization: 'Token whatever' } })).status).toBe(200);
  });

  test('refused requests are counted', async () => {
    const registry = new Registry();
    const { port } = await serveHttp(guarded({ tokens, registry }).handler);
    await send(port);
    await send(port, { headers: { authorization: 'Token wrong' } });
    const { text } = await send(port, { headers: { authorization: 'Token plain-token' } });
    expect(text).toContain('metrics_scrapes_total{format="text",code="401"} 2\n');
    expect(text).toContain('metrics_scrape_duration_seconds_count{format="text",code="401"} 2\n');
  });
});

describe('sessions and the application’s own tokens', () => {
  const answers: [says: Access, status: number][] = [
    [undefined, 401],
    [null, 401],
    [false, 401],
    [true, 200],
    [{ allowed: true }, 200],
    [{ allowed: false }, 403],
    [{} as never, 403],
    [{ allowed: 'yes' } as never, 403],
    ['admin' as never, 403],
  ];
  test.each(answers)('session: %o is %d', async (says, status) => {
    for (const session of [() => says, async () => says]) {
      const { port } = await serveHttp(guarded({ session }).handler);
      const reply = await send(port);
      expect(reply.status).toBe(status);
      expect(reply.headers['www-authenticate'] !== undefined).toBe(status === 401);
    }
  });

  test.each(answers)('checkToken: %o is %d', async (says, status) => {
    const seen: string[] = [];
    const endpoint = guarded({ checkToken: async (token) => (seen.push(token), says) });
    const { port } = await serveHttp(endpoint.handler);
    expect((await send(port, { headers: { authorization: basic('u', 'app-token') } })).status).toBe(status);
    expect((await send(port)).status).toBe(401);
    expect(seen).toEqual(['app-token']);
  });

  test('a session is given the request: node:http’s, fetch’s, or the framework’s own', async () => {
    const subjects: unknown[] = [];
    const endpoint = createEndpoint<unknown>(
      {
        enabled: true,
        authentication: true,
        registry: new Registry(),
        session: (subject) => subjects.push(subject) > 0,
      },
      {},
    );
    const framework = { user: 'admin' };
    const own: IncomingMessage[] = [];
    const first = await serveHttp((request, response) => (own.push(request), endpoint.handler(request, response)));
    const second = await serveHttp((request, response) => endpoint.serve(request, response, framework));
    const request = new Request('http://x/metrics');
    await send(first.port);
    await send(second.port);
    await (await endpoint.fetch(request)).text();
    expect(subjects).toEqual([own[0], framework, request]);
  });

  test('whoever is known by a session passes though the token is of another kind, and the other way round', async () => {
    const session = (request: IncomingMessage): Access => request.headers.cookie === 'in' || { allowed: false };
    const endpoint = createEndpoint(
      { enabled: true, authentication: true, registry: new Registry(), tokens, session },
      {},
    );
    const { port } = await serveHttp(endpoint.handler);
    const ask = async (cookie: string, authorization: string): Promise<number> =>
      (await send(port, { headers: { cookie, authorization } })).status;
    expect(await ask('in', 'Bearer jwt-of-the-application')).toBe(200);
    expect(await ask('out', 'Token plain-token')).toBe(200);
    expect(await ask('out', 'Token wrong')).toBe(403);
  });

  test.each([
    [
      'session',
      {
        session: () => {
          throw new Error('database away');
        },
      },
    ],
    ['session', { session: () => Promise.reject(new Error('database away')) }],
    ['checkToken', { checkToken: () => Promise.reject(new Error('database away')) }],
  ])('a %s callback that fails refuses with 401 and is told of once', async (_name, callbacks) => {
    const told = warnings('WARN_METRICS_AUTHENTICATION');
    const { port } = await serveHttp(guarded(callbacks).handler);
    for (let i = 0; i < 3; i++)
      expect((await send(port, { headers: { authorization: 'Token hunter2' } })).status).toBe(401);
    expect(told).toHaveLength(1);
    expect(told[0]).toContain('database away');
    expect(told[0]).not.toContain('hunter2');
  });
});

describe('at start', () => {
  const nobody = (options: EndpointOptions): void => {
    expect(() =>
      createEndpoint({ enabled: true, authentication: true, registry: new Registry(), ...options }, {}),
    ).toThrow(expect.objectContaining({ constructor: MetricsError, code: 'ERR_METRICS_INVALID_SETTING' }) as Error);
  };
  test('authentication that nobody can pass is an error', () => nobody({}));
  test('a session alone is not enough on a port of its own', () => nobody({ port: 9100, session: () => true }));
  test('off means off: nothing is asked of settings that would not work', () => {
    expect(createEndpoint({ authentication: true, registry: new Registry() }, {}).enabled).toBe(false);
  });
  test('tokens without authentication are worth a warning', async () => {
    const told = warnings('WARN_METRICS_AUTHENTICATION');
    createEndpoint({ enabled: true, tokens: ['hunter2'], registry: new Registry() }, {});
    await new Promise(setImmediate);
    expect(told).toEqual([expect.stringContaining('Set METRICS_AUTHENTICATION=true')]);
    expect(told[0]).not.toContain('hunter2');
  });
});
