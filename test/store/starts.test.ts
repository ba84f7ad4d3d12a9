import fs from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { Counter } from '../../src/core/counter.ts';
import { Registry } from '../../src/core/registry.ts';
import { negotiate } from '../../src/exposition/negotiate.ts';
import { type Snapshot, startOf } from '../../src/snapshot/snapshot.ts';
import { temporaryDirectory } from '../multiprocess/children.ts';
import { familyOn, readerOf } from '../multiprocess/page.ts';
import { Process } from './processes.ts';

/** Lets `Date.now` say what a test wants. */
function clock(): { at: number } {
  const time = { at: 1_000_000_000 };
  const spy = vi.spyOn(Date, 'now').mockImplementation(() => time.at);
  onTestFinished(() => spy.mockRestore());
  return time;
}

function startOn(page: Snapshot, name: string, labels: readonly string[] = []): number {
  const family = familyOn(page, name);
  const index = family.series.findIndex((series) => series.every((value, i) => value === labels[i]));
  return startOf(family, index, page.startTimestamp);
}

function jobsOf(registry: Registry): Counter<'n'> {
  return new Counter({ name: 'jobs_total', help: 'Help.', labelNames: ['n'], registry });
}

test('a series starts when it is made: kept by the next owner and by a rewrite, new when it is made again', async () => {
  const time = clock();
  const directory = temporaryDirectory();
  const first = new Process(directory);
  const jobs = jobsOf(first.registry);
  time.at += 60_000;
  jobs.labels({ n: 'a' }).inc(7);
  time.at += 60_000;
  jobs.labels({ n: 'b' }).inc();
  const page = await first.registry.snapshot();
  expect(page.startTimestamp).toBe(1_000_000);
  expect([startOn(page, 'jobs', ['a']), startOn(page, 'jobs', ['b'])]).toEqual([1_000_060, 1_000_120]);
  first.die();

  time.at += 60_000;
  const next = new Process(directory);
  const again = jobsOf(next.registry);
  again.labels({ n: 'a' }).inc();
  const kept = await next.registry.snapshot();
  expect([startOn(kept, 'jobs', ['a']), startOn(kept, 'jobs', ['b'])]).toEqual([1_000_060, 1_000_120]);

  // The files are wiped, and written again from memory.
  for (const file of fs.readdirSync(directory)) fs.rmSync(join(directory, file));
  const healed = await next.registry.snapshot();
  expect([startOn(healed, 'jobs', ['a']), startOn(healed, 'jobs', ['b'])]).toEqual([1_000_060, 1_000_120]);

  again.remove({ n: 'a' });
  again.labels({ n: 'a' }).inc();
  expect(startOn(await readerOf(directory).snapshot(), 'jobs', ['a'])).toBe(1_000_180);
});

test('over several processes a series starts with the first of them; a cleared one starts again', async () => {
  const time = clock();
  const directory = temporaryDirectory();
  const processes = Array.from({ length: 3 }, () => new Process(directory));
  for (const { registry } of processes) {
    time.at += 10_000;
    jobsOf(registry).labels({ n: 'a' }).inc();
  }
  const page = await processes[2]!.registry.snapshot();
  expect(startOn(page, 'jobs', ['a'])).toBe(1_000_010);
  const sole = new Counter({ name: 'sole_total', help: 'Help.', registry: processes[0]!.registry });
  sole.inc(5);
  time.at += 10_000;
  sole.clear();
  expect(startOn(await processes[1]!.registry.snapshot(), 'sole')).toBe(1_000_040);
});

test('OpenMetrics and protobuf tell it', async () => {
  const time = clock();
  const registry = new Registry();
  const jobs = jobsOf(registry);
  for (const n of ['a', 'b']) {
    time.at += 1000;
    jobs.labels({ n }).inc();
  }
  const page = await registry.snapshot();
  const text = [
    ...negotiate('application/openmetrics-text; version=1.0.0', { createdSamples: true }).render(page),
  ].join('');
  expect(text.match(/^jobs_created.*$/gm)).toEqual(['jobs_created{n="a"} 1000001', 'jobs_created{n="b"} 1000002']);
  const protobuf = negotiate(
    'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited',
  );
  // A chunk is good until the next one is asked for.
  const chunks: Buffer[] = [];
  for (const chunk of protobuf.render(page)) chunks.push(Buffer.from(chunk));
  const bytes = Buffer.concat(chunks);
  // A Timestamp of field 3: seconds, as a varint.
  for (const seconds of [1_000_001, 1_000_002]) {
    const varint = [(seconds & 127) | 128, ((seconds >> 7) & 127) | 128, seconds >> 14];
    const at = bytes.indexOf(Buffer.from([0x08, ...varint]));
    expect([seconds, at > 0, bytes[at - 2]]).toEqual([seconds, true, 0x1a]);
  }
});
