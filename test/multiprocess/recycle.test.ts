import { once } from 'node:events';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { environment, kill, startFixture, temporaryDirectory } from './children.ts';
import { readBooks, sumOf } from './books.ts';
import { report, scale } from './drill.ts';
import { readerOf, totalOn, valueOn } from './page.ts';
import type { Registry } from '../../src/core/registry.ts';

const WORKERS = 4;
const STEPS = 300;

/** What a scrape takes: the median of many. */
async function scrapeMs(registry: Registry): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < 31; i++) {
    const start = performance.now();
    await registry.snapshot();
    times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b)[15]!;
}

test('recycled workers leave no more files than there were workers at once', { timeout: 1_800_000 }, async () => {
  const directory = temporaryDirectory();
  const ledger = temporaryDirectory();
  const recycles = scale(24, 1000);
  const registry = readerOf(directory);
  const env = environment(directory);

  let next = 0;
  let startMs = 0;
  const runOneAfterTheOther = async (): Promise<void> => {
    while (next < recycles) {
      const life = next++;
      if (life === 2 * WORKERS) startMs = await scrapeMs(registry);
      // The same four names again and again, as an application's series are; every third is killed,
      // the others end by themselves.
      const killed = life % 3 === 0;
      const child = startFixture(
        'writer.mjs',
        [join(ledger, String(life)), `w${life % WORKERS}`, killed ? '1e9' : String(STEPS)],
        { env },
      );
      if (killed) {
        await once(child, 'message');
        await registry.snapshot();
        await kill(child);
      } else {
        await once(child, 'exit');
      }
    }
  };
  await Promise.all(Array.from({ length: WORKERS }, runOneAfterTheOther));

  const books = Array.from({ length: recycles }, (_, life) => readBooks(join(ledger, String(life))));
  const all = sumOf(books);
  expect(all.done).toBeGreaterThanOrEqual(STEPS * Math.floor((recycles * 2) / 3));
  const page = await registry.snapshot();
  for (const total of [
    valueOn(page, 'drill_steps')!,
    totalOn(page, 'drill_named_steps'),
    totalOn(page, 'drill_own_steps'),
  ]) {
    expect(total).toBeGreaterThanOrEqual(all.done);
    expect(total).toBeLessThanOrEqual(all.begun);
  }

  const files = readdirSync(directory).filter((file) => file.startsWith('worker-'));
  // Never more than four at once, though not always four.
  expect(files.filter((file) => !/^worker-[0-3]\.(names|cells)$/.test(file))).toEqual([]);
  expect(files.length).toBeGreaterThan(2);
  const bytes = (ending: string): number =>
    Math.max(...files.filter((file) => file.endsWith(ending)).map((file) => statSync(join(directory, file)).size));
  // 500 names and a few: some 30 KiB without history, so that it is written anew long before this.
  expect(bytes('.names')).toBeLessThanOrEqual(3 * 65_536);
  expect(bytes('.cells')).toBeLessThanOrEqual(65_536);
  report('recycling', {
    recycles,
    'steps counted': valueOn(page, 'drill_steps')!,
    'in flight, at most': all.begun - all.done,
    files: files.length,
    'largest names, KiB': bytes('.names') / 1024,
    'largest cells, KiB': bytes('.cells') / 1024,
    'scrape at the start, ms': startMs.toFixed(2),
    'scrape at the end, ms': (await scrapeMs(registry)).toFixed(2),
  });
});
