import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { type Inventory, lives, password, runToEnd, startInventory, token } from './start-inventory.ts';

/** The samples of one family, by their labels as they are printed. */
async function scrape(inventory: Inventory, family: string): Promise<Map<string, number>> {
  const answer = await fetch(`${inventory.origin}/metrics`);
  expect(answer.status).toBe(200);
  const samples = (await answer.text()).matchAll(/^([a-z_]+)\{(.*)\} (\S+)$/gm);
  return new Map([...samples].filter((match) => match[1] === family).map((match) => [match[2]!, Number(match[3])]));
}

async function visit(inventory: Inventory, path: string, times: number): Promise<void> {
  for (let time = 0; time < times; time++) {
    await (await fetch(inventory.origin + path, { headers: { connection: 'close' } })).text();
  }
}

describe('the metrics page', () => {
  it('counts by route pattern, exactly over all processes and over a kill', async () => {
    const inventory = await startInventory();
    const [victim] = await inventory.pids(2);
    for (let id = 1; id <= 20; id++) await visit(inventory, `/api/dcim/sites/${id}`, 1);
    for (let id = 1; id <= 10; id++) await visit(inventory, `/ipam/prefixes/${id}`, 1);
    for (let number = 1; number <= 30; number++) await visit(inventory, `/wp-admin/${number}.php`, 1);
    const before = await scrape(inventory, 'http_server_requests_total');
    expect(before.get('method="GET",route="/api/dcim/sites/:id",scheme="http"')).toBe(20);
    expect(before.get('method="GET",route="/ipam/prefixes/:id",scheme="http"')).toBe(10);
    expect([...before.values()].filter((value) => value === 30)).toHaveLength(1);
    expect([...before.keys()].join('\n')).not.toContain('wp-admin');

    process.kill(victim!, 'SIGKILL');
    while (lives(victim!)) await sleep(10);
    await visit(inventory, '/api/dcim/sites/1', 5);
    const after = await scrape(inventory, 'http_server_requests_total');
    expect(after.get('method="GET",route="/api/dcim/sites/:id",scheme="http"')).toBe(25);
    await inventory.stop();
  });

  it('tells the web processes apart by their role', async () => {
    const inventory = await startInventory();
    const started = await scrape(inventory, 'process_start_time_seconds');
    expect([...started.keys()]).toEqual(['process="web-0"', 'process="web-1"']);
    await inventory.stop();
  });

  it('is not there when METRICS_ENABLED is false', async () => {
    const inventory = await startInventory({ METRICS_ENABLED: 'false' });
    expect(inventory.output()).toContain('Metrics    off');
    const answer = await fetch(`${inventory.origin}/metrics`);
    expect(answer.status).toBe(404);
    expect(await answer.text()).toContain('Not found.');
    await inventory.stop();
  });

  it('asks for a session or a token when METRICS_AUTHENTICATION is true, at any path', async () => {
    const env = { METRICS_AUTHENTICATION: 'true', METRICS_TOKENS: 'scraper', METRICS_PATH: '/internal/metrics' };
    const inventory = await startInventory(env);
    expect(inventory.output()).toContain(`${inventory.origin}/internal/metrics`);
    const status = async (headers: Record<string, string>): Promise<number> =>
      (await fetch(`${inventory.origin}/internal/metrics`, { headers })).status;
    const form = new URLSearchParams({ username: 'admin', password });
    const login = await fetch(`${inventory.origin}/login`, { method: 'POST', redirect: 'manual', body: form });
    const cookie = login.headers.getSetCookie()[0]!.split(';', 1)[0]!;

    expect(await status({})).toBe(401);
    expect(await status({ authorization: 'Token wrong' })).toBe(401);
    expect(await status({ cookie: cookie.slice(0, -1) })).toBe(401);
    expect(await status({ authorization: 'Token scraper' })).toBe(200);
    expect(await status({ authorization: `Bearer ${token}` })).toBe(200);
    for (let time = 0; time < 4; time++) expect(await status({ cookie, connection: 'close' })).toBe(200);
    await inventory.stop();
  });

  it('says once what is wrong with a setting, and does not start', async () => {
    for (const env of [{ METRICS_PATH: 'metrics' }, { METRICS_ENABLED: 'maybe' }, { METRICS_PORT: '0' }]) {
      const { code, output } = await runToEnd(env);
      expect(code).toBe(1);
      const [name] = Object.keys(env);
      expect(output.split('\n').filter((line) => line.includes(name!))).toHaveLength(1);
      expect(output).not.toMatch(/\n +at /);
    }
  });
});

it('has something of everything to show with --demo, and leaves nothing behind', async () => {
  const inventory = await startInventory({}, ['--demo']);
  const wanted = ['200', '201', '204', '303', '400', '401', '404', '409', '499'];
  const statuses = async (): Promise<Set<string | undefined>> => {
    const responses = await scrape(inventory, 'http_server_responses_total');
    return new Set([...responses.keys()].map((labels) => /status="(\d+)"/.exec(labels)?.[1]));
  };
  let missing = wanted;
  while (missing.length > 0) {
    await sleep(200);
    const seen = await statuses();
    missing = wanted.filter((status) => !seen.has(status));
  }
  const { count } = (await inventory.api('GET', '/api/dcim/devices')).json;
  expect(count).toBeLessThanOrEqual(1_330 + 4);
  inventory.primary.kill('SIGTERM');
  await inventory.stop();
  expect(inventory.primary.exitCode).toBe(0);
}, 60_000);
