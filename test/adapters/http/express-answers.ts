import { once } from 'node:events';
import { get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test, vi, onTestFinished } from 'vitest';
import { promenade } from '../../../src/adapters/http/express/express.ts';
import { Registry } from '../../../src/core/registry.ts';
import { Numbers } from '../../support/http-numbers.ts';
import type { Express, ExpressApplication, ExpressRequest, ExpressResponse } from './express-subject.ts';

/** How versions of Express differ. */
export interface ExpressTraits {
  /** How a path is written that takes everything below `/api`. */
  readonly everything: string;
  /** How a mount is written whose parameter may be missing. */
  readonly optional: string;
}

type Next = (error?: unknown) => void;

/** Which route a request has, by who answers it, and what runs on the way there. */
export function expressAnswers(express: Express, { everything, optional }: ExpressTraits): void {
  const say = (_request: ExpressRequest, response: ExpressResponse): void => response.send('ok');
  const pass = (_request: ExpressRequest, _response: ExpressResponse, next: Next): void => next();
  const refuse =
    (header: string, status: number) =>
    (request: ExpressRequest, response: ExpressResponse, next: Next): void => {
      if (request.headers[header] === undefined) return next();
      response.statusCode = status;
      response.end();
    };

  describe('who answers', () => {
    test('a handler that answers and hands on keeps its route, wherever the request goes then', async () => {
      const app = await begin(express, (each) => {
        const inner = express.Router();
        inner.get('/:id', answerAndPass);
        each.get('/one/:id', answerAndPass);
        each.get('/two/:id', answerAndPass, pass);
        each.use('/three', inner);
        each.use(pass);
        each.use('/one', pass);
        each.all(everything, pass);
      });
      function answerAndPass(_request: ExpressRequest, response: ExpressResponse, next: Next): void {
        response.send('done');
        next();
      }
      for (const path of ['/one/1', '/two/2', '/three/3']) await app.ask(path);
      expect(await app.routes(3)).toEqual({ '200 /one/:id': 1, '200 /two/:id': 1, '200 /three/:id': 1 });
      expect(await app.handled()).toEqual(['/one/:id', '/three/:id', '/two/:id']);
    });

    test('what is mounted at a path answers under that path; what hands on does not', async () => {
      const app = await begin(express, (each) => {
        const tools = express.Router();
        tools.use(pass, (_request: ExpressRequest, response: ExpressResponse) => response.send('tool'));
        each.use('/docs/', (request: ExpressRequest, response: ExpressResponse, next: Next) =>
          request.url === '/here' ? response.send('doc') : next(),
        );
        each.use('/api', pass);
        each.use('/api/query', refuse('x-unwell', 400), say);
        each.use('/tools', tools);
        each.get('/api/items/:id', say);
      });
      for (const path of ['/docs/here', '/docs/gone', '/api/query', '/tools/hammer', '/api/items/1', '/api/gone']) {
        await app.ask(path);
      }
      await app.ask('/api/query', { 'x-unwell': '1' });
      expect(await app.routes(7)).toEqual({
        '200 /docs/': 1,
        '200 /api/query': 1,
        '400 /api/query': 1,
        '200 /tools': 1,
        '200 /api/items/:id': 1,
        '404 <unmatched>': 2,
      });
    });

    test('a middleware answers under the route that the request would have come to', async () => {
      const app = await begin(express, (each) => {
        each.use('/before', pass);
        each.use(refuse('x-cached', 203));
        const child = express();
        child.get('/deep/:d', say);
        const router = express.Router();
        router.use(refuse('x-stranger', 401));
        router.get('/devices/:id', say);
        router.post('/devices/:name', say);
        each.use('/child', child);
        each.all(everything, pass);
        each.use('/api/:version', router);
        each.use('/graph', say);
        each.use(refuse('x-late', 410));
      });
      const cached = { 'x-cached': '1' };
      await app.ask('/api/1/devices/7', cached);
      await app.ask('/graph', cached);
      await app.ask('/before/this', cached);
      await app.ask('/robots.txt', cached);
      await app.ask('/api/2/devices/8', { 'x-stranger': '1' });
      await app.ask('/api/2/nothing', { 'x-stranger': '1' });
      await app.ask('/before/that', { 'x-late': '1' });
      await app.ask('/child/deep/1');
      await app.ask('/child/deep/2', cached);
      expect(await app.routes(9)).toEqual({
        '203 /api/:version/devices/:id': 1,
        '203 /graph': 1,
        '203 <unmatched>': 2,
        '401 /api/:version/devices/:id': 1,
        [`401 ${everything}`]: 1,
        '410 <unmatched>': 1,
        '200 /child/deep/:d': 1,
        '203 /child/deep/:d': 1,
      });
    });

    test('errors keep the route where they arose: parameters, middlewares, error handlers', async () => {
      const app = await begin(express, (each) => {
        each.set('env', 'test');
        const router = express.Router();
        router.param('id', (request, _response, next, value) => {
          if (value === 'throws') throw new RangeError();
          if (value === 'refused') return next(Object.assign(new Error('no'), { status: 403 }));
          if (value === 'answered') return (request.res as ExpressResponse).send('by the parameter');
          next();
        });
        router.get('/:id', say);
        each.all(everything, pass);
        each.use('/api', pass);
        each.use('/api/users', router);
        each.use('/users', router);
        each.get('/broken', () => {
          throw new TypeError();
        });
        each.use((error: unknown, _request: ExpressRequest, _response: ExpressResponse, next: Next) => {
          if (error instanceof TypeError) throw new EvalError();
          next(error);
        });
      });
      for (const base of ['/users', '/api/users']) {
        for (const id of ['throws', 'refused', 'answered', 'known']) await app.ask(`${base}/${id}`);
      }
      await app.ask('/broken');
      const all = [500, 403, 200, 200];
      const expected: Record<string, number> = { '500 /broken': 1 };
      for (const base of ['/users', '/api/users']) {
        for (const status of all) expected[`${status} ${base}/:id`] = status === 200 ? 2 : 1;
      }
      expect(await app.routes(9)).toEqual(expected);
      const exceptions = (await Numbers.of(app.registry)).series('http_server_exceptions');
      expect(exceptions.map(({ labels }) => `${labels['route']} ${labels['type']}`).sort()).toEqual([
        '/api/users/:id RangeError',
        '/broken EvalError',
        '/broken TypeError',
        '/users/:id RangeError',
      ]);
      await app.close();
    });
  });

  describe('patterns', () => {
    test('regular expressions are shown as written, slashes are kept, strict routes are two', async () => {
      const app = await begin(
        express,
        (each) => {
          const router = express.Router();
          router.get(/^\/v\d+\/x$/, say);
          for (const path of ['/a', '/a/', '/A', '/b/', '/c/:x/']) each.get(path, say);
          each.use(/^\/r[a-z]+/, router);
          each.use(/^\/plain/, say);
          each.get(/^\/files\/.+\//, say);
        },
        ['strict routing', 'case sensitive routing'],
      );
      for (const path of ['/a', '/a/', '/A', '/b/', '/c/7/', '/ro/v1/x', '/ru/v2/x', '/plain/y', '/files/a/b/']) {
        await app.ask(path);
      }
      expect(await app.routes(9)).toEqual({
        '200 /a': 1,
        '200 /a/': 1,
        '200 /A': 1,
        '200 /b/': 1,
        '200 /c/:x/': 1,
        [String.raw`200 /^\/r[a-z]+//^\/v\d+\/x$/`]: 2,
        [String.raw`200 /^\/plain/`]: 1,
        [String.raw`200 /^\/files\/.+\//`]: 1,
      });
    });

    test('mounts are shown as written, whichever path comes first, also those made before', async () => {
      const inner = (path: string): object => express.Router().get(path, say);
      const early = express.Router();
      early.use('/:tenant/admin', inner('/x'));
      early.use('/v:major-beta/:id', inner('/x'));
      const app = await begin(express, (each) => {
        each.use('/early', early);
        each.use('/:tenant/admin', inner('/x'));
        each.use(optional, inner('/x'));
      });
      const paths = ['/admin/admin/x', '/acme/admin/x', '/shop/cart/x', '/shop/is/cart/x', '/early/admin/admin/x'];
      for (const path of [...paths, '/early/a%20b/admin/x', '/early/v2-beta/v2-beta/x']) await app.ask(path);
      expect(await app.routes(7)).toEqual({
        '200 /:tenant/admin/x': 2,
        [`200 ${optional}/x`]: 2,
        '200 /early/:tenant/admin/x': 2,
        '200 /early/v:major-beta/:id/x': 1,
      });
    });
  });

  test('a handler that hands on is a middleware of the request; those without a name say where they stand', async () => {
    const app = await begin(express, (each) => {
      const [one, other] = [express.Router(), express.Router()];
      for (const router of [one, other]) router.use((_request: unknown, _response: unknown, next: Next) => next());
      one.get('/x/:id', (_request, _response, next) => next(), say);
      each.all(everything, function requireUser(_request, _response, next) {
        setTimeout(next, 20);
      });
      each.use('/api/one', one);
      each.use('/other', other, say);
    });
    await app.ask('/api/one/x/1');
    await app.ask('/other');
    expect(await app.routes(2)).toEqual({ '200 /api/one/x/:id': 1, '200 /other': 1 });
    const numbers = await Numbers.of(app.registry);
    const names = numbers.labelValues('http_server_middleware_duration_seconds', 'middleware');
    expect(names.filter((name) => name.includes('anonymous')).sort()).toEqual([
      '<anonymous 1> at /api/one',
      '<anonymous 1> at /api/one/x/:id',
      '<anonymous 1> at /other',
    ]);
    expect(numbers.count('http_server_middleware_duration_seconds', { middleware: 'requireUser' })).toBe(1);
    expect(numbers.sum('http_server_middleware_duration_seconds', { middleware: 'requireUser' })).toBeGreaterThan(0.01);
    expect(await app.handled()).toEqual(['/api/one/x/:id']);
    await app.close();
  });

  test("the scheme is Express's own, and a header that nobody trusts changes nothing", async () => {
    for (const [trust, expected] of [
      [true, ['http', 'https']],
      [false, ['http']],
    ] as const) {
      const app = await begin(express, (each) => {
        each.set('trust proxy', trust);
        each.get('/x', say);
        each.use('/mounted', express().get('/x', say));
      });
      await app.ask('/mounted/x', { 'x-forwarded-proto': 'https, http' });
      await app.ask('/x', { 'x-forwarded-proto': 'gopher' });
      await app.routes(2);
      const numbers = await Numbers.of(app.registry);
      expect(numbers.labelValues('http_server_requests', 'scheme')).toEqual(expected);
      await app.close();
    }
  });

  test('the header of METRICS_SCHEME_HEADER says the scheme', async () => {
    const registry = new Registry();
    const app = express();
    const metrics = promenade({ enabled: true, registry, runtime: false, schemeHeader: 'X-Scheme: https' });
    app.use(metrics);
    app.get('/x', say);
    const served = await serve(app, registry, metrics);
    for (const scheme of ['HTTPS, http', 'https', 'http']) await served.ask('/x', { 'x-scheme': scheme });
    await served.ask('/x');
    await served.routes(4);
    const numbers = await Numbers.of(registry);
    const counted = ['https', 'http'].map((scheme) => numbers.value('http_server_requests', { scheme }));
    expect(counted).toEqual([2, 2]);
    await served.close();
  });

  test('several applications of one middleware, and routers of another copy of Express', async () => {
    const registry = new Registry();
    const metrics = promenade({ enabled: true, registry, runtime: false });
    const apps = [express(), express()];
    for (const [i, each] of apps.entries()) {
      each.use(metrics);
      each.get(`/${i}/:id`, say);
    }
    const served = await Promise.all(apps.map((each) => serve(each, registry, metrics)));
    await served[0]!.ask('/0/a');
    await served[1]!.ask('/1/b');
    expect(await served[0]!.routes(2)).toEqual({ '200 /0/:id': 1, '200 /1/:id': 1 });
    for (const each of served) await each.close();
  });

  test('Express makes nothing of the middleware but a layer that most requests pass by', async () => {
    const app = express();
    let runs = 0;
    const metrics = promenade({ enabled: true, registry: new Registry(), runtime: false });
    app.use(metrics);
    app.get('/x', (request, response) => {
      runs++;
      expect(Object.getPrototypeOf(request)).toBe(app.request);
      response.send('x');
    });
    const served = await serve(app, new Registry(), metrics);
    await served.ask('/x');
    expect(runs).toBe(1);
    expect((await served.ask('/metrics')).status).toBe(200);
    await served.close();
  });
}

interface Served {
  readonly registry: Registry;
  ask(path: string, headers?: Record<string, string>): Promise<{ status: number }>;
  /** Responses by status and route, once there are so many. */
  routes(requests: number): Promise<Record<string, number>>;
  /** Routes whose handlers were timed. */
  handled(): Promise<string[]>;
  close(): Promise<void>;
}

async function begin(
  express: Express,
  define: (app: ExpressApplication) => void,
  settings: readonly string[] = [],
): Promise<Served> {
  const registry = new Registry();
  const app = express();
  for (const setting of settings) app.set(setting, true);
  const metrics = promenade({ enabled: true, registry, runtime: false });
  app.use(metrics);
  define(app);
  return serve(app, registry, metrics);
}

async function serve(
  app: ExpressApplication,
  registry: Registry,
  metrics: { close(): Promise<void> },
): Promise<Served> {
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  // What is left on would observe the servers of the tests that follow.
  onTestFinished(async () => {
    server.close();
    server.closeAllConnections();
    await metrics.close();
  });
  return {
    registry,
    ask: (path, headers = {}) =>
      new Promise((resolve, reject) => {
        get({ port, path, headers, agent: false }, (response) => {
          response.resume().on('end', () => resolve({ status: response.statusCode! }));
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
    handled: async () => (await Numbers.of(registry)).labelValues('http_server_handler_duration_seconds', 'route'),
    close: async () => {
      server.close();
      server.closeAllConnections();
      await metrics.close();
    },
  };
}
