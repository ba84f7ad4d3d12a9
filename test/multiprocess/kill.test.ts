import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { type Books, readBooks, sumOf } from './books.ts';
import { environment, kill, startFixture, temporaryDirectory } from './children.ts';
import { report, scale } from './drill.ts';
import { countOn, readerOf, totalOn, valueOn } from './page.ts';
import { Scraper } from './scraper.ts';

const AT_A_TIME = 5;

function expectWithin(value: number, { begun, done }: Books): void {
  expect(value).toBeGreaterThanOrEqual(done);
  expect(value).toBeLessThanOrEqual(begun);
}

test('writers killed at random moments lose nothing, and no sum falls meanwhile', { timeout: 600_000 }, async () => {
  const directory = temporaryDirectory();
  const ledger = temporaryDirectory();
  const writers = scale(30, 200);
  const registry = readerOf(directory);
  const scraper = new Scraper(() => registry.snapshot());
  const env = environment(directory);

  let next = 0;
  let killedAtWork = 0;
  const runOneAfterTheOther = async (): Promise<void> => {
    while (next < writers) {
      const writer = String(next++);
      const child = startFixture('writer.mjs', [join(ledger, writer), writer], { env });
      // One in six is killed while it starts; the others count for a moment.
      if (Number(writer) % 6 === 0) await delay(Math.random() * 250);
      else
        await Promise.all([once(child, 'message'), delay(Math.random() * 150)]).then(() => delay(Math.random() * 150));
      await kill(child);
      if (readBooks(join(ledger, writer)).begun > 0) killedAtWork++;
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, runOneAfterTheOther));
  const { scrapes, failures, falls, compared, slowestMs, last } = await scraper.stop();

  expect(failures).toEqual([]);
  expect(falls).toEqual([]);
  expect(scrapes).toBeGreaterThan(writers);
  expect(compared).toBeGreaterThan(scrapes);
  expect(killedAtWork).toBeGreaterThan(writers / 2);

  const page = last!;
  const books = Array.from({ length: writers }, (_, writer) => readBooks(join(ledger, String(writer))));
  const all = sumOf(books);
  expect(all.begun - all.done).toBeLessThanOrEqual(writers);
  expectWithin(valueOn(page, 'drill_steps')!, all);
  expectWithin(totalOn(page, 'drill_named_steps'), all);
  let exact = 0;
  for (const [writer, own] of books.entries()) {
    const labels = [String(writer)];
    if (own.begun === 0) continue;
    expectWithin(valueOn(page, 'drill_own_steps', labels)!, own);
    expectWithin(countOn(page, 'drill_sizes', labels), own);
    expectWithin(countOn(page, 'drill_sketch', labels), own);
    // Of one who died, sum and count agree to the last observation.
    expect(valueOn(page, 'drill_sizes', labels)).toBe(5 * countOn(page, 'drill_sizes', labels));
    expect(valueOn(page, 'drill_sketch', labels)).toBe(countOn(page, 'drill_sketch', labels));
    expect(valueOn(page, 'drill_tight', labels)).toBe(countOn(page, 'drill_tight', labels));
    exact++;
  }
  expect(exact).toBe(killedAtWork);
  report('kill -9', {
    'writers killed': writers,
    'killed at work': killedAtWork,
    'steps counted': valueOn(page, 'drill_steps')!,
    'in flight, at most': all.begun - all.done,
    scrapes,
    'scrapes failed': failures.length,
    'sums compared': compared,
    'sums that fell': falls.length,
    'slowest scrape, ms': Math.round(slowestMs),
  });
});
