import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findSeries, parsePage, type ScrapedPage, seriesValue } from '../../src/testing.ts';
import { postgres, redis, type TestDatabase } from '../support/servers.ts';
import { type Inventory, lives, startInventory, startTimeoutMs } from './start-inventory.ts';

/** A database of Redis that nothing else here uses. */
const redisDatabase = 14;
const [postgresServer, redisServer] = await Promise.all([postgres(), redis()]);
const redisUrl = new URL(`/${redisDatabase}`, redisServer.url).href;

/**
 * What a page has to show of an application at work: what NetBox's and Nautobot's documents
 * promise, and the jobs, each with a label of one of its series.
 */
const families: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  http_server_requests_total: { route: '/api/dcim/sites/:id', method: 'GET' },
  http_server_request_duration_seconds: { route: '/dcim/sites', status: '200' },
  http_server_handler_duration_seconds: { route: '/dcim/sites' },
  http_server_middleware_duration_seconds: {},
  http_server_active_requests: { method: 'GET' },
  http_server_request_body_size_bytes: { method: 'POST' },
  http_server_response_body_size_bytes: { route: '/dcim/sites' },
  http_server_responses_total: { status: '404', route: '<unmatched>' },
  http_server_aborted_requests_total: { route: '/extras/slow' },
  http_server_rendered_templates_total: {},
  http_server_open_connections: {},
  http_server_connections_total: {},
  model_inserts_total: { model: 'site' },
  model_updates_total: { model: 'site' },
  model_deletes_total: { model: 'site' },
  db_client_connections_created_total: { db: 'default', system: 'postgresql' },
  db_client_connections: { state: 'idle' },
  db_client_connections_max: {},
  db_client_pending_requests: {},
  db_client_connection_wait_seconds: {},
  db_client_executions_total: { operation: 'select' },
  db_client_operation_duration_seconds: { operation: 'insert' },
  db_client_returned_rows: { operation: 'select' },
  db_client_errors_total: { type: '23' },
  db_client_transactions_total: { outcome: 'committed' },
  cache_gets_total: { result: 'hit' },
  cache_sets_total: { backend: 'redis' },
  cache_invalidations_total: { reason: 'delete' },
  cache_operation_duration_seconds: { operation: 'get' },
  job_enqueued_total: { queue: 'inventory', job_name: 'report' },
  job_started_total: { job_name: 'report' },
  job_finished_total: { job_name: 'report', outcome: 'succeeded' },
  job_duration_seconds: { job_name: 'report' },
  job_wait_seconds: { job_name: 'report' },
  job_running: { job_name: 'report' },
  job_queue_size: { state: 'waiting' },
  job_workers: { queue: 'inventory' },
  job_last_success_timestamp_seconds: { job_name: 'report' },
  app_collector_duration_seconds: { app: 'capacity' },
  app_collector_errors_total: { app: 'capacity' },
  app_collector_last_success_timestamp_seconds: { app: 'capacity' },
  capacity_objects: { model: 'dcim.device' },
  process_cpu_seconds_total: {},
  process_resident_memory_bytes: {},
  nodejs_eventloop_lag_seconds: {},
  nodejs_heap_size_used_bytes: {},
  nodejs_gc_duration_seconds: {},
  metrics_processes: { role: 'worker' },
  metrics_series: { family: 'job_started_total' },
  metrics_scrapes_total: { code: '200' },
  metrics_store_bytes: {},
};

describe.skipIf(postgresServer.missing || redisServer.missing)('two web processes, a worker and a command', () => {
  const directory = mkdtempSync(join(tmpdir(), 'inventory-metrics-'));
  let database: TestDatabase;
  let inventory: Inventory;

  async function forget(): Promise<void> {
    const client = new Redis(redisUrl);
    const keys = [...(await client.keys('bull:inventory:*')), ...(await client.keys('inventory:cache:*'))];
    if (keys.length > 0) await client.del(...keys);
    client.disconnect();
  }

  beforeAll(async () => {
    await forget();
    database = await postgresServer.createDatabase();
    inventory = await startInventory({
      DATABASE_URL: database.url,
      REDIS_URL: redisUrl,
      PROMETHEUS_MULTIPROC_DIR: directory,
    });
  }, startTimeoutMs);

  afterAll(async () => {
    await inventory?.stop();
    await database?.drop();
    await forget();
    rmSync(directory, { recursive: true, force: true });
  }, startTimeoutMs);

  async function page(): Promise<ScrapedPage> {
    const answer = await fetch(`${inventory.origin}/metrics`, {
      headers: { connection: 'close' },
      signal: AbortSignal.timeout(10_000),
    });
    expect(answer.status).toBe(200);
    return parsePage(await answer.text());
  }

  async function ended(id: number): Promise<string> {
    for (;;) {
      const { status } = (await inventory.api('GET', `/api/extras/jobs/${id}`)).json;
      if (status === 'succeeded' || status === 'failed') return status;
      await sleep(50);
    }
  }

  function lacking(seen: ScrapedPage): string[] {
    return Object.entries(families)
      .filter(([family, labels]) => {
        const name = seen.families.get(family)?.type === 'histogram' ? `${family}_count` : family;
        return findSeries(seen, name, labels).length === 0;
      })
      .map(([family]) => family);
  }

  test('show every family, whichever process answers', { timeout: 120_000 }, async () => {
    const visit = async (path: string): Promise<void> =>
      void (await (await fetch(inventory.origin + path, { headers: { connection: 'close' } })).text());
    for (const path of ['/', '/', '/', '/dcim/sites', '/api/dcim/sites/1', '/nothing/here']) await visit(path);
    const made = await inventory.api('POST', '/api/dcim/sites', { name: 'Whole' });
    expect((await inventory.api('POST', '/api/dcim/sites', { name: 'Whole' })).status).toBe(409);
    const path = new URL(made.json.url).pathname;
    await inventory.api('PATCH', path, { status: 'planned' });
    await inventory.api('DELETE', path);
    await expect(
      fetch(`${inventory.origin}/extras/slow?ms=2000`, { signal: AbortSignal.timeout(200) }),
    ).rejects.toThrow(/timeout/);
    const job = (await inventory.api('POST', '/api/extras/jobs', { name: 'report' })).json;
    expect(await ended(job.id)).toBe('succeeded');

    // A command that lives for two seconds, in the same directory.
    await new Promise<void>((resolve, reject) => {
      const env = {
        ...process.env,
        DATABASE_URL: database.url,
        PROMETHEUS_MULTIPROC_DIR: directory,
        METRICS_ENABLED: 'true',
        METRICS_ROLE: 'command',
      };
      execFile(process.execPath, ['inventory/dist/main.js', 'run', 'report'], { env }, (error) =>
        error ? reject(error) : resolve(),
      );
    });

    await expect.poll(async () => lacking(await page()), { timeout: 60_000, interval: 500 }).toEqual([]);
    const pids = new Set<number>();
    while (pids.size < 2) {
      const status = await fetch(`${inventory.origin}/api/status`, { headers: { connection: 'close' } });
      pids.add(((await status.json()) as { pid: number }).pid);
      const seen = await page();
      expect(lacking(seen)).toEqual([]);
      expect(
        seriesValue(seen, 'job_finished_total', { queue: 'command', job_name: 'report', outcome: 'succeeded' }),
      ).toBe(1);
      expect(seriesValue(seen, 'job_started_total', { queue: 'inventory', job_name: 'report' })).toBe(1);
    }
    const roles = findSeries(await page(), 'metrics_processes').map(({ labels, value }) => [labels['role'], value]);
    expect(Object.fromEntries(roles)).toMatchObject({ web: 2, worker: 1 });
  });

  test(
    'lose no count when the worker is killed in the middle of a job, which ends once',
    { timeout: 180_000 },
    async () => {
      const before = await page();
      const count = (seen: ScrapedPage, family: string, outcome?: string): number =>
        findSeries(seen, family, { queue: 'inventory', ...(outcome && { outcome }) }).reduce(
          (sum, { value }) => sum + value,
          0,
        );
      const job = (await inventory.api('POST', '/api/extras/jobs', { name: 'report' })).json;
      let pid: number | null = null;
      while (pid === null) {
        await sleep(20);
        ({ pid } = (await inventory.api('GET', `/api/extras/jobs/${job.id}`)).json);
      }
      process.kill(pid, 'SIGKILL');
      while (lives(pid)) await sleep(10);
      expect(await ended(job.id)).toBe('succeeded');
      const difference = async (): Promise<Record<string, number>> => {
        const now = await page();
        const of = (family: string, outcome?: string): number =>
          count(now, family, outcome) - count(before, family, outcome);
        return {
          enqueued: of('job_enqueued_total'),
          started: of('job_started_total'),
          succeeded: of('job_finished_total', 'succeeded'),
          lost: of('job_finished_total', 'stalled') + of('job_finished_total', 'failed'),
          finished: of('job_finished_total'),
          running: count(now, 'job_running'),
        };
      };
      const once = { enqueued: 1, started: 2, succeeded: 1, lost: 1, finished: 2, running: 0 };
      await expect.poll(difference, { timeout: 60_000, interval: 500 }).toEqual(once);
      // Nor does anything come later.
      await sleep(8_000);
      expect(await difference()).toEqual(once);
    },
  );
});
