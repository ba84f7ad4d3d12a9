import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test, type TestAPI } from 'vitest';
import type { Clock } from '../../src/core/clock.ts';
import { Gauge } from '../../src/core/gauge.ts';
import { Registry } from '../../src/core/registry.ts';
import { MappedStore } from '../../src/store/mapped-store.ts';
import { encodeHeader } from '../../src/store/format/slot-header.ts';
import { readBooks, sumOf } from '../multiprocess/books.ts';
import { environment, fixture, kill, Recorder, startFixture, temporaryDirectory } from '../multiprocess/children.ts';
import { readerOf, totalOn, valueOn } from '../multiprocess/page.ts';
import { Process } from '../store/processes.ts';

const isRoot = process.getuid?.() === 0;
const canUnshare = spawnSync('unshare', ['--pid', '--fork', '--kill-child', 'true']).status === 0;
/**
 * Needs namespaces: reported as skipped where they are not allowed, failing where root in `CI=true`
 * has none.
 */
const namespaceTest: TestAPI | TestAPI['skip'] =
  canUnshare || (isRoot && process.env['CI'] === 'true') ? test : test.skip;
const rootTest: TestAPI | TestAPI['skip'] = isRoot ? test : test.skip;

namespaceTest(
  'two containers on one directory, each with a pid 1 of its own: nothing is lost',
  { timeout: 60_000 },
  async () => {
    const directory = temporaryDirectory();
    const ledger = temporaryDirectory();
    const lives = 4;
    const books = Array.from({ length: 2 * lives }, (_, i) => join(ledger, String(i)));
    const registry = readerOf(directory);
    for (let life = 0; life < lives; life++) {
      // What stands between us and the program hands the channel on; killed, it takes the namespace
      // along.
      const containers = [0, 1].map((twin) => {
        const options = ['--pid', '--fork', '--kill-child', '--mount-proc', process.execPath];
        return startFixture('writer.mjs', [books[2 * life + twin]!, `twin ${twin}`], {
          env: environment(directory),
          execPath: 'unshare',
          execArgv: options,
        });
      });
      await Promise.all(containers.map((container) => once(container, 'message')));
      const pids = fs
        .readdirSync(directory)
        .filter((file) => /^worker-\d\.names$/.test(file))
        .map((file) => (JSON.parse(headerOf(join(directory, file))) as { pid: number }).pid);
      expect(pids).toEqual([1, 1]);
      await registry.snapshot();
      await Promise.all(containers.map(kill));
    }
    const all = sumOf(books.map(readBooks));
    expect(all.done).toBeGreaterThan(0);
    const total = valueOn(await registry.snapshot(), 'drill_steps')!;
    expect(total).toBeGreaterThanOrEqual(all.done);
    expect(total).toBeLessThanOrEqual(all.begun);
    expect(fs.existsSync(fixture('writer.mjs'))).toBe(true);
  },
);

function headerOf(path: string): string {
  const bytes = fs.readFileSync(path);
  return bytes.toString('utf8', 20, 20 + bytes.readUInt32LE(16));
}

test('a dead process’s pid that lives again is no reason to take its slot for a live one', async () => {
  const directory = temporaryDirectory();
  const writer = new Process(directory);
  writer.count(3);
  writer.die();
  // The pid in the names is that of this very process, which lives: only the lock tells.
  expect((JSON.parse(headerOf(join(directory, 'worker-0.names'))) as { pid: number }).pid).toBe(process.pid);
  const reader = new Process(directory, 'reader');
  await reader.registry.snapshot();
  expect(reader.store.status().slots.map(({ name, live }) => [name, live])).toEqual([
    ['reader-0', true],
    ['worker-0', false],
  ]);
  const next = new Process(directory);
  next.count(3);
  expect(next.store.slotName).toBe('worker-0');
  expect(totalOn(await reader.registry.snapshot(), 'requests')).toBe(6);
});

test('slots that another running system wrote moments ago are left alone for a while, and counted', async () => {
  const directory = temporaryDirectory();
  const writer = new Process(directory);
  writer.count(3);
  writer.die();
  const path = join(directory, 'worker-0.names');
  const header = JSON.parse(headerOf(path)) as Parameters<typeof encodeHeader>[0];
  const bytes = fs.readFileSync(path);
  encodeHeader({ ...header, bootId: 'another' }).copy(bytes);
  fs.writeFileSync(path, bytes);
  const beside = new Process(directory);
  expect(beside.store.slotName).toBe('worker-1');
  beside.count(1);
  expect(totalOn(await beside.registry.snapshot(), 'requests')).toBe(4);
  // After a restart of the machine nobody wrote lately.
  fs.utimesSync(path, 0, 0);
  const next = new Process(directory);
  expect(next.store.slotName).toBe('worker-0');
});

test('what was set before the machine started anew is older than everything since', async () => {
  const directory = temporaryDirectory();
  // The clock that all processes share begins at zero with the machine, and had run for long.
  const longRun = { now: Date.now, sharedMs: () => 1e12 };
  const set = async (value: number, role: string, clock?: Clock): Promise<Registry> => {
    const registry = new Registry({ openStore: () => new MappedStore({ directory, role }), ...(clock && { clock }) });
    onTestFinished(() => registry.close());
    const options = { name: 'finished', help: 'Help.', aggregation: 'mostRecent', liveOnly: false, registry } as const;
    const gauge = new Gauge(options);
    if (value > 0) gauge.set(value);
    return registry;
  };
  (await set(1, 'old', longRun)).close();
  const path = join(directory, 'old-0.names');
  const header = JSON.parse(headerOf(path)) as Parameters<typeof encodeHeader>[0];
  const bytes = fs.readFileSync(path);
  encodeHeader({ ...header, bootId: 'another' }).copy(bytes);
  fs.writeFileSync(path, bytes);
  fs.utimesSync(path, 0, 0);

  const reader = await set(0, 'reader');
  expect(valueOn(await reader.snapshot(), 'finished')).toBe(1);
  const writer = await set(2, 'new');
  expect(valueOn(await writer.snapshot(), 'finished')).toBe(2);
  // Nor does it come back when its slot has a new owner.
  await set(0, 'old');
  expect(reader.status().slots.filter(({ name }) => name === 'old-0')).toHaveLength(1);
  expect(valueOn(await reader.snapshot(), 'finished')).toBe(2);
});

rootTest(
  'files of another user that may not be read: the page comes, and a place is found',
  { timeout: 60_000 },
  async () => {
    const directory = temporaryDirectory();
    fs.chmodSync(directory, 0o777);
    const other = new Process(directory);
    other.count(5);
    for (const file of fs.readdirSync(directory)) {
      fs.chmodSync(join(directory, file), file.startsWith('worker') ? 0o600 : 0o666);
    }
    const worker = await Recorder.start(directory, {}, { uid: 65_534, gid: 65_534 });
    await worker.define('Counter', { name: 'jobs_total' });
    await worker.record('jobs_total', undefined, 'inc', [3]);
    const page = await worker.snapshot();
    expect(valueOn(page, 'jobs')).toBe(3);
    expect(totalOn(page, 'requests')).toBe(0);
    expect((await worker.call<{ slot: string }>('status')).slot).toBe('worker-1');
    expect(totalOn(await other.registry.snapshot(), 'requests')).toBe(5);
    expect(fs.readdirSync(directory).filter((file) => file.includes('damaged'))).toEqual([]);
  },
);
