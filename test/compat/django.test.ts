import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { Router } from '@koa/router';
import Koa from 'koa';
import { type HttpPromenade, promenade, setRoute } from '../../src/adapters/http/http.ts';
import { promenade as promenadeKoa } from '../../src/adapters/http/koa/koa.ts';
import { DJANGO_BODY_BUCKETS, DJANGO_LATENCY_BUCKETS } from '../../src/compat/django-buckets.ts';
import { deriveDjangoFamilies } from '../../src/compat/django.ts';
import { Registry } from '../../src/core/registry.ts';
import { nameViews, setMigrations } from '../../src/django.ts';
import { negotiate } from '../../src/exposition/negotiate.ts';
import { CacheRecorder } from '../../src/instrument/cache/recorder.ts';
import { DatabaseRecorder } from '../../src/instrument/database/recorder.ts';
import { ModelRecorder } from '../../src/instrument/model/recorder.ts';
import { STATEMENTS } from '../../src/instrument/sql/statement.ts';
import { parsePage, scrape, type ScrapedPage, seriesValue } from '../../src/testing.ts';
import { MappedStore } from '../../src/store/mapped-store.ts';
import { expectNoDuplicates } from '../support/duplicates.ts';
import { expectPromtoolAccepts, noForeignParsers, parseWithPython } from '../support/foreign-parsers.ts';
import { decodeProtobuf } from '../support/protobuf.ts';

const TRANSACTION = { operation: 'transaction' } as const;

/** A registry under METRICS_COMPAT=django, with a bit of everything in it. */
async function countEverything(registry: Registry, namespace?: string): Promise<() => Promise<void>> {
  const metrics = promenade({ registry, enabled: true, compat: 'django', namespace });
  const where = { registry, namespace: namespace ?? '', compat: 'django' } as const;
  const mariadb = DatabaseRecorder.of(where).database('default', 'mariadb');
  mariadb.connected();
  mariadb.started(TRANSACTION);
  mariadb.ended(TRANSACTION, 0.001);
  for (const seconds of [0.004, 0.04, 0.4]) {
    mariadb.started(STATEMENTS.select);
    mariadb.ended(STATEMENTS.select, seconds, 1);
  }
  mariadb.started(STATEMENTS.insert, 5);
  mariadb.batched(5);
  mariadb.failed({ code: 'ER_DUP_ENTRY', sqlState: '23000' });
  mariadb.connectionFailed({ code: 'ECONNREFUSED' });
  DatabaseRecorder.of(where).database('archive', 'postgresql').failed({ code: '42P01' });
  new ModelRecorder(where).wrote('insert', 'device', 3);
  for (const name of ['pages', 'sessions']) {
    const cache = CacheRecorder.of(where).cache(name, 'redis');
    cache.got(true);
    cache.got(false);
    cache.failed('get');
    cache.failed('set');
  }
  CacheRecorder.of(where).cache('local', 'memory').got(true);
  nameViews({ '/devices/:id': 'dcim:device' }, { registry });
  setMigrations({ registry, applied: 12, unapplied: 1 });
  const server = serving(metrics);
  const origin = await listening(server);
  for (const [method, path] of [
    ['GET', '/devices/1'],
    ['GET', '/devices/2'],
    ['PROPFIND', '/devices/2'],
    ['GET', '/racks/7'],
    ['GET', '/nowhere'],
    ['GET', '/fails'],
    ['GET', '/metrics'],
  ] as const) {
    const response = await fetch(origin + path, { method, headers: { 'x-requested-with': 'XMLHttpRequest' } });
    await response.text();
  }
  return async () => {
    await metrics.close();
    server.close();
    await once(server, 'close');
  };
}

function serving(metrics: HttpPromenade): Server {
  return createServer({ keepAliveTimeout: 1 }, (request, response) => {
    if (metrics.serve(request, response)) return;
    const route = /^\/(devices|racks|rooms)\//.exec(request.url!)?.[1];
    if (route !== undefined) setRoute(request, `/${route}/:id`, route === 'rooms' ? 'dcim:room' : undefined);
    response.statusCode = route === undefined ? 404 : 200;
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.end('hello');
  });
}

async function listening(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`;
}

function djangoNames(page: ScrapedPage): string[] {
  return [...page.families.keys()].filter((name) => name.includes('django'));
}

describe('METRICS_COMPAT=django', () => {
  const registry = new Registry();
  let close: () => Promise<void>;
  let page: ScrapedPage;

  beforeAll(async () => {
    close = await countEverything(registry);
    page = await scrape(registry);
  });
  afterAll(() => close());

  test('has all families', () => {
    expect(djangoNames(page)).toHaveLength(34);
  });

  test.each<[name: string, labels: Record<string, string>, value: number]>([
    ['django_http_requests_before_middlewares_total', {}, 6],
    ['django_http_responses_before_middlewares_total', {}, 6],
    ['django_http_requests_latency_including_middlewares_seconds_count', {}, 6],
    ['django_http_requests_unknown_latency_total', {}, 0],
    ['django_http_requests_unknown_latency_including_middlewares_total', {}, 0],
    ['django_http_ajax_requests_total', {}, 6],
    ['django_http_requests_total_by_method_total', { method: 'GET' }, 5],
    ['django_http_requests_total_by_method_total', { method: '<invalid method>' }, 1],
    ['django_http_requests_total_by_transport_total', { transport: 'http' }, 6],
    [
      'django_http_requests_total_by_view_transport_method_total',
      { view: 'dcim:device', transport: 'http', method: 'GET' },
      2,
    ],
    ['django_http_requests_latency_seconds_by_view_method_count', { view: 'dcim:device', method: 'GET' }, 2],
    ['django_http_requests_latency_seconds_by_view_method_count', { view: '<unnamed view>', method: 'GET' }, 2],
    ['django_http_requests_latency_seconds_by_view_method_count', { view: '/racks/:id', method: 'GET' }, 1],
    [
      'django_http_responses_total_by_status_view_method_total',
      { status: '404', view: '<unnamed view>', method: 'GET' },
      2,
    ],
    ['django_http_responses_total_by_status_total', { status: '200' }, 4],
    ['django_http_responses_total_by_charset_total', { charset: 'utf-8' }, 6],
    ['django_http_responses_body_total_bytes_sum', {}, 30],
    ['django_http_responses_streaming_total', {}, 0],
    ['django_model_inserts_total', { model: 'device' }, 3],
    ['django_model_updates_total', { model: 'device' }, 0],
    ['django_model_deletes_total', { model: 'device' }, 0],
    ['django_db_new_connections_total', { alias: 'default', vendor: 'mysql' }, 1],
    ['django_db_new_connection_errors_total', { alias: 'default', vendor: 'mysql' }, 1],
    ['django_db_execute_total', { alias: 'default', vendor: 'mysql' }, 8],
    ['django_db_execute_many_total', { alias: 'default', vendor: 'mysql' }, 5],
    ['django_db_query_duration_seconds_count', { alias: 'default', vendor: 'mysql' }, 3],
    ['django_db_errors_total', { alias: 'default', vendor: 'mysql', type: 'IntegrityError' }, 1],
    ['django_db_errors_total', { alias: 'archive', vendor: 'postgresql', type: 'UndefinedTable' }, 1],
    ['django_cache_get_total', { backend: 'redis' }, 6],
    ['django_cache_get_hits_total', { backend: 'redis' }, 2],
    ['django_cache_get_misses_total', { backend: 'redis' }, 2],
    ['django_cache_get_fail_total', { backend: 'redis' }, 2],
    ['django_cache_get_hits_total', { backend: 'locmem' }, 1],
    ['django_migrations_applied_total', { connection: 'default' }, 12],
    ['django_migrations_unapplied_total', { connection: 'default' }, 1],
  ])('%s %o', (name, labels, value) => {
    expect(seriesValue(page, name, labels)).toBe(value);
  });

  test('a request for no view is in no series of views', () => {
    const { samples } = page.families.get('django_http_requests_total_by_view_transport_method_total')!;
    expect(samples.map(({ labels }) => labels['view'])).toEqual(['/racks/:id', 'dcim:device', 'dcim:device']);
  });

  test('bounds are printed as Python prints them, in every format', async () => {
    const text = [...negotiate(undefined).render(await registry.snapshot())].join('');
    const bounds = (name: string): string[] =>
      Array.from(text.matchAll(new RegExp(`^${name}_bucket\\{.*le="([^"]+)"\\}`, 'gm')), ([, le]) => le!);
    const latency = bounds('django_http_requests_latency_including_middlewares_seconds');
    expect(latency.map(Number)).toEqual([...DJANGO_LATENCY_BUCKETS, NaN]);
    expect(latency).toEqual(expect.arrayContaining(['0.75', '1.0', '2.5', '10.0', '+Inf']));
    const sizes = bounds('django_http_requests_body_total_bytes');
    expect(sizes.map(Number)).toEqual([...DJANGO_BODY_BUCKETS, NaN]);
    expect(sizes).toEqual(expect.arrayContaining(['0.0', '1.0', '524288.0', '1.048576e+06', '5.36870912e+08']));
    // Our own stay as they are.
    expect(bounds('http_server_request_duration_seconds')).toContain('10');
  });

  test.skipIf(noForeignParsers)('its pages are read by other parsers', async () => {
    const snapshot = await registry.snapshot();
    const render = (accept?: string): string => [...negotiate(accept).render(snapshot)].map(String).join('');
    const text = render();
    const openMetrics = render('application/openmetrics-text;version=1.0.0');
    expectNoDuplicates(text);
    expectNoDuplicates(openMetrics);
    // Two gauges that end in _total, as they do with Django, and its histogram of times whose name
    // goes on after the unit.
    await expectPromtoolAccepts(text.replaceAll(/^(# \w+ )?(django_migrations_|nodejs_).*\n/gm, ''));
    for (const [format, content] of [
      ['text', text],
      ['openmetrics', openMetrics],
    ] as const) {
      const families = (await parseWithPython(content, format)).filter(({ name }) => name.startsWith('django_'));
      expect(families).toHaveLength(34);
    }
    const chunks = negotiate(
      'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited',
    ).render(snapshot);
    // That format has no families without series.
    const counted = djangoNames(page).filter((name) => page.families.get(name)!.samples.length > 0);
    const decoded = decodeProtobuf(chunks).flatMap(({ name }) => (name.startsWith('django_') ? [name] : []));
    expect(decoded).toEqual(counted);
    expect(decoded.length).toBeGreaterThan(25);
    expect(djangoNames(parsePage(openMetrics))).toHaveLength(34);
  });

  test('what has the same labels again is the same object, so that its lines are kept', async () => {
    const seriesOf = async (name: string): Promise<readonly (readonly string[])[]> =>
      (await registry.snapshot()).families.find(({ definition }) => definition.name === name)!.series;
    const name = 'django_http_responses_total_by_status_view_method';
    const first = await seriesOf(name);
    expect(first.length).toBeGreaterThan(3);
    expect(await seriesOf(name)).toBe(first);
  });
});

test('no namespace comes before the names, and the numbers are there all the same', async () => {
  const registry = new Registry();
  const close = await countEverything(registry, 'inventory');
  const page = await scrape(registry);
  await close();
  expect(djangoNames(page)).toHaveLength(34);
  expect(djangoNames(page).filter((name) => !name.startsWith('django_'))).toEqual([]);
  expect(seriesValue(page, 'django_http_requests_total_by_method_total', { method: 'GET' })).toBe(5);
  expect(seriesValue(page, 'django_db_execute_total', { alias: 'default', vendor: 'mysql' })).toBe(8);
  expect(seriesValue(page, 'inventory_http_server_route_info', { route: '/devices/:id', view: 'dcim:device' })).toBe(1);
});

test('without it there is nothing of it, and bounds are our own', async () => {
  const registry = new Registry();
  const metrics = promenade({ registry, enabled: true });
  nameViews({ '/': 'home' }, { registry });
  setMigrations({ registry, applied: 1, unapplied: 0 });
  const page = await scrape(registry);
  await metrics.close();
  expect(djangoNames(page)).toEqual([]);
  expect([...page.families.keys()].filter((name) => /_thrown|_route_info|_error_codes/.test(name))).toEqual([]);
  const { definition } = (await registry.snapshot()).families.find(
    (family) => family.definition.name === 'http_server_request_duration_seconds',
  )!;
  expect(definition.bounds).not.toContain(75);
  expect(definition.bounds).toHaveLength(13);
});

describe('several processes', () => {
  test('are added up, also those that have ended, and whoever is scraped knows the names', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'django-compat-'));
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
    const processes = [0, 1, 2].map(
      () => new Registry({ openStore: () => new MappedStore({ directory, role: 'web' }) }),
    );
    for (const registry of processes.slice(0, 2)) await (await countEverything(registry))();
    processes[1]!.close();
    // The third counts nothing and knows no route: it only shows what is there.
    const page = await scrapeOnly(processes[2]!);
    expect(seriesValue(page, 'django_http_requests_before_middlewares_total')).toBe(12);
    const labels = { view: 'dcim:device', method: 'GET' };
    expect(seriesValue(page, 'django_http_requests_latency_seconds_by_view_method_count', labels)).toBe(4);
    expect(seriesValue(page, 'django_migrations_applied_total', { connection: 'default' })).toBe(12);
    for (const registry of processes) registry.close();
  });

  test('of two names for one route the latest counts', async () => {
    const registry = new Registry();
    const close = await countEverything(registry);
    const labels = { status: '200', method: 'GET' };
    const family = 'django_http_responses_total_by_status_view_method_total';
    expect(seriesValue(await scrape(registry), family, { ...labels, view: 'dcim:device' })).toBe(2);
    nameViews({ '/devices/:id': 'dcim:gear' }, { registry });
    const page = await scrape(registry);
    expect(seriesValue(page, family, { ...labels, view: 'dcim:gear' })).toBe(2);
    expect(seriesValue(page, family, { ...labels, view: 'dcim:device' })).toBeUndefined();
    await close();
  });
});

test('routes that have names in their framework need no other', async () => {
  const registry = new Registry();
  const app = new Koa();
  const metrics = promenadeKoa(app, { registry, enabled: true, compat: 'django' });
  const router = new Router();
  router.get('dcim:device', '/devices/:id', (context) => void (context.body = 'device'));
  router.get('dcim:rack', '/racks/:id', (context) => void (context.body = 'rack'));
  router.get('/sites/:id', (context) => void (context.body = 'site'));
  app.use(router.routes());
  // What the application says goes before.
  nameViews({ '/racks/:id': 'dcim:shelf' }, { registry });
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  for (const path of ['/devices/1', '/racks/1', '/sites/1', '/devices/2', '/nowhere']) {
    await (await fetch(origin + path, { headers: { connection: 'close' } })).text();
  }
  server.close();
  await once(server, 'close');
  await metrics.close();
  const { samples } = (await scrape(registry)).families.get('django_http_responses_total_by_status_view_method_total')!;
  expect(samples.map(({ labels: { view }, value }) => [view, value])).toEqual([
    ['/sites/:id', 1],
    ['dcim:device', 2],
    ['dcim:shelf', 1],
    ['<unnamed view>', 1],
  ]);
});

test('setRoute says a name, too', async () => {
  const registry = new Registry();
  const metrics = promenade({ registry, enabled: true, compat: 'django' });
  const server = serving(metrics);
  const origin = await listening(server);
  await (await fetch(`${origin}/rooms/1`, { headers: { connection: 'close' } })).text();
  await metrics.close();
  server.close();
  await once(server, 'close');
  const labels = { view: 'dcim:room', method: 'GET', transport: 'http' };
  const page = await scrape(registry);
  expect(seriesValue(page, 'django_http_requests_total_by_view_transport_method_total', labels)).toBe(1);
});

async function scrapeOnly(registry: Registry): Promise<ScrapedPage> {
  deriveDjangoFamilies(registry, '');
  return scrape(registry);
}
