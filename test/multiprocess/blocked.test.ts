import { once } from 'node:events';
import { expect, test } from 'vitest';
import { Recorder, temporaryDirectory } from './children.ts';
import { report } from './drill.ts';
import { readerOf, valueOn } from './page.ts';

test('a worker in an endless loop, and one that is stopped, neither delay a scrape nor are missing', async () => {
  const directory = temporaryDirectory();
  const workers = await Promise.all([1, 2, 3].map(() => Recorder.start(directory)));
  for (const [i, worker] of workers.entries()) {
    await worker.define('Counter', { name: 'jobs_total' });
    await worker.define('Gauge', { name: 'busy' });
    await worker.record('jobs_total', undefined, 'inc', [10 ** i]);
    await worker.record('busy', undefined, 'set', [1]);
  }
  const [looping, stopped, working] = workers as [Recorder, Recorder, Recorder];
  const blocked = new Promise<void>((resolve) => {
    looping.process.on('message', (message: { blocked?: boolean }) => void (message.blocked && resolve()));
  });
  looping.call('block').catch(() => {});
  await blocked;
  stopped.process.kill('SIGSTOP');
  await working.record('jobs_total', undefined, 'inc');

  const start = performance.now();
  const page = await readerOf(directory).snapshot();
  const tookMs = performance.now() - start;
  expect(valueOn(page, 'jobs')).toBe(112);
  expect(valueOn(page, 'busy')).toBe(3);
  // Asked over a channel, a blocked worker would be waited for, and this would not have ended.

  // The directory's processes are scraped through any of them.
  expect(valueOn(await working.snapshot(), 'jobs')).toBe(112);
  // Somebody new neither waits for the stopped one's slot nor takes it.
  const fourth = await Recorder.start(directory);
  await fourth.define('Counter', { name: 'jobs_total' });
  expect((await fourth.call<{ slot: string }>('status')).slot).toBe('worker-3');
  const exited = once(stopped.process, 'exit');
  stopped.process.kill('SIGKILL');
  await exited;
  const after = await readerOf(directory).snapshot();
  expect(valueOn(after, 'jobs')).toBe(112);
  expect(valueOn(after, 'busy')).toBe(2);
  report('blocked worker', { 'looping and stopped': 2, 'page, ms': tookMs.toFixed(1) });
});
