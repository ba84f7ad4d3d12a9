import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { type Books, readBooks, sumOf } from '../multiprocess/books.ts';
import { environment, kill, Recorder, startFixture, temporaryDirectory } from '../multiprocess/children.ts';
import { report, scale } from '../multiprocess/drill.ts';
import { countOn, readerOf, valueOn } from '../multiprocess/page.ts';
import { Scraper } from '../multiprocess/scraper.ts';

const SLOTS = ['worker-0', 'worker-1', 'worker-2', 'reader-0'];

/** What may be done to a directory under those who count there. */
const WIPES: Readonly<Record<string, (directory: string) => void>> = {
  'the files': (directory) => {
    for (const file of readdirSync(directory)) rmSync(join(directory, file), { force: true });
  },
  'the directory': (directory) => rmSync(directory, { recursive: true, force: true }),
  'a names file': (directory) => rmSync(join(directory, 'worker-0.names')),
  'a cells file': (directory) => rmSync(join(directory, 'worker-1.cells')),
  'what says what the directory is': (directory) => rmSync(join(directory, 'directory.json')),
};

async function untilHealed(directory: string): Promise<void> {
  const missing = (): string[] =>
    SLOTS.flatMap((slot) => [`${slot}.names`, `${slot}.cells`]).filter((file) => !existsSync(join(directory, file)));
  for (let waited = 0; missing().length > 0; waited += 20) {
    if (waited > 10_000) throw new Error(`still missing: ${missing().join(', ')}`);
    await delay(20);
  }
}

test('a directory that is wiped under live processes comes back, and no sum falls', { timeout: 300_000 }, async () => {
  const parent = temporaryDirectory();
  const directory = join(parent, 'metrics');
  mkdirSync(directory);
  const ledger = temporaryDirectory();
  const env = environment(directory);
  const registry = readerOf(directory);
  const writers = ['a', 'b', 'c'];
  const children = writers.map((writer) => startFixture('writer.mjs', [join(ledger, writer), writer], { env }));
  await Promise.all(children.map((child) => once(child, 'message')));
  const scraper = new Scraper(() => registry.snapshot());
  await scraper.more(5);

  const rounds = scale(1, 20);
  let wipes = 0;
  for (let round = 0; round < rounds; round++) {
    for (const wipe of Object.values(WIPES)) {
      wipe(directory);
      await untilHealed(directory);
      await scraper.more(3);
      wipes++;
    }
  }
  await Promise.all(children.map(kill));
  const { scrapes, failures, falls, compared, last } = await scraper.stop();
  expect(failures).toEqual([]);
  expect(falls).toEqual([]);
  expect(compared).toBeGreaterThan(scrapes);
  expect(wipes).toBe(rounds * Object.keys(WIPES).length);

  const books = writers.map((writer) => readBooks(join(ledger, writer)));
  // The one who saw it all, and one who comes afterwards.
  for (const page of [last!, await readerOf(directory, 'late').snapshot()]) {
    expectWithin(valueOn(page, 'drill_steps')!, sumOf(books));
    for (const [i, writer] of writers.entries()) {
      expectWithin(valueOn(page, 'drill_own_steps', [writer])!, books[i]!);
      expect(valueOn(page, 'drill_tight', [writer])).toBe(countOn(page, 'drill_tight', [writer]));
    }
  }
  report('wiped directory', { wipes, scrapes, 'scrapes failed': failures.length, 'sums that fell': falls.length });
});

test('wiped while a worker dies and another starts: who knew the dead still counts them', async () => {
  const directory = join(temporaryDirectory(), 'metrics');
  const registry = readerOf(directory);
  const [staying, dying, coming] = (await Promise.all([1, 2, 3].map(() => Recorder.start(directory)))) as [
    Recorder,
    Recorder,
    Recorder,
  ];
  for (const worker of [staying, dying]) {
    await worker.define('Counter', { name: 'jobs_total' });
    await worker.record('jobs_total', undefined, 'inc', [100]);
  }
  const before = await registry.snapshot();
  expect(valueOn(before, 'jobs')).toBe(200);
  await dying.kill();
  rmSync(directory, { recursive: true });
  // The newcomer makes the directory before the others look.
  await coming.define('Counter', { name: 'jobs_total' });
  await coming.record('jobs_total', undefined, 'inc', [1]);
  const after = await registry.snapshot();
  expect(valueOn(after, 'jobs')).toBe(201);
  await staying.record('jobs_total', undefined, 'inc', [1]);
  await staying.snapshot();
  const healed = await registry.snapshot();
  expect(valueOn(healed, 'jobs')).toBe(202);
  // The start of its sums stays what it was, or Prometheus would see a reset.
  expect(healed.startTimestamp).toBe(before.startTimestamp);
});

function expectWithin(value: number, { begun, done }: Books): void {
  expect(value).toBeGreaterThanOrEqual(done);
  expect(value).toBeLessThanOrEqual(begun);
}
