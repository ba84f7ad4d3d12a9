import * as promClient from 'prom-client';
import { describe, expect, test } from 'vitest';
import { Registry } from '../../src/index.ts';
import { collectRuntimeMetrics } from '../../src/runtime.ts';
import { findSeries, type ScrapedFamily, scrape, seriesValue } from '../../src/testing.ts';

/** What a family is, whatever its numbers. */
function shapeOf({ name, type, samples }: ScrapedFamily): unknown {
  const labels = new Set(samples.flatMap((sample) => Object.keys(sample.labels)));
  return { name, type, labels: [...labels].sort() };
}

/** How both are asked. */
interface Options {
  readonly prefix?: string;
  readonly labels?: Record<string, string>;
}

/** The page of prom-client's default metrics, with a garbage collection on it. */
async function theirPage(options: Options = {}): Promise<string> {
  const register = new promClient.Registry();
  promClient.collectDefaultMetrics({ register, ...options });
  const gc = register.getSingleMetric(`${options.prefix ?? ''}nodejs_gc_duration_seconds`) as promClient.Histogram;
  gc.observe({ kind: 'major', ...options.labels }, 0.01);
  return register.metrics();
}

describe("prom-client's default metrics", () => {
  test('each is on our page, with its type and labels', async () => {
    const theirs = [...(await scrape(await theirPage())).families.values()].map(shapeOf);
    expect(theirs.length).toBeGreaterThanOrEqual(28);
    const registry = new Registry();
    const stop = collectRuntimeMetrics({ registry, promClientNames: true });
    const ours = [...(await scrape(registry)).families.values()].map(shapeOf);
    stop();
    // Requests by type: there may be none under way when the page is read.
    const withoutTypes = (shapes: unknown[]): unknown[] =>
      shapes.map((shape) =>
        JSON.parse(JSON.stringify(shape).replace(/("nodejs_active_requests".*)\["type"\]/, '$1[]')),
      );
    expect(withoutTypes(ours)).toEqual(expect.arrayContaining(withoutTypes(theirs)));
  });

  test('a prefix and labels are put where they put them', async () => {
    const options = { prefix: 'my_', labels: { app: 'shop', zone: 'b' } };
    const theirs = await scrape(await theirPage(options));
    const registry = new Registry();
    const stop = collectRuntimeMetrics({ registry, promClientNames: true, ...options });
    const ours = await scrape(registry);
    stop();
    expect([...ours.families.keys()]).toEqual(expect.arrayContaining([...theirs.families.keys()]));
    const samples = [...ours.families.values()].flatMap((family) => family.samples);
    expect(samples.length).toBeGreaterThan(60);
    expect(samples.filter(({ labels }) => labels.app !== 'shop' || labels.zone !== 'b')).toEqual([]);
  });

  test('the numbers agree where both read the same thing', async () => {
    const registry = new Registry();
    const stop = collectRuntimeMetrics({ registry, promClientNames: true });
    const [ours, theirs] = [await scrape(registry), await scrape(await theirPage())];
    stop();
    for (const [name, atMost] of [
      ['process_resident_memory_bytes', 1.2],
      ['process_virtual_memory_bytes', 1.2],
      ['process_heap_bytes', 1.2],
      ['process_start_time_seconds', 1 + 1e-9],
      ['process_max_fds', 1],
      ['process_open_fds', 1],
      // A collection may come in between.
      ['nodejs_heap_size_total_bytes', 3],
      ['nodejs_heap_size_used_bytes', 3],
      ['nodejs_external_memory_bytes', 3],
      ['nodejs_active_handles_total', 1],
    ] as const) {
      const ratio = seriesValue(ours, name)! / seriesValue(theirs, name)!;
      expect({ name, ratio: Math.max(ratio, 1 / ratio) <= atMost || ratio }).toEqual({ name, ratio: true });
    }
    const spaces = (page: typeof ours): unknown =>
      new Set(findSeries(page, 'nodejs_heap_space_size_total_bytes').map(({ labels }) => labels.space));
    expect(spaces(ours)).toEqual(spaces(theirs));
    const version = (page: typeof ours): unknown => page.families.get('nodejs_version_info')!.samples;
    expect(version(ours)).toEqual(version(theirs));
  });
});
