import { once } from 'node:events';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { countOf } from '../../src/snapshot/quantile.ts';
import type { Snapshot, SparseBuckets } from '../../src/snapshot/snapshot.ts';
import { coarsen } from '../../src/snapshot/sparse-buckets.ts';
import { countBuckets } from '../support/count-buckets.ts';
import { readBooks, sumOf } from './books.ts';
import { environment, kill, Recorder, startFixture, temporaryDirectory } from './children.ts';
import { report, scale } from './drill.ts';
import { familyOn, readerOf, seriesOn, valueOn } from './page.ts';
import { Scraper } from './scraper.ts';

const ZERO = 2 ** -128;
const small = Array.from({ length: 50 }, (_, i) => 1 + i / 10);
const wide = Array.from({ length: 60 }, (_, i) => (i % 2 ? -1 : 1) * 2 ** (i - 20));

function sparseOn(page: Snapshot, name: string, labels: readonly string[] = []): SparseBuckets {
  const { series, sparse } = familyOn(page, name);
  return sparse![series.findIndex((own) => own.every((value, i) => value === labels[i]))]!;
}

async function observeAll(recorder: Recorder, values: readonly number[]): Promise<void> {
  for (const value of values) await recorder.record('h', undefined, 'observe', [value]);
}

test('processes of different resolution add up to what one would have counted', async () => {
  const directory = temporaryDirectory();
  const [one, other] = [await Recorder.start(directory), await Recorder.start(directory)];
  await one.define('Histogram', { name: 'h', native: { schema: 8 } });
  await other.define('Histogram', { name: 'h', native: { schema: 5, maxBuckets: 30, zeroThreshold: 2 ** -20 } });
  await observeAll(one, [...small, 0, NaN]);
  await observeAll(other, [...wide, 1e-7]);

  const page = await readerOf(directory).snapshot();
  const sparse = sparseOn(page, 'h');
  expect(sparse.schema).toBeLessThan(5);
  expect(sparse).toEqual(countBuckets([...small, 0, ...wide, 1e-7], sparse.schema, sparse.zeroThreshold));
  expect(sparse.zeroThreshold).toBe(2 ** -20);
  expect(seriesOn(page, 'h')).toEqual([NaN, small.length + wide.length + 3]);
  // Whoever is asked: the same.
  expect(sparseOn(await one.snapshot(), 'h')).toEqual(sparse);
  await Promise.all([one.kill(), other.kill()]);
  expect(sparseOn(await readerOf(directory, 'later').snapshot(), 'h')).toEqual(sparse);
});

test('the next process counts on where one was killed, also with another resolution and zero threshold', async () => {
  const directory = temporaryDirectory();
  const first = await Recorder.start(directory);
  await first.define('Histogram', { name: 'h', native: { schema: 3, maxBuckets: 20 }, buckets: [1, 10] });
  await observeAll(first, wide);
  const before = sparseOn(await first.snapshot(), 'h');
  await first.kill();

  const second = await Recorder.start(directory);
  await second.define('Histogram', { name: 'h', native: { schema: 5, zeroThreshold: 1e-3 }, buckets: [1, 10] });
  await observeAll(second, small);
  const page = await second.snapshot();
  expect(sparseOn(page, 'h')).toEqual(countBuckets([...wide, ...small], before.schema, ZERO));
  expect(
    seriesOn(page, 'h')!
      .slice(1)
      .reduce((a, b) => a + b),
  ).toBe(wide.length + small.length);
  expect((await second.call<{ slots: unknown[] }>('status')).slots).toHaveLength(1);
  await second.kill();
});

test('native buckets come along when a process finds its files gone, and go when a series is removed', async () => {
  const directory = temporaryDirectory();
  const recorder = await Recorder.start(directory);
  await recorder.define('Histogram', { name: 'h', labelNames: ['l'], native: { schema: 4, maxBuckets: 25 } });
  for (const value of [...small, ...wide]) await recorder.record('h', { l: 'a' }, 'observe', [value]);
  const before = sparseOn(await recorder.snapshot(), 'h', ['a']);
  for (const file of readdirSync(directory)) if (/names|cells/.test(file)) rmSync(join(directory, file));
  expect(sparseOn(await recorder.snapshot(), 'h', ['a'])).toEqual(before);

  const bytes = (await recorder.call<{ bytes: number }>('status')).bytes;
  for (let i = 0; i < 30; i++) {
    await recorder.call('remove', 'h', { l: 'a' });
    for (const value of [...small.slice(0, 20), ...wide]) await recorder.record('h', { l: 'a' }, 'observe', [value]);
  }
  const page = await recorder.snapshot();
  const { schema } = sparseOn(page, 'h', ['a']);
  expect(sparseOn(page, 'h', ['a'])).toEqual(countBuckets([...small.slice(0, 20), ...wide], schema, ZERO));
  // Cells of blocks that were given up serve again.
  expect((await recorder.call<{ bytes: number }>('status')).bytes).toBeLessThanOrEqual(bytes + 2 * 65_536);
  await recorder.kill();
});

test(
  'writers killed at random moments: all buckets, counts and sums agree, and none falls meanwhile',
  { timeout: 600_000 },
  async () => {
    const directory = temporaryDirectory();
    const ledger = temporaryDirectory();
    const writers = scale(24, 200);
    const registry = readerOf(directory);
    const inconsistent: string[] = [];
    const held = new Map<string, SparseBuckets>();
    const scraper = new Scraper(async () => {
      const page = await registry.snapshot();
      for (const { definition, series, values, sparse } of page.families) {
        const stride = (definition.bounds?.length ?? 0) + 2;
        for (const [i, buckets] of sparse?.entries() ?? []) {
          const key = `${definition.name} ${series[i]!.join()}`;
          if (fell(held.get(key), buckets)) inconsistent.push(`${key}: a bucket fell`);
          held.set(key, buckets);
          const count = values.subarray(i * stride + 1, (i + 1) * stride).reduce((sum, bucket) => sum + bucket, 0);
          if (countOf(buckets) !== count) inconsistent.push(`${definition.name}: ${countOf(buckets)} and ${count}`);
        }
      }
      return page;
    });
    const env = environment(directory);

    let next = 0;
    const runOneAfterTheOther = async (): Promise<void> => {
      while (next < writers) {
        const writer = String(next++);
        const child = startFixture('native-writer.mjs', [join(ledger, writer), writer], { env });
        await Promise.all([once(child, 'message'), delay(Math.random() * 150)]);
        await delay(Math.random() * 300);
        await kill(child);
      }
    };
    await Promise.all(Array.from({ length: 4 }, runOneAfterTheOther));
    const { scrapes, failures, falls, compared, slowestMs, last } = await scraper.stop();

    expect(failures).toEqual([]);
    expect(falls).toEqual([]);
    expect(inconsistent).toEqual([]);
    expect(compared).toBeGreaterThan(scrapes);
    const page = last!;
    const books = Array.from({ length: writers }, (_, writer) => readBooks(join(ledger, String(writer))));
    let reduced = 0;
    for (const [writer, { begun, done }] of books.entries()) {
      if (begun === 0) continue;
      for (const name of ['drill_alone', 'drill_both', 'drill_tight']) {
        const sparse = sparseOn(page, name, [String(writer)]);
        if (sparse.schema < 6) reduced++;
        const count = countOf(sparse);
        if (name === 'drill_tight') continue;
        expect(count).toBeGreaterThanOrEqual(done);
        expect(count).toBeLessThanOrEqual(begun);
        // Exactly the first `count` values, in every number that there is.
        const values = Array.from({ length: count }, (_, i) => valueOf(i + 1));
        expect(sparse).toEqual(countBuckets(values, sparse.schema, ZERO));
        expect(valueOn(page, name, [String(writer)])).toBe(values.reduce((sum, value) => sum + value, 0));
      }
    }
    expect(reduced).toBeGreaterThan(writers / 2);
    const all = sumOf(books);
    expect(countOf(sparseOn(page, 'drill_shared'))).toBeGreaterThanOrEqual(all.done);
    expect(countOf(sparseOn(page, 'drill_shared'))).toBeLessThanOrEqual(all.begun);
    expect(valueOn(page, 'drill_shared')).toBe(countOf(sparseOn(page, 'drill_shared')));
    report('native histograms, kill -9', {
      'writers killed': writers,
      'observations, at least': all.done * 23,
      'series whose resolution was lowered': reduced,
      scrapes,
      'sums compared': compared,
      'sums that fell': falls.length,
      'slowest scrape, ms': Math.round(slowestMs),
    });
  },
);

/**
 * Whether a bucket holds less than it did, at the resolution that there is now, or the resolution
 * rose.
 */
function fell(before: SparseBuckets | undefined, now: SparseBuckets): boolean {
  if (!before) return false;
  if (now.schema > before.schema) return true;
  const counts = new Map(now.positive);
  return coarsen(before, now.schema).positive.some(([index, count]) => !(counts.get(index)! >= count));
}

/** What a writer observes in a step. */
function valueOf(step: number): number {
  return 2 ** (step % 10) + (step % Math.min(1 + Math.floor(step / 10), 200));
}
