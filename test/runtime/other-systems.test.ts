import { readdirSync, type Stats } from 'node:fs';
import { afterEach, expect, test, vi } from 'vitest';
import { Registry } from '../../src/index.ts';
import { collectRuntimeMetrics } from '../../src/runtime.ts';
import { scrape, type ScrapedPage, seriesValue } from '../../src/testing.ts';

const system = vi.hoisted(() => ({ hasProc: true, tellsSize: true }));
vi.mock('node:fs', async (original) => {
  const fs = await original<typeof import('node:fs')>();
  const refuse = (path: string): void => {
    if (!system.hasProc && path.startsWith('/proc'))
      throw new Error(`ENOENT: no such file or directory, open '${path}'`);
  };
  return {
    ...fs,
    openSync: (path: string, flags: string) => (refuse(path), fs.openSync(path, flags)),
    readdirSync: (path: string) => (refuse(path), fs.readdirSync(path)),
    statSync: (path: string): Stats => {
      refuse(path);
      const stats = fs.statSync(path);
      return system.tellsSize ? stats : Object.assign(stats, { size: 0 });
    },
  };
});
afterEach(() => Object.assign(system, { hasProc: true, tellsSize: true }));

async function page(): Promise<ScrapedPage> {
  const registry = new Registry();
  const stop = collectRuntimeMetrics({ registry });
  const scraped = await scrape(registry);
  stop();
  return scraped;
}

test('without /proc what it alone tells is left out, as prom-client does', async () => {
  const linux = await page();
  system.hasProc = false;
  const other = await page();
  const missing = [...linux.families.keys()].filter((name) => !other.families.has(name));
  expect(missing.sort()).toEqual([
    'process_heap_bytes',
    'process_max_fds',
    'process_open_fds',
    'process_virtual_memory_bytes',
  ]);
  const [there, here] = [other, linux].map((one) => seriesValue(one, 'process_resident_memory_bytes')!) as [
    number,
    number,
  ];
  expect(there / here).toBeGreaterThan(0.5);
  expect(there / here).toBeLessThan(2);
});

test('before Linux 6.2 file descriptors are listed', async () => {
  system.tellsSize = false;
  // Beside those that are open there is the one that the list is read through.
  expect(seriesValue(await page(), 'process_open_fds')).toBe(readdirSync('/proc/self/fd').length - 1);
});
