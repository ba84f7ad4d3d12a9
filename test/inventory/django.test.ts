import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { findSeries, scrape, type ScrapedPage } from '../../src/testing.ts';
import { lives, startInventory, startTimeoutMs } from './start-inventory.ts';

function sum(page: ScrapedPage, name: string, labels: Readonly<Record<string, string>> = {}): number {
  return findSeries(page, name, labels).reduce((total, { value }) => total + value, 0);
}

test(
  'METRICS_COMPAT=django: the names that dashboards for NetBox know, from all processes, also one that was killed',
  async () => {
    const inventory = await startInventory({ METRICS_COMPAT: 'django' });
    const [victim] = await inventory.pids(2);
    const asked = ['/api/dcim/sites', '/api/dcim/sites/1', '/api/dcim/sites/1', '/ipam/prefixes', '/nowhere'];
    for (let i = 0; i < 20; i++) {
      const headers = { connection: 'close', 'x-requested-with': 'XMLHttpRequest' };
      await (await fetch(inventory.origin + asked[i % asked.length], { headers })).text();
    }
    const site = { name: 'Django', slug: 'django', status: 'active' };
    expect((await inventory.api('POST', '/api/dcim/sites', site)).status).toBe(201);
    process.kill(victim!, 'SIGKILL');
    while (lives(victim!)) await sleep(10);

    const page = await scrape(`${inventory.origin}/metrics`);
    await inventory.stop();
    expect(sum(page, 'django_http_ajax_requests_total')).toBe(20);
    const bySite = { view: '/api/dcim/sites/:id', method: 'GET' };
    expect(sum(page, 'django_http_requests_latency_seconds_by_view_method_count', bySite)).toBe(8);
    expect(sum(page, 'django_http_responses_total_by_status_view_method_total', { view: '<unnamed view>' })).toBe(4);
    // The same page, so that nothing comes between.
    for (const [django, own] of [
      ['django_http_requests_before_middlewares_total', 'http_server_requests_total'],
      ['django_http_responses_total_by_status_total', 'http_server_responses_total'],
      [
        'django_http_requests_latency_including_middlewares_seconds_count',
        'http_server_request_duration_seconds_count',
      ],
      ['django_http_responses_body_total_bytes_sum', 'http_server_response_body_size_bytes_sum'],
      ['django_model_inserts_total', 'model_inserts_total'],
    ] as const) {
      expect({ [django]: sum(page, django) }).toEqual({ [django]: sum(page, own) });
      expect(sum(page, django)).toBeGreaterThan(0);
    }
    // Beginnings and ends of transactions are no statements with Django.
    const statements =
      sum(page, 'db_client_executions_total') - sum(page, 'db_client_executions_total', { operation: 'transaction' });
    expect(sum(page, 'django_db_execute_total')).toBe(statements);
    expect(statements).toBeGreaterThan(0);
  },
  startTimeoutMs,
);
