import { once } from 'node:events';
import { expect, test } from 'vitest';
import type { Snapshot } from '../../src/snapshot/snapshot.ts';
import { type Books, sumOf } from './books.ts';
import { environment, startFixture, temporaryDirectory } from './children.ts';
import { report, scale } from './drill.ts';
import { familyOn, readerOf, totalOn, valueOn } from './page.ts';

test(
  'threads that are terminated while they write lose nothing, and hand their slots on',
  { timeout: 600_000 },
  async () => {
    const directory = temporaryDirectory();
    const lives = scale(24, 500);
    const atATime = 3;
    const { METRICS_ROLE: _, ...env } = environment(directory);
    const child = startFixture('threads.mjs', [String(lives), String(atATime)], { env, serialization: 'advanced' });
    const [{ books, slots, page }] = (await once(child, 'message')) as [
      { books: readonly Books[]; slots: ReadonlySet<string>; page: Snapshot },
    ];
    expect(books).toHaveLength(lives);
    const { begun, done } = sumOf(books);
    expect(books.filter((book) => book.begun > 0).length).toBeGreaterThan(lives / 2);
    for (const seen of [page, await readerOf(directory).snapshot()]) {
      for (const total of [valueOn(seen, 'steps')!, totalOn(seen, 'named')]) {
        expect(total).toBeGreaterThanOrEqual(done);
        expect(total).toBeLessThanOrEqual(begun);
      }
      const ones = familyOn(seen, 'ones');
      const stride = ones.values.length / ones.series.length;
      for (let i = 0; i < ones.series.length; i++) {
        const [sum, ...buckets] = ones.values.subarray(i * stride, (i + 1) * stride);
        expect(sum).toBe(buckets.reduce((a, b) => a + b, 0));
      }
    }
    // The main thread's is a slot of its own.
    expect([...slots].every((slot) => /^thread-[0-2]$/.test(slot))).toBe(true);
    report('threads terminated', {
      lives,
      slots: slots.size,
      'steps counted': valueOn(page, 'steps')!,
      'in flight, at most': begun - done,
    });
  },
);
