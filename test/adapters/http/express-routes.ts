import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { expect, test, vi } from 'vitest';
import { promenade } from '../../../src/adapters/http/express/express.ts';
import { Registry } from '../../../src/core/registry.ts';
import { Numbers } from '../../support/http-numbers.ts';
import type { Express, ExpressRequest, ExpressResponse } from './express-subject.ts';

/** How routers are nested, and what each request's route is then called. */
export function expressRoutes(express: Express): void {
  const say = (_request: ExpressRequest, response: ExpressResponse): void => response.send('ok');

  test('routes of nested routers and mounted applications', async () => {
    const registry = new Registry();
    const app = express();
    const items = express.Router({ mergeParams: true });
    items.get('/items/:iid', say).get('/', say);
    const orgs = express.Router({ mergeParams: true });
    orgs.use('/org/:o', items);
    const child = express();
    child.get('/deep/:d', say);
    child.use('/it', items);
    const inRouter = express();
    inRouter.get('/x/:y', say);
    orgs.use('/mounted', inRouter);
    app.use('/api/:tenant', orgs);
    const metrics = promenade({ enabled: true, registry, runtime: false });
    app.use(metrics);
    app.use('/v1', items);
    app.use('/v2', items);
    app.use('/sub/:s', child);
    app.get('/next', (_request, _response, next) => next());
    const server = app.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const expected = {
      '/api/acme/org/1/items/2': '/api/:tenant/org/:o/items/:iid',
      '/api/umbrella/org/3': '/api/:tenant/org/:o',
      '/api/acme/mounted/x/1': '/api/:tenant/mounted/x/:y',
      '/v1/items/1': '/v1/items/:iid',
      '/v2/items/2': '/v2/items/:iid',
      '/sub/q/deep/7': '/sub/:s/deep/:d',
      '/sub/q/it/items/9': '/sub/:s/it/items/:iid',
      '/next': '/next',
      '/nowhere': '<unmatched>',
    };
    for (const path of Object.keys(expected)) await (await fetch(`http://127.0.0.1:${port}${path}`)).arrayBuffer();
    await vi.waitFor(async () => {
      const routes = (await Numbers.of(registry)).labelValues('http_server_requests', 'route');
      expect(routes).toEqual(Object.values(expected).sort());
    });
    server.close();
    server.closeAllConnections();
    await metrics.close();
  });

  test('templates that responses render, also those of mounted applications', async () => {
    const registry = new Registry();
    const app = express();
    const child = express();
    const engine = (_path: string, _options: object, done: (error: unknown, page: string) => void): void =>
      done(null, 'page');
    for (const each of [app, child]) {
      each.engine('ejs', engine);
      each.set('views', new URL('views', import.meta.url).pathname);
      each.set('view engine', 'ejs');
    }
    const metrics = promenade({ enabled: true, registry, runtime: false });
    app.use(metrics);
    app.get('/page', (_request, response) => response.render('page', {}));
    child.get('/page', (_request, response) => response.render('page', {}));
    app.use('/child', child);
    const server = app.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    for (const path of ['/page', '/child/page']) {
      expect(await (await fetch(`http://127.0.0.1:${port}${path}`)).text()).toBe('page');
    }
    const numbers = await Numbers.of(registry);
    expect(numbers.value('http_server_rendered_templates', { template: 'page' })).toBe(2);
    server.close();
    server.closeAllConnections();
    await metrics.close();
  });
}
