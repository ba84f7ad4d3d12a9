import { expect, test } from 'vitest';
import { Recorder, temporaryDirectory } from './children.ts';
import { readerOf, seriesOn, totalOn, valueOn } from './page.ts';

const MODES = ['sum', 'min', 'max', 'mostRecent', 'all'] as const;

test('gauges by each mode: a process that is killed is gone from the next page, unless its values are to stay', async () => {
  const directory = temporaryDirectory();
  const reader = readerOf(directory);
  const workers = await Promise.all([5, 2, 9].map(() => Recorder.start(directory)));
  for (const [i, worker] of workers.entries()) {
    for (const aggregation of MODES) {
      for (const liveOnly of [true, false]) {
        const name = `${aggregation.toLowerCase()}_${liveOnly}`;
        await worker.define('Gauge', { name, aggregation, liveOnly });
        await worker.record(name, undefined, 'set', [[5, 2, 9][i]]);
      }
    }
    await worker.define('Info', { name: 'build', labelNames: ['version'] });
    await worker.record('build', undefined, 'set', [{ version: i === 2 ? 'new' : 'old' }]);
    await worker.define('StateSet', { name: 'phase', states: ['a', 'b', 'c'] });
    await worker.record('phase', undefined, 'set', ['abc'[i]]);
  }
  const slots = await Promise.all(workers.map((worker) => worker.call<{ slot: string }>('status')));
  const shown = async (): Promise<Record<string, number | undefined>> => {
    const page = await reader.snapshot();
    const names = MODES.filter((mode) => mode !== 'all').flatMap((mode) => [`${mode}_true`, `${mode}_false`]);
    return Object.fromEntries(names.map((name) => [name, valueOn(page, name.toLowerCase())]));
  };
  expect(await shown()).toEqual({
    sum_true: 16,
    sum_false: 16,
    min_true: 2,
    min_false: 2,
    max_true: 9,
    max_false: 9,
    mostRecent_true: 9,
    mostRecent_false: 9,
  });
  const before = await reader.snapshot();
  for (const [i, { slot }] of slots.entries()) expect(valueOn(before, 'all_true', [slot])).toBe([5, 2, 9][i]);
  expect(valueOn(before, 'build', ['old'])).toBe(1);
  expect(seriesOn(before, 'phase')).toEqual([1, 1, 1]);

  await workers[2]!.kill();
  expect(await shown()).toEqual({
    sum_true: 7,
    sum_false: 16,
    min_true: 2,
    min_false: 2,
    max_true: 5,
    max_false: 9,
    mostRecent_true: 2,
    mostRecent_false: 9,
  });
  const after = await reader.snapshot();
  expect(totalOn(after, 'all_true')).toBe(7);
  expect(totalOn(after, 'all_false')).toBe(16);
  expect(valueOn(after, 'build', ['new'])).toBeUndefined();
  expect(seriesOn(after, 'phase')).toEqual([1, 1, 0]);
});
