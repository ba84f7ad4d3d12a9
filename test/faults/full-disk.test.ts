import { rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, vi } from 'vitest';
import { Counter } from '../../src/core/counter.ts';
import { observeSelf } from '../../src/core/self-metrics.ts';
import type { StoreStatus } from '../../src/store/store.ts';
import { Process } from '../store/processes.ts';
import { Recorder } from '../multiprocess/children.ts';
import { report } from '../multiprocess/drill.ts';
import { seriesOn, totalOn, valueOn } from '../multiprocess/page.ts';
import { diskTest, smallDisk } from './small-disk.ts';

const OVERFLOW = ['<overflow>'];

/** Leaves no byte of space. */
function fill(directory: string, file: string = 'ballast'): void {
  const { bavail, bsize } = statfsSync(directory);
  writeFileSync(join(directory, file), Buffer.alloc(bavail * bsize));
}

async function defineAll(worker: Recorder): Promise<void> {
  await worker.define('Counter', { name: 'jobs_total', labelNames: ['job'], maxSeries: 1e6 });
  await worker.define('Histogram', { name: 'sizes', labelNames: ['job'], maxSeries: 1e6 });
  await worker.define('Summary', { name: 'delays', labelNames: ['job'], maxSeries: 1e6 });
  await worker.define('Gauge', { name: 'busy' });
}

/** Makes series until there is no space for more, and some beyond. */
async function countMany(worker: Recorder, from: number, to: number): Promise<void> {
  for (let job = from; job < to; job++) {
    await Promise.all([
      worker.record('jobs_total', { job }, 'inc'),
      worker.record('sizes', { job }, 'observe', [1]),
      worker.record('delays', { job }, 'observe', [1]),
    ]);
  }
}

diskTest('a disk of 256 KiB: the application goes on, what is new counts in the overflow series', async () => {
  const directory = smallDisk('256k');
  const worker = await Recorder.start(directory);
  await defineAll(worker);
  await worker.record('busy', undefined, 'set', [1]);
  await countMany(worker, 0, 10);
  fill(directory);
  const jobs = 3000;
  await countMany(worker, 10, jobs);

  const page = await worker.snapshot();
  expect(totalOn(page, 'jobs')).toBe(jobs);
  expect(valueOn(page, 'jobs', OVERFLOW)).toBeGreaterThan(0);
  expect(valueOn(page, 'jobs', ['9'])).toBe(1);
  expect(totalOn(page, 'sizes')).toBe(2 * jobs); // sums, and counts: all were 1
  expect(totalOn(page, 'delays')).toBe(jobs);
  expect(valueOn(page, 'busy')).toBe(1);
  const status = await worker.call<StoreStatus>('status');
  expect(status.full).toBe(true);
  const warnings = await worker.call<string[]>('warnings');
  expect(warnings.filter((code) => code === 'WARN_METRICS_STORE_FULL')).toHaveLength(1);
  const series = page.families.find(({ definition }) => definition.name === 'jobs')!.series.length;

  // The next process counts on in the same slot: there is no space for another one.
  await worker.kill();
  const next = await Recorder.start(directory);
  await defineAll(next);
  await countMany(next, 0, 10);
  await next.record('jobs_total', { job: 'new' }, 'inc');
  await next.record('busy', undefined, 'set', [2]);
  const after = await next.snapshot();
  expect((await next.call<{ slot: string }>('status')).slot).toBe('worker-0');
  expect(totalOn(after, 'jobs')).toBe(jobs + 11);
  expect(valueOn(after, 'jobs', ['9'])).toBe(2);
  expect(valueOn(after, 'busy')).toBe(2);

  // Space is made: new series have their own numbers again.
  rmSync(join(directory, 'ballast'));
  await next.record('jobs_total', { job: 'newer' }, 'inc');
  await next.record('sizes', { job: 'newer' }, 'observe', [1]);
  const roomy = await next.snapshot();
  expect(valueOn(roomy, 'jobs', ['newer'])).toBe(1);
  expect(valueOn(roomy, 'sizes', ['newer'])).toBe(1);
  expect((await next.call<StoreStatus>('status')).full).toBe(false);
  report('full disk', {
    'series that fit': series,
    'counted in overflow': valueOn(page, 'jobs', OVERFLOW)!,
    'processes lost': 0,
  });
});

diskTest('a disk of 1 MiB and four workers: none dies, nothing is lost, what is removed makes room', async () => {
  const directory = smallDisk('1m');
  const workers = await Promise.all([0, 1, 2, 3].map(() => Recorder.start(directory)));
  await Promise.all(workers.map(defineAll));
  await Promise.all(workers.map((worker) => countMany(worker, 0, 10)));
  fill(directory);
  const jobs = 1500;
  await Promise.all(workers.map((worker) => countMany(worker, 10, jobs)));
  const page = await workers[0]!.snapshot();
  expect(totalOn(page, 'jobs')).toBe(4 * jobs);
  expect(totalOn(page, 'sizes')).toBe(4 * 2 * jobs);
  expect(totalOn(page, 'delays')).toBe(4 * jobs);

  // Series that go and come on the full disk: each has its own number or none, and never another's.
  const first = workers[0]!;
  for (let job = 0; job < 10; job++) await first.call('remove', 'jobs_total', { job });
  for (let job = 0; job < 10; job++) await first.record('jobs_total', { job: `again ${job}` }, 'inc', [1000]);
  const after = await workers[1]!.snapshot();
  expect(totalOn(after, 'jobs')).toBe(4 * jobs - 10 + 10_000);
  for (let job = 0; job < 10; job++) {
    expect(valueOn(after, 'jobs', [String(job)])).toBe(3);
    expect([undefined, 1000]).toContain(valueOn(after, 'jobs', [`again ${job}`]));
  }
  for (const worker of workers) expect(await worker.call('ping')).toBe('pong');
  expect(seriesOn(after, 'jobs', OVERFLOW)).toBeDefined();
});

diskTest(
  'a removal that finds no space to be written down: the series shows as zero, and nobody gets its place',
  async () => {
    const directory = smallDisk('256k');
    const worker = await Recorder.start(directory);
    await worker.define('Counter', { name: 'jobs_total', labelNames: ['job'], maxSeries: 1e6 });
    fill(directory);
    // As long as a removal's record is as long as a series', both find the names full at the same
    // moment.
    const job = (n: number): { job: string } => ({ job: `${'x'.repeat(500)} ${n}` });
    for (let n = 0; n < 200; n++) await worker.record('jobs_total', job(n), 'inc');
    const full = await worker.snapshot();
    expect(valueOn(full, 'jobs', OVERFLOW)).toBeGreaterThan(50);
    for (let n = 0; n < 5; n++) await worker.call('remove', 'jobs_total', job(n));
    const removed = await worker.snapshot();
    for (let n = 0; n < 5; n++) expect([undefined, 0]).toContain(valueOn(removed, 'jobs', [job(n).job]));
    expect(totalOn(removed, 'jobs')).toBe(195);

    rmSync(join(directory, 'ballast'));
    for (let n = 1000; n < 1010; n++) await worker.record('jobs_total', job(n), 'inc', [7]);
    const after = await worker.snapshot();
    expect(totalOn(after, 'jobs')).toBe(195 + 70);
    for (let n = 1000; n < 1010; n++) expect(valueOn(after, 'jobs', [job(n).job])).toBe(7);
  },
);

diskTest('series that come and go on a full disk are no reason to warn again and again', async () => {
  const directory = smallDisk('256k');
  const worker = await Recorder.start(directory);
  await defineAll(worker);
  fill(directory);
  await countMany(worker, 0, 300);
  for (let n = 0; n < 30; n++) {
    await worker.call('remove', 'jobs_total', { job: n });
    await worker.record('jobs_total', { job: `again ${n}` }, 'inc');
    await worker.record('sizes', { job: `again ${n}` }, 'observe', [1]);
  }
  expect((await worker.call<StoreStatus>('status')).full).toBe(true);
  const warnings = await worker.call<string[]>('warnings');
  expect(warnings.filter((code) => code === 'WARN_METRICS_STORE_FULL')).toHaveLength(1);
});

diskTest('no space for a slot: the process says so, and its own page shows its numbers and the others', async () => {
  const directory = smallDisk('512k');
  const first = await Recorder.start(directory);
  await first.define('Counter', { name: 'jobs_total' });
  await first.record('jobs_total', undefined, 'inc', [5]);
  fill(directory);

  const second = await Recorder.start(directory);
  await second.define('Counter', { name: 'jobs_total' });
  await second.record('jobs_total', undefined, 'inc', [7]);
  expect(await second.call('warnings')).toEqual(['WARN_METRICS_STORE_FULL']);
  expect(await second.call<StoreStatus>('status')).toMatchObject({ full: true });
  expect(totalOn(await second.snapshot(), 'jobs')).toBe(12);
  expect(totalOn(await first.snapshot(), 'jobs')).toBe(5);

  rmSync(join(directory, 'ballast'));
  const third = await Recorder.start(directory);
  await third.define('Counter', { name: 'jobs_total' });
  await third.record('jobs_total', undefined, 'inc', [1]);
  expect(totalOn(await second.snapshot(), 'jobs')).toBe(13);
});

diskTest('a disk without space for a directory: a clear error, and the process can do without', async () => {
  const directory = smallDisk('64k');
  fill(directory);
  const worker = await Recorder.start(join(directory, 'metrics'));
  await expect(worker.define('Counter', { name: 'jobs_total' })).rejects.toMatchObject({
    code: 'ERR_METRICS_STORE_FULL',
    message: expect.stringContaining(directory) as string,
  });
  expect(await worker.call('ping')).toBe('pong');
});

diskTest('thousands of new label sets on a full disk: no call throws, and no total is lost', async () => {
  vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
  for (const size of ['300k', '400k']) {
    const { registry, store } = new Process(smallDisk(size));
    observeSelf(registry);
    const counters = ['a', 'b', 'c', 'd'].map(
      (name) => new Counter({ name: `${name}_total`, help: 'Help.', labelNames: ['k'], maxSeries: 1e6, registry }),
    );
    const sets = 7500;
    for (const counter of counters) {
      for (let k = 0; k < sets; k++) counter.labels({ k: `${'x'.repeat(60)}${k}` }).inc();
    }
    const page = await registry.snapshot();
    for (const name of ['a', 'b', 'c', 'd']) expect(totalOn(page, name)).toBe(sets);
    expect(store.status().full).toBe(true);
    // What did not fit is counted by its family, in room that is kept for that.
    const missed = ['a_total', 'b_total', 'c_total', 'd_total'].map((name) =>
      valueOn(page, 'metrics_overflowed_series', [name]),
    );
    for (const count of missed.slice(1)) expect(count).toBe(sets);
    expect(missed[0]).toBeGreaterThan(0);
    expect(missed[0]).toBeLessThan(sets);
    registry.close();
  }
});
