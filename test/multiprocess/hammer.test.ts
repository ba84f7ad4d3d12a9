import { once } from 'node:events';
import { expect, test } from 'vitest';
import { environment, kill, startFixture, temporaryDirectory } from './children.ts';
import { report, scale } from './drill.ts';
import { countOn, readerOf, seriesOn, valueOn } from './page.ts';
import { Scraper } from './scraper.ts';

test(
  'under a writer that never rests a reader sees only what was written, and no sum behind its count',
  { timeout: 120_000 },
  async () => {
    const directory = temporaryDirectory();
    const registry = readerOf(directory);
    const child = startFixture('hammer.mjs', [], { env: environment(directory) });
    const [{ values }] = (await once(child, 'message')) as [{ values: readonly number[] }];
    const wanted = scale(500, 20_000);
    let checked = 0;
    let apart = 0;
    let furthest = 0;
    const seen = new Set<number>();
    const scraper = new Scraper(async () => {
      const page = await registry.snapshot();
      const value = valueOn(page, 'hammered');
      if (value === undefined) return page;
      expect(values).toContain(value);
      seen.add(value);
      expect(valueOn(page, 'blows')! % 2).toBe(0);
      const [sum, ...buckets] = seriesOn(page, 'even')!;
      expect([buckets[0], buckets[2]]).toEqual([0, 0]);
      const distance = Math.abs(sum! - buckets[1]!);
      if (distance > 0) apart++;
      furthest = Math.max(furthest, distance / buckets[1]!);
      checked++;
      return page;
    });
    await scraper.more(wanted);
    await kill(child);
    const { failures, falls, last } = await scraper.stop();
    expect(failures).toEqual([]);
    expect(falls).toEqual([]);
    expect(checked).toBeGreaterThan(wanted * 0.8);
    expect(seen.size).toBe(values.length);
    expect(valueOn(last!, 'even')).toBe(countOn(last!, 'even'));
    expect(valueOn(last!, 'sketch')).toBe(countOn(last!, 'sketch'));
    report('hammer', {
      readings: checked,
      'values never written': 0,
      'sums apart from their live count': apart,
      'furthest apart, of the count': furthest.toExponential(1),
    });
  },
);
