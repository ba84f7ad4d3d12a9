import { describe, expect, it, vi } from 'vitest';
import { findSeries, scrape, type ScrapedPage, seriesValue } from '../../src/testing.ts';
import { eventually } from '../apps/subject.ts';
import { type Inventory, password, startInventory, token } from './start-inventory.ts';

/** The page, once everything that is due has been collected. */
async function pageWith(
  inventory: Inventory,
  families: readonly string[],
  settled: (page: ScrapedPage) => void = () => {},
): Promise<ScrapedPage> {
  let page!: ScrapedPage;
  await vi.waitFor(
    async () => {
      page = await scrape(`${inventory.origin}/metrics`, { headers: { connection: 'close' } });
      expect(families.filter((family) => !page.families.has(family))).toEqual([]);
      settled(page);
    },
    { timeout: 90_000, interval: 100 },
  );
  return page;
}

const ours = ['dcim_objects', 'ipam_objects', 'extras_jobs'];
const capacity = ['capacity_objects', 'capacity_prefix_utilisation_ratio', 'capacity_prefix_used_addresses'];

describe('the apps of inventory', () => {
  it('tell what there is, the same from all processes', { timeout: 150_000 }, async () => {
    const inventory = await startInventory();
    const job = (await inventory.api('POST', '/api/extras/jobs', { name: 'report' })).json;
    await eventually(async () => {
      expect((await inventory.api('GET', `/api/extras/jobs/${job.id}`)).json.status).toBe('succeeded');
    });
    // What collectors gave before the job was done is shown until they are due again.
    const page = await pageWith(inventory, [...ours, ...capacity, 'capacity_job_results'], (shown) => {
      expect(seriesValue(shown, 'extras_jobs', { status: 'succeeded' })).toBe(1);
      expect(seriesValue(shown, 'capacity_job_results', { job_name: 'report', result: 'succeeded' })).toBe(1);
    });
    const count = async (path: string): Promise<number> => (await inventory.api('GET', path)).json.count;

    expect(seriesValue(page, 'capacity_objects', { model: 'dcim.device' })).toBe(await count('/api/dcim/devices'));
    expect(seriesValue(page, 'capacity_objects', { model: 'ipam.address' })).toBe(await count('/api/ipam/addresses'));
    expect(findSeries(page, 'capacity_objects')).toHaveLength(5);
    expect(seriesValue(page, 'dcim_objects', { model: 'device', status: 'planned' })).toBe(
      await count('/api/dcim/devices?status=planned'),
    );
    const sites = findSeries(page, 'dcim_objects', { model: 'site' }).reduce((sum, { value }) => sum + value, 0);
    expect(sites).toBe(await count('/api/dcim/sites'));
    const ratios = findSeries(page, 'capacity_prefix_utilisation_ratio');
    expect(ratios.length).toBeGreaterThan(20);
    expect(ratios.filter(({ value }) => !(value >= 0 && value <= 1))).toEqual([]);
    expect(seriesValue(page, 'extras_jobs', { status: 'failed' })).toBe(0);
    expect(seriesValue(page, 'extras_jobs', { status: 'succeeded' })).toBe(1);
    expect(seriesValue(page, 'capacity_job_results', { job_name: 'report', result: 'succeeded' })).toBe(1);
    for (const app of ['dcim', 'ipam', 'extras', 'capacity']) {
      expect(seriesValue(page, 'app_enabled', { app })).toBe(1);
    }
    const errors = findSeries(page, 'app_collector_errors_total');
    expect(errors.map(({ value }) => value)).toEqual([0, 0, 0, 0, 0, 0]);
    for (let i = 0; i < 4; i++) {
      const other = await scrape(`${inventory.origin}/metrics`, { headers: { connection: 'close' } });
      expect(findSeries(other, 'capacity_objects')).toEqual(findSeries(page, 'capacity_objects'));
    }
    await inventory.stop();
  });

  it('are left out one by one', async () => {
    const inventory = await startInventory({ METRICS_DISABLED_APPS: 'capacity, dcim, nobody' });
    const page = await pageWith(inventory, ['ipam_objects', 'extras_jobs']);
    expect([...page.families.keys()].filter((name) => /^(capacity|dcim)_/.test(name))).toEqual([]);
    expect(findSeries(page, 'app_enabled').map(({ labels, value }) => [labels['app'], value])).toEqual([
      ['capacity', 0],
      ['dcim', 0],
      ['extras', 1],
      ['ipam', 1],
    ]);
    expect(findSeries(page, 'app_collector_duration_seconds_count', { app: 'capacity' })).toEqual([]);
    await eventually(async () => {
      expect(inventory.output()).toContain('METRICS_DISABLED_APPS names "nobody", which no app is called');
    });
    expect(inventory.output()).toContain('there are capacity, dcim, extras, ipam.');
    // No guest has a password here.
    const body = new URLSearchParams({ username: 'guest', password: '' });
    expect((await fetch(`${inventory.origin}/login`, { method: 'POST', redirect: 'manual', body })).status).toBe(401);
    await inventory.stop();
  });
});

it('lets those read the metrics who may: by session, by token', async () => {
  const env = { METRICS_AUTHENTICATION: 'true', INVENTORY_GUEST_PASSWORD: 'guest-password' };
  const inventory = await startInventory(env);
  const { origin } = inventory;
  const logIn = async (username: string, secret: string): Promise<Response> => {
    const body = new URLSearchParams({ username, password: secret });
    return fetch(`${origin}/login`, { method: 'POST', redirect: 'manual', body });
  };
  const cookieOf = (answer: Response): string => answer.headers.getSetCookie()[0]!.split(';', 1)[0]!;
  const status = async (headers: Record<string, string>, path = '/metrics'): Promise<number> =>
    (await fetch(origin + path, { headers: { ...headers, connection: 'close' }, redirect: 'manual' })).status;

  const admin = cookieOf(await logIn('admin', password));
  const guest = cookieOf(await logIn('guest', 'guest-password'));
  for (const [name, secret] of [
    ['guest', password],
    ['admin', 'guest-password'],
    ['nobody', password],
    ['constructor', password],
    ['', ''],
  ] as const) {
    expect((await logIn(name, secret)).status).toBe(401);
  }
  for (let time = 0; time < 4; time++) {
    expect(await status({})).toBe(401);
    expect(await status({ cookie: admin })).toBe(200);
    expect(await status({ cookie: guest })).toBe(403);
    expect(await status({ cookie: admin.slice(0, -1) })).toBe(401);
    expect(await status({ authorization: `Token ${token}` })).toBe(200);
    expect(await status({ authorization: `Token ${token}`, cookie: guest })).toBe(200);
    expect(await status({ authorization: 'Token wrong', cookie: guest })).toBe(403);
    expect(await status({ authorization: `Basic ${btoa(`prometheus:${token}`)}` })).toBe(200);
  }
  // A guest sees pages, and may change nothing.
  expect(await status({ cookie: guest }, '/dcim/sites')).toBe(200);
  expect(await status({ cookie: guest }, '/dcim/sites/add')).toBe(403);
  expect(await status({ cookie: admin }, '/dcim/sites/add')).toBe(200);
  expect(await status({}, '/dcim/sites/add')).toBe(303);
  await inventory.stop();
});
