import fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { Counter } from '../../src/core/counter.ts';
import { Gauge } from '../../src/core/gauge.ts';
import { Histogram } from '../../src/core/histogram.ts';
import { Summary } from '../../src/core/summary.ts';
import { temporaryDirectory } from '../multiprocess/children.ts';
import { countOn, readerOf, seriesOn, totalOn, valueOn } from '../multiprocess/page.ts';
import { Process } from './processes.ts';

const HELP = { help: 'Help.' };

describe('taking over a slot', () => {
  test('sums count on, gauges of the living start anew', async () => {
    const directory = temporaryDirectory();
    for (let life = 1; life <= 3; life++) {
      const { registry, store, ...process } = new Process(directory);
      new Counter({ name: 'jobs_total', ...HELP, registry }).inc(2);
      new Histogram({ name: 'sizes', ...HELP, buckets: [1], registry }).observe(3);
      const delays = new Summary({ name: 'delays', ...HELP, registry });
      delays.observe(1);
      delays.observe(-1000);
      const busy = new Gauge({ name: 'busy', ...HELP, labelNames: ['n'], registry });
      busy.labels({ n: life }).inc(5);
      const total = new Gauge({ name: 'kept', ...HELP, liveOnly: false, registry });
      total.inc(5);
      expect(store.slotName).toBe('worker-0');
      const page = await registry.snapshot();
      expect(valueOn(page, 'jobs')).toBe(2 * life);
      expect(seriesOn(page, 'sizes')).toEqual([3 * life, 0, life]);
      expect(countOn(page, 'delays')).toBe(2 * life);
      expect(valueOn(page, 'delays')).toBe(-999 * life);
      expect(seriesOn(page, 'busy', [String(life)])).toEqual([5]);
      expect(totalOn(page, 'busy')).toBe(5);
      expect(valueOn(page, 'kept')).toBe(5 * life);
      registry.close();
      void process;
    }
  });

  test('the limit of series holds over the lives of a slot, and what is past it is counted', async () => {
    const directory = temporaryDirectory();
    const lives = 5;
    for (let life = 0; life < lives; life++) {
      const process = new Process(directory);
      const counter = new Counter({
        name: 'jobs_total',
        ...HELP,
        labelNames: ['job'],
        maxSeries: 10,
        registry: process.registry,
      });
      for (let n = 0; n < 8; n++) counter.labels({ job: `${life} ${n}` }).inc();
      process.die();
    }
    const page = await readerOf(directory).snapshot();
    expect(totalOn(page, 'jobs')).toBe(lives * 8);
    expect(page.families.find(({ definition }) => definition.name === 'jobs')!.series).toHaveLength(11);
    expect(valueOn(page, 'jobs', ['<overflow>'])).toBe(lives * 8 - 10);
  });

  test('what the last owner left can be removed, cleared and grow idle', async () => {
    const directory = temporaryDirectory();
    const define = (
      registry: Process['registry'],
    ): { removed: Counter<'n'>; cleared: Counter<'n'>; idle: Counter<'n'> } => ({
      removed: new Counter({ name: 'removed_total', ...HELP, labelNames: ['n'], registry }),
      cleared: new Counter({ name: 'cleared_total', ...HELP, labelNames: ['n'], registry }),
      idle: new Counter({ name: 'idle_total', ...HELP, labelNames: ['n'], idleSeconds: 0.02, registry }),
    });
    const first = new Process(directory);
    for (const counter of Object.values(define(first.registry)))
      for (let n = 0; n < 3; n++) counter.labels({ n }).inc();
    first.die();

    const next = new Process(directory);
    const { removed, cleared } = define(next.registry);
    removed.remove({ n: 1 });
    cleared.clear();
    const page = await next.registry.snapshot();
    expect(totalOn(page, 'removed')).toBe(2);
    expect(seriesOn(page, 'removed', ['1'])).toBeUndefined();
    expect(totalOn(page, 'cleared')).toBe(0);
    await vi.waitFor(async () => expect(totalOn(await next.registry.snapshot(), 'idle')).toBe(0));
  });
});

describe('a family that is unregistered', () => {
  test('takes its numbers along: what is recorded on it later disturbs nobody', async () => {
    const directory = temporaryDirectory();
    const { registry, store } = new Process(directory);
    const old = new Counter({ name: 'jobs_total', ...HELP, labelNames: ['job'], registry });
    const handles = [0, 1, 2].map((job) => old.labels({ job }));
    for (const handle of handles) handle.inc();
    registry.unregister(old);
    const fresh = new Counter({ name: 'jobs_total', ...HELP, labelNames: ['name'], registry });
    for (let name = 0; name < 5; name++) fresh.labels({ name }).inc();
    for (const handle of handles) handle.inc(1000);
    for (let job = 0; job < 5; job++) old.labels({ job }).inc(1000);
    old.remove({ job: 0 });
    old.clear();

    const reader = new Process(directory, 'reader');
    const page = await reader.registry.snapshot();
    expect(totalOn(page, 'jobs')).toBe(5);
    expect(store.status().quarantined + reader.store.status().quarantined).toBe(0);
  });

  test('can be defined and taken off the page time and again', async () => {
    const directory = temporaryDirectory();
    const process = new Process(directory);
    const reader = new Process(directory, 'reader');
    // Long names, so that the log is written anew in the middle of it all.
    for (let round = 0; round < 3000; round++) {
      const registry = process.registry;
      const counter = new Counter({ name: 'jobs_total', help: 'x'.repeat(200), labelNames: ['job'], registry });
      counter.labels({ job: round % 7 }).inc(round);
      if (round % 250 === 0) expect(totalOn(await reader.registry.snapshot(), 'jobs')).toBe(round);
      registry.unregister(counter);
    }
    expect(totalOn(await reader.registry.snapshot(), 'jobs')).toBe(0);
    expect(reader.store.status().quarantined).toBe(0);
    expect(fs.statSync(join(directory, 'worker-0.names')).size).toBeLessThanOrEqual(4 * 65_536);
    expect(fs.statSync(join(directory, 'worker-0.cells')).size).toBe(65_536);
  });
});

describe('series that come and go', () => {
  test('100,000 of them leave files of the size of those that are there', { timeout: 60_000 }, async () => {
    const directory = temporaryDirectory();
    const process = new Process(directory);
    const counter = new Counter({ name: 'jobs_total', ...HELP, labelNames: ['job'], registry: process.registry });
    const sizes = new Summary({ name: 'sizes', ...HELP, labelNames: ['job'], registry: process.registry });
    const handle = counter.labels({ job: 'kept' });
    for (let n = 0; n < 100_000; n++) {
      counter.labels({ job: n }).inc();
      if (n % 10 === 0) sizes.labels({ job: n }).observe(n);
      if (n >= 100) counter.remove({ job: n - 100 });
      if (n >= 100 && n % 10 === 0) sizes.remove({ job: n - 100 });
      handle.inc();
    }
    const page = await readerOf(directory).snapshot();
    expect(totalOn(page, 'jobs')).toBe(100_100);
    expect(page.families.find(({ definition }) => definition.name === 'sizes')!.series).toHaveLength(10);
    expect(fs.statSync(join(directory, 'worker-0.names')).size).toBeLessThanOrEqual(4 * 65_536);
    expect(fs.statSync(join(directory, 'worker-0.cells')).size).toBe(65_536);
    // The next owner finds the free cells again.
    process.die();
    const next = new Process(directory);
    const again = new Counter({ name: 'jobs_total', ...HELP, labelNames: ['job'], registry: next.registry });
    for (let n = 0; n < 1000; n++) again.labels({ job: `again ${n}` }).inc();
    expect(totalOn(await next.registry.snapshot(), 'jobs')).toBe(101_100);
    expect(fs.statSync(join(directory, 'worker-0.cells')).size).toBe(65_536);
  });

  test('a reader that reads meanwhile never gives one series the numbers of another', async () => {
    const directory = temporaryDirectory();
    const process = new Process(directory);
    const reader = new Process(directory, 'reader');
    const counter = new Counter({ name: 'jobs_total', ...HELP, labelNames: ['job'], registry: process.registry });
    let checked = 0;
    for (let n = 0; n < 2000; n++) {
      counter.labels({ job: n }).inc(n + 1);
      if (n >= 5) counter.remove({ job: n - 5 });
      if (n % 10 !== 0) continue;
      const page = await reader.registry.snapshot();
      const jobs = page.families.find(({ definition }) => definition.name === 'jobs')!;
      for (const [i, [job]] of jobs.series.entries()) {
        expect(jobs.values[i]).toBe(Number(job) + 1);
        checked++;
      }
    }
    expect(checked).toBeGreaterThan(900);
  });
});

describe('a store that is closed', () => {
  test('writes nowhere, least of all into files that got its descriptors', async () => {
    const directory = temporaryDirectory();
    const { registry, store } = new Process(directory);
    const counter = new Counter({ name: 'jobs_total', ...HELP, labelNames: ['job'], registry });
    const handle = counter.labels({ job: 'a' });
    handle.inc();
    registry.close();
    const innocent = join(temporaryDirectory(), 'innocent');
    const files = Array.from({ length: 20 }, (_, i) => fs.openSync(`${innocent}${i}`, 'w+'));
    handle.inc();
    for (let job = 0; job < 20_000; job++) counter.labels({ job }).inc();
    counter.remove({ job: 1 });
    new Counter({ name: 'more_total', ...HELP, registry }).inc();
    await registry.snapshot();
    store.close();
    for (const [i, fd] of files.entries()) {
      expect(fs.fstatSync(fd).size).toBe(0);
      fs.closeSync(fd);
      fs.rmSync(`${innocent}${i}`);
    }
    expect(totalOn(await readerOf(directory).snapshot(), 'jobs')).toBe(1);
  });
});

describe('roles', () => {
  test.each(['Web', '../up', '', 'a-b', 'x'.repeat(300)])('%j is none', (role) => {
    const directory = temporaryDirectory();
    expect(() => new Process(directory, role)).toThrow(expect.objectContaining({ code: 'ERR_METRICS_INVALID_OPTION' }));
    expect(fs.readdirSync(directory).filter((file) => file.endsWith('.names'))).toEqual([]);
  });

  test('each has slots of its own, and all are on the page', async () => {
    const directory = temporaryDirectory();
    const roles = ['web', 'web', 'job_worker', 'x9'];
    const processes = roles.map((role) => new Process(directory, role));
    for (const process of processes) process.count(3);
    expect(processes.map(({ store }) => store.slotName)).toEqual(['web-0', 'web-1', 'job_worker-0', 'x9-0']);
    expect(totalOn(await processes[0]!.registry.snapshot(), 'requests')).toBe(12);
    expect(processes[0]!.store.status().slots.map(({ role, live }) => ({ role, live }))).toEqual(
      roles.toSorted().map((role) => ({ role, live: true })),
    );
  });
});

test('onColdStart: reset begins anew when nobody lives, and only then', async () => {
  const directory = temporaryDirectory();
  const { MappedStore } = await import('../../src/store/mapped-store.ts');
  const { Registry } = await import('../../src/core/registry.ts');
  const before = new Process(directory);
  before.count(5);
  const open = (): InstanceType<typeof Registry> =>
    new Registry({ openStore: () => new MappedStore({ directory, role: 'web', onColdStart: 'reset' }) });
  const beside = open();
  expect(totalOn(await beside.snapshot(), 'requests')).toBe(5);
  beside.close();
  before.die();
  const anew = open();
  expect(totalOn(await anew.snapshot(), 'requests')).toBe(0);
  anew.close();
});
