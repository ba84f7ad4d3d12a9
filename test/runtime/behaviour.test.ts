import { closeSync, openSync, readFile } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { Gauge, Registry } from '../../src/index.ts';
import { collectRuntimeMetrics, setBuildInfo } from '../../src/runtime.ts';
import { expectSeries, findSeries, scrape, type ScrapedPage, seriesValue } from '../../src/testing.ts';

const registry = new Registry();
afterAll(collectRuntimeMetrics({ registry }));

function valueOf(page: ScrapedPage, name: string, labels: Readonly<Record<string, string>> = {}): number {
  return seriesValue(page, name, labels) ?? 0;
}

/** Blocks for so long, and until it has had so much of a processor, which may be busy otherwise. */
function burn(ms: number, cpuMs: number): void {
  const end = performance.now() + ms;
  const before = process.cpuUsage();
  const used = (): number => {
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  };
  while (performance.now() < end || used() < cpuMs);
}

test('memory that is taken shows', async () => {
  const before = await scrape(registry);
  const kept = { outside: Buffer.alloc(64 << 20, 1), inside: Array.from({ length: 1 << 20 }, (_, i) => ({ i })) };
  const after = await scrape(registry);
  const grown = (name: string): number => valueOf(after, name) - valueOf(before, name);
  expect(grown('process_resident_memory_bytes')).toBeGreaterThan(50 << 20);
  expect(grown('nodejs_external_memory_bytes')).toBeGreaterThan(50 << 20);
  expect(grown('nodejs_heap_size_used_bytes')).toBeGreaterThan(10 << 20);
  const spaces = findSeries(after, 'nodejs_heap_space_size_used_bytes');
  const sum = spaces.reduce((total, { value }) => total + value, 0);
  expect(sum / valueOf(after, 'nodejs_heap_size_used_bytes')).toBeCloseTo(1, 1);
  expect(kept.inside.length + kept.outside.length).toBeGreaterThan(0);
});

test('file descriptors that are open show', async () => {
  const before = valueOf(await scrape(registry), 'process_open_fds');
  const fds = Array.from({ length: 50 }, () => openSync('/dev/null', 'r'));
  const open = valueOf(await scrape(registry), 'process_open_fds');
  fds.forEach(closeSync);
  const after = valueOf(await scrape(registry), 'process_open_fds');
  expect(open - before).toBe(50);
  expect(after).toBe(before);
});

test('a blocked event loop shows: in the lag, in the time it was active, and in the CPU time', async () => {
  // Lag is measured every 100 ms: the timer is running before the block and fires after it, some
  // time after, where others have the processor.
  await vi.waitFor(
    async () => expect(valueOf(await scrape(registry), 'nodejs_eventloop_lag_min_seconds')).toBeLessThan(0.09),
    { timeout: 30_000, interval: 150 },
  );
  const before = await scrape(registry);
  burn(300, 150);
  let after = before;
  const grown = (name: string, labels?: Readonly<Record<string, string>>): number =>
    valueOf(after, name, labels) - valueOf(before, name, labels);
  await vi.waitFor(
    async () => {
      after = await scrape(registry);
      expect(valueOf(after, 'nodejs_eventloop_lag_max_seconds')).toBeGreaterThan(0.19);
      expect(valueOf(after, 'nodejs_eventloop_lag_p99_seconds')).toBeGreaterThan(0.09);
      expect(valueOf(after, 'nodejs_eventloop_lag_min_seconds')).toBeLessThan(0.09);
      expect(grown('nodejs_eventloop_time_seconds_total', { state: 'active' })).toBeGreaterThan(0.29);
      expect(grown('nodejs_eventloop_time_seconds_total', { state: 'idle' })).toBeGreaterThan(0.05);
    },
    { timeout: 30_000, interval: 150 },
  );
  const busy = valueOf(after, 'nodejs_eventloop_utilization_ratio');
  expect(busy).toBeGreaterThan(0);
  expect(busy).toBeLessThan(1);

  const [user, system, both] = ['user_', 'system_', ''].map((kind) => grown(`process_cpu_${kind}seconds_total`)) as [
    number,
    number,
    number,
  ];
  expect(both).toBeGreaterThan(0.1);
  expect(both).toBeCloseTo(user + system, 6);
});

test('the CPU time is that since the process began', async () => {
  const { user, system } = process.cpuUsage();
  const counted = valueOf(await scrape(registry), 'process_cpu_seconds_total');
  expect(counted).toBeGreaterThanOrEqual((user + system) / 1e6 - 0.001);
  expect(counted).toBeLessThan(process.uptime() * 64);
});

describe('what keeps the event loop alive', () => {
  test('a handle, by its type, and 0 once it is gone', async () => {
    const before = await scrape(registry);
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const open = await scrape(registry);
    await new Promise((resolve) => server.close(resolve));
    // The handle goes a turn after the server has told.
    await sleep(10);
    const after = await scrape(registry);
    const servers = [before, open, after].map((page) => [
      valueOf(page, 'nodejs_active_handles', { type: 'Server' }),
      valueOf(page, 'nodejs_active_resources', { type: 'TCPServerWrap' }),
    ]);
    expect(servers[1]).toEqual(servers[0]!.map((count) => count + 1));
    expect(servers[2]).toEqual(servers[0]);
    expectSeries(after, 'nodejs_active_handles', { type: 'Server' });
  });

  test('a request, by its type; a timer, which is neither', async () => {
    const timer = setTimeout(() => {}, 60_000);
    const read = new Promise((resolve) => readFile('/dev/null', resolve));
    const page = await scrape(registry);
    clearTimeout(timer);
    await read;
    expect(valueOf(page, 'nodejs_active_requests', { type: 'FSReqCallback' })).toBe(1);
    expect(valueOf(page, 'nodejs_active_requests_all_types')).toBeGreaterThanOrEqual(1);
    expect(valueOf(page, 'nodejs_active_resources', { type: 'Timeout' })).toBeGreaterThanOrEqual(1);
    for (const kind of ['handles', 'requests'])
      expect(findSeries(page, `nodejs_active_${kind}`, { type: 'Timeout' })).toEqual([]);
    const totals = ['resources', 'handles', 'requests'].map((kind) => {
      const total = valueOf(page, `nodejs_active_${kind}_all_types`);
      expect(findSeries(page, `nodejs_active_${kind}`).reduce((sum, { value }) => sum + value, 0)).toBe(total);
      return total;
    }) as [number, number, number];
    expect(totals[1] + totals[2]).toBeLessThan(totals[0]);
  });
});

describe('a registry has the families once', () => {
  test('whoever calls again joins in', async () => {
    const own = new Registry();
    const stops = [collectRuntimeMetrics({ registry: own }), collectRuntimeMetrics({ registry: own, prefix: 'x_' })];
    const page = await scrape(own);
    expect([...page.families.keys()].filter((name) => name.startsWith('x_'))).toEqual([]);
    const listeners = process.listenerCount('exit');
    for (const stop of [...stops, ...stops]) stop();
    // The registry of this file is still at work.
    expect(process.listenerCount('exit')).toBe(listeners);
    expect((await scrape(own)).families.size).toBe(page.families.size);
  });

  test('and a name that is taken is said at once', () => {
    const own = new Registry();
    new Gauge({ name: 'process_open_fds', help: 'Mine.', registry: own });
    expect(() => collectRuntimeMetrics({ registry: own })).toThrow(
      expect.objectContaining({ code: 'ERR_METRICS_DUPLICATE_NAME' }),
    );
  });
});

test('build_info', async () => {
  const own = new Registry();
  setBuildInfo({ version: '1.0.0', registry: own });
  setBuildInfo({ version: '1.0.1', revision: 'abc', registry: own });
  const found = findSeries(await scrape(own), 'build_info');
  expect(found).toEqual([
    { name: 'build_info', labels: { version: '1.0.1', revision: 'abc', node: process.version }, value: 1 },
  ]);
});
