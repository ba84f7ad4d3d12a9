import { type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createEndpoint } from '../../src/endpoint/endpoint.ts';
import { Registry } from '../../src/index.ts';
import { MappedStore } from '../../src/store/mapped-store.ts';
import { ReadOnlyStore } from '../../src/store/reader/read-only-store.ts';
import { findSeries, scrape, type ScrapedPage, seriesValue } from '../../src/testing.ts';
import { environment, kill, startFixture, temporaryDirectory } from '../multiprocess/children.ts';
import { eventually, warnings } from './subject.ts';

/** A web process with some of the fixture's collectors. */
class Web {
  readonly process: ChildProcess;
  readonly #port: number;

  static async start(directory: string, collectors: readonly string[], more: NodeJS.ProcessEnv = {}): Promise<Web> {
    const env = environment(directory, { METRICS_ENABLED: 'true', ...more });
    // Each process may warn of what fails.
    const options = { env, stdio: ['ignore', 'inherit', 'ignore', 'ipc'] as ('ignore' | 'inherit' | 'ipc')[] };
    const child = startFixture('apps.mjs', [join(directory, 'runs.log'), ...collectors], options);
    const [port] = (await once(child, 'message')) as [number];
    return new Web(child, port);
  }

  private constructor(child: ChildProcess, port: number) {
    this.process = child;
    this.#port = port;
  }

  page(): Promise<ScrapedPage> {
    return scrape(`http://127.0.0.1:${this.#port}/metrics`, { headers: { connection: 'close' } });
  }

  /**
   * Which process answers; 0 where none does: Node never closes a connection that it hands to a
   * worker that was killed just then.
   */
  async pid(): Promise<number> {
    const options = { headers: { connection: 'close' }, signal: AbortSignal.timeout(1000) };
    const answer = await fetch(`http://127.0.0.1:${this.#port}/`, options).catch(() => undefined);
    return Number((await answer?.text()) ?? 0);
  }
}

interface Entry {
  readonly what: string;
  readonly name: string;
  readonly pid: number;
}

/** What collectors of a name have written down. */
function runs(directory: string, name: string): Entry[] {
  const path = join(directory, 'runs.log');
  const lines = existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : [];
  return lines
    .map((line) => line.split(' '))
    .map(([what, of, pid]) => ({ what: what!, name: of!, pid: Number(pid) }))
    .filter((entry) => entry.name === name);
}

function errorsOf(page: ScrapedPage, collector: string): number | undefined {
  return seriesValue(page, 'app_collector_errors_total', { app: 'ipam', collector });
}

test('of all processes one collects at a time, and all show what it gave', async () => {
  const directory = temporaryDirectory();
  const webs = await Promise.all([1, 2, 3].map(() => Web.start(directory, ['always', 'once'])));
  for (let round = 0; round < 15; round++) await Promise.all(webs.map((web) => web.page()));

  // The last run may still be at it.
  await eventually(async () => expect(runs(directory, 'always').at(-1)!.what).toBe('end'));
  const always = runs(directory, 'always');
  expect(always.length).toBeGreaterThan(15);
  for (let i = 0; i < always.length; i += 2) {
    expect(always.slice(i, i + 2).map(({ what, pid }) => [what, pid])).toEqual([
      ['begin', always[i]!.pid],
      ['end', always[i]!.pid],
    ]);
  }
  expect(new Set(always.map(({ pid }) => pid)).size).toBeGreaterThan(1);

  const [begin, end, ...more] = runs(directory, 'once');
  expect([begin!.what, end!.what, more]).toEqual(['begin', 'end', []]);
  for (const web of webs) {
    const page = await web.page();
    expect(seriesValue(page, 'once_collected', { pid: begin!.pid })).toBe(1);
    const labels = { app: 'ipam', collector: 'once' };
    expect(seriesValue(page, 'app_collector_duration_seconds_count', labels)).toBe(1);
    expect(seriesValue(page, 'app_collector_last_success_timestamp_seconds', labels)).toBeGreaterThan(1.7e9);
  }
  // What was collected outlives who collected it, and is not collected again by who comes next.
  for (const web of webs) await kill(web.process);
  const next = await Web.start(directory, ['once']);
  expect(seriesValue(await next.page(), 'once_collected', { pid: begin!.pid })).toBe(1);
  expect(runs(directory, 'once')).toHaveLength(2);
  expect(
    readdirSync(directory)
      .filter((file) => /\.(note|lock|tmp)$/.test(file))
      .sort(),
  ).toEqual(['directory.lock', 'ipam.always.lock', 'ipam.always.note', 'ipam.once.lock', 'ipam.once.note']);
});

test('a process that is killed while it collects leaves the right to it to the others', async () => {
  const directory = temporaryDirectory();
  const holder = await Web.start(directory, ['stuck', 'once']);
  const other = await Web.start(directory, ['stuck', 'once']);
  await holder.page();
  for (let i = 0; i < 5; i++)
    expect(seriesValue(await other.page(), 'once_collected', { pid: holder.process.pid! })).toBe(1);
  expect(runs(directory, 'stuck')).toEqual([{ what: 'begin', name: 'stuck', pid: holder.process.pid }]);
  await kill(holder.process);
  await other.page();
  await eventually(async () => {
    expect(runs(directory, 'stuck').map(({ what, pid }) => [what, pid])).toEqual([
      ['begin', holder.process.pid],
      ['begin', other.process.pid],
    ]);
  });
  expect(seriesValue(await other.page(), 'once_collected', { pid: holder.process.pid! })).toBe(1);
});

test('collectors that hang, take 30 seconds, throw or give garbage keep no page from coming', async () => {
  const directory = temporaryDirectory();
  const webs = await Promise.all(
    [1, 2].map(() => Web.start(directory, ['hangs', 'thirty', 'throws', 'garbage', 'always'])),
  );
  // Each page here comes while the one hangs and the other goes on for half a minute.
  for (const web of [...webs, ...webs]) {
    const page = await web.page();
    expect(findSeries(page, 'always_collected')).toHaveLength(1);
    expect(errorsOf(page, 'throws')).toBe(1);
    expect(errorsOf(page, 'garbage')).toBe(1);
    expect(errorsOf(page, 'always')).toBe(0);
    expect(page.families.has('thirty_collected')).toBe(false);
    expect(seriesValue(page, 'ipam_started_total')).toBe(2);
  }
  await eventually(async () => expect(errorsOf(await webs[0]!.page(), 'hangs')).toBe(1));
  expect(runs(directory, 'thirty').map(({ what }) => what)).toEqual(['begin']);
  expect(errorsOf(await webs[1]!.page(), 'thirty')).toBe(0);
});

test('the last good values are shown by all while the collector fails in each', async () => {
  const directory = temporaryDirectory();
  const webs = await Promise.all([1, 2].map(() => Web.start(directory, ['fickle'])));
  await webs[0]!.page();
  for (const web of webs) web.process.send('break');
  await eventually(async () => {
    for (const web of webs) {
      const page = await web.page();
      expect(errorsOf(page, 'fickle')).toBeGreaterThan(3);
      expect(findSeries(page, 'fickle_collected')).toHaveLength(1);
    }
  });
});

test('under node:cluster without configuration too, also when workers are killed', { timeout: 60_000 }, async () => {
  const directory = temporaryDirectory();
  const cluster = await Web.start(directory, ['once', 'always'], {
    PROMETHEUS_MULTIPROC_DIR: '',
    METRICS_ROLE: '',
    WORKERS: '3',
    TMPDIR: directory,
  });
  const first = await cluster.page();
  const [collected] = findSeries(first, 'once_collected');
  const collector = Number(collected!.labels['pid']);
  process.kill(collector, 'SIGKILL');
  const answered = new Set<number>();
  await eventually(async () => {
    const pid = await cluster.pid();
    if (pid !== 0 && pid !== collector) answered.add(pid);
    expect(answered.size).toBe(3);
  });
  for (let i = 0; i < 12; i++) {
    const page = await cluster.page();
    expect(findSeries(page, 'once_collected')).toEqual([collected]);
    expect(findSeries(page, 'always_collected')).toHaveLength(1);
  }
  expect(runs(directory, 'once')).toHaveLength(2);
});

test('a process without collectors shows what others collect that nobody scrapes', async () => {
  const directory = temporaryDirectory();
  const web = await Web.start(directory, ['once', 'throws']);
  const registry = new Registry({ openStore: () => new ReadOnlyStore(directory) });
  const endpoint = createEndpoint({ registry }, { METRICS_ENABLED: 'true' });
  onTestFinished(() => endpoint.close());
  await eventually(async () => {
    const page = await scrape(registry);
    expect(seriesValue(page, 'once_collected', { pid: web.process.pid! })).toBe(1);
    expect(errorsOf(page, 'throws')).toBe(1);
  });
  await kill(web.process);
  expect(seriesValue(await scrape(registry), 'once_collected', { pid: web.process.pid! })).toBe(1);
});

test('a disabled app is left out of the page, whoever counted and collected for it', async () => {
  const directory = temporaryDirectory();
  const web = await Web.start(directory, ['once']);
  expect(findSeries(await web.page(), 'once_collected')).toHaveLength(1);
  const without = await Web.start(directory, ['once', 'always'], { METRICS_DISABLED_APPS: 'ipam' });
  const page = await without.page();
  expect(page.families.has('once_collected')).toBe(false);
  expect(page.families.has('always_collected')).toBe(false);
  expect(page.families.has('ipam_started_total')).toBe(false);
  expect(runs(directory, 'always')).toEqual([]);
  const other = await web.page();
  expect(seriesValue(other, 'ipam_started_total')).toBe(1);
  expect(findSeries(other, 'once_collected')).toHaveLength(1);
});

test('a damaged note is put aside and counted, and the next run writes it anew', async () => {
  warnings();
  const directory = temporaryDirectory();
  const web = await Web.start(directory, ['once']);
  await web.page();
  writeFileSync(join(directory, 'ipam.once.note'), 'promenade-note 1 00000000 3\nabc');
  writeFileSync(join(directory, 'ipam.other.note'), 'promenade-note 9 of a later version');
  const page = await web.page();
  expect(findSeries(page, 'once_collected').map(({ value }) => value)).toEqual([2]);
  expect(readdirSync(directory).filter((file) => file.startsWith('ipam.once.note.damaged-'))).toHaveLength(1);
  expect(existsSync(join(directory, 'ipam.other.note'))).toBe(true);
  expect(seriesValue(await web.page(), 'metrics_store_quarantined_files_total')).toBe(1);
});

test('a directory that begins anew forgets what was collected', () => {
  const directory = temporaryDirectory();
  const store = new MappedStore({ directory, role: 'web' });
  store.board.post('ipam.once', 'text');
  store.close();
  const again = new MappedStore({ directory, role: 'web', onColdStart: 'reset' });
  onTestFinished(() => again.close());
  expect(again.board.names()).toEqual([]);
});
