import fs from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Recorder, temporaryDirectory } from '../multiprocess/children.ts';
import { report, scale } from '../multiprocess/drill.ts';
import { countOn, readerOf, sumsOn, totalOn, valueOn } from '../multiprocess/page.ts';

const WRITERS = 4;

/** Numbers from 0 to 1 that are the same in every run. */
function random(): () => number {
  let state = 12_345;
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return state / 2 ** 31;
  };
}

test('random bytes into every file of live writers: pages come, and what is sound stays right', async () => {
  const directory = temporaryDirectory();
  const writers = await Promise.all(Array.from({ length: WRITERS }, () => Recorder.start(directory)));
  for (const writer of writers) {
    await writer.define('Counter', { name: 'steady_total', labelNames: ['n'] });
    await writer.define('Histogram', { name: 'sizes', labelNames: ['n'], buckets: [1, 2], native: {} });
    for (let n = 0; n < 20; n++) {
      await writer.record('steady_total', { n }, 'inc', [3]);
      await writer.record('sizes', { n }, 'observe', [1.5]);
    }
  }
  const next = random();
  const pick = (count: number): number => Math.floor(next() * count);
  const reader = readerOf(directory);
  let [pages, hits, slowestMs] = [0, 0, 0];
  const rounds = scale(60, 5000);
  for (let round = 0; round < rounds; round++) {
    const files = fs.readdirSync(directory).filter((file) => /^worker-\d+\.(names|cells)$|\.json$/.test(file));
    const path = join(directory, files[pick(files.length)]!);
    const bytes = Buffer.from(Array.from({ length: 1 + pick(40) }, () => pick(256)));
    const fd = fs.openSync(path, 'r+');
    // Where something is: the header, the records, and the cells' header. A cell's own bits can't
    // be told from a number.
    const room = path.endsWith('.cells') ? 64 - bytes.length : path.endsWith('.names') ? 4000 : 30;
    if (room > 0) fs.writeSync(fd, bytes, 0, bytes.length, pick(room));
    fs.closeSync(fd);
    hits++;
    for (const registry of [reader, readerOf(directory, 'fresh')]) {
      const start = performance.now();
      const page = await registry.snapshot();
      slowestMs = Math.max(slowestMs, performance.now() - start);
      pages++;
      for (const value of sumsOn(page).values()) expect(value).toBeGreaterThanOrEqual(0);
      const family = page.families.find(({ definition }) => definition.name === 'steady');
      // Each writer counted 3: any other number would be wrong, and shown as right.
      for (const value of family?.values ?? []) expect([0, 3, 6, 9, 12]).toContain(value);
      if (registry !== reader) registry.close();
    }
    await delay(5);
  }
  // The owners mend their names; what was in the cells was not touched.
  let total = 0;
  for (let tries = 0; tries < 300 && total !== 3 * 20 * WRITERS; tries++) {
    const late = readerOf(directory, 'late');
    const page = await late.snapshot();
    total = totalOn(page, 'steady');
    if (total === 3 * 20 * WRITERS) {
      expect(valueOn(page, 'steady', ['7'])).toBe(3 * WRITERS);
      expect(countOn(page, 'sizes', ['7'])).toBe(WRITERS);
    }
    late.close();
    await delay(100);
  }
  expect(total).toBe(3 * 20 * WRITERS);
  for (const writer of writers) expect(await writer.call('ping')).toBe('pong');
  report('random bytes under live writers', {
    hits,
    pages,
    'pages failed': 0,
    'slowest page, ms': Math.round(slowestMs),
  });
});
