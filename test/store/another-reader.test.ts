import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test, vi } from 'vitest';
import { Counter } from '../../src/core/counter.ts';
import { Gauge } from '../../src/core/gauge.ts';
import { Histogram } from '../../src/core/histogram.ts';
import { Summary } from '../../src/core/summary.ts';
import { strideOf } from '../../src/snapshot/snapshot.ts';
import { temporaryDirectory } from '../multiprocess/children.ts';
import { report, scale } from '../multiprocess/drill.ts';
import { readerOf } from '../multiprocess/page.ts';
import { Process } from './processes.ts';
import { planFirst } from '../support/plan.ts';

vi.spyOn(process, 'emitWarning').mockImplementation(() => {});

const READER: string = fileURLToPath(new URL('reader.py', import.meta.url));

/** Numbers from 0 to 1 that are the same in every run. */
function random(seed: number): () => number {
  let state = seed * 2_654_435_761 + 1;
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 1 | state) + 0x6d2b79f5) | 0;
    return ((state ^ (state >>> 13)) >>> 0) / 2 ** 32;
  };
}

/** Some lives of some processes in a directory, with what a kill or a bit flip may leave of them. */
function fillDirectory(directory: string, next: () => number): void {
  const pick = (count: number): number => Math.floor(next() * count);
  const labelNames = ['n'] as const;
  for (let life = 1 + pick(3); life > 0; life--) {
    const processes = Array.from({ length: 1 + pick(3) }, () => new Process(directory, ['web', 'job'][pick(2)]));
    for (const process of processes) {
      const all = { help: 'Help.', labelNames, maxSeries: 12, registry: process.registry };
      const counter = new Counter({ name: 'c_total', ...all });
      const classic = new Histogram({ name: 'h', buckets: [0.5, 4], ...all });
      const native = new Histogram({ name: 'n', buckets: [1], native: { schema: 2, maxBuckets: 160 }, ...all });
      const summary = new Summary({ name: 's', ...all });
      const kept = new Gauge({ name: 'g', liveOnly: false, ...all });
      const open = new Gauge({ name: 'o', settlesInto: 'c', ...all });
      for (let i = pick(80); i > 0; i--) {
        const n = ['a', 'é"\\', '["', 'b'][pick(4)] + String(pick(5));
        const value = Math.round(next() * 2 ** pick(12)) / 8;
        [
          () => counter.labels({ n }).inc(value),
          () => classic.labels({ n }).observe(value),
          () => native.labels({ n }).observe(pick(3) === 0 ? -value : value),
          () => summary.labels({ n }).observe(value),
          () => kept.labels({ n }).inc(value),
          () => open.labels({ n }).inc(value),
          () => counter.remove({ n }),
          () => native.remove({ n }),
        ][pick(8)]!();
      }
      if (pick(3) === 0) {
        const family = process.store.define(counter.definition);
        const intent = process.store.intent();
        for (const n of ['a0', 'b1']) {
          const range = family.allocate([n]);
          if (range) planFirst(intent, range, range.cells[range.index]! + 5);
        }
        if (pick(4) > 0) intent.arm();
      }
    }
    for (const process of processes) process.die();
  }
  for (const file of fs.readdirSync(directory).filter((name) => /\.(names|cells)$/.test(name))) {
    const path = join(directory, file);
    if (pick(6) === 0) fs.appendFileSync(path, Buffer.alloc(4096 * (1 + pick(15))));
    if (pick(3) > 0 || !file.endsWith('.names')) continue;
    const bytes = fs.readFileSync(path);
    let end = bytes.length;
    while (bytes[end - 1] === 0) end--;
    bytes[512 + pick(end - 512)]! ^= 1 << pick(8);
    fs.writeFileSync(path, bytes);
  }
}

interface Read {
  readonly numbers: readonly number[];
  readonly buckets: Readonly<Record<string, number>>;
}

async function ourPage(directory: string): Promise<Record<string, Record<string, Read>>> {
  const registry = readerOf(directory);
  const { families } = await registry.snapshot();
  const page: Record<string, Record<string, Read>> = {};
  for (const { definition, series, values, sparse } of families) {
    const stride = strideOf(definition);
    const read: Record<string, Read> = (page[definition.name] = {});
    for (const [i, labels] of series.entries()) {
      const buckets: Record<string, number> = {};
      if (sparse) {
        const { schema, zeroCount, positive, negative } = sparse[i]!;
        if (definition.type === 'histogram') buckets['schema'] = schema;
        if (zeroCount > 0) buckets['zeros'] = zeroCount;
        for (const [index, count] of positive) buckets[`positive ${index}`] = count;
        for (const [index, count] of negative) buckets[`negative ${index}`] = count;
      }
      read[JSON.stringify(labels)] = { numbers: [...values.subarray(i * stride, (i + 1) * stride)], buckets };
    }
  }
  registry.close();
  return page;
}

test('a reader in Python, written from FORMAT.md alone, finds the same numbers', async () => {
  const directories: string[] = [];
  for (let seed = 1; seed <= scale(60, 1000); seed++) {
    const directory = temporaryDirectory();
    fillDirectory(directory, random(seed));
    directories.push(directory);
  }
  const printed = execFileSync('python3', [READER, ...directories], { encoding: 'utf8', maxBuffer: 2 ** 30 });
  const pages = printed.trim().split('\n');
  expect(pages).toHaveLength(directories.length);
  let series = 0;
  for (const [i, directory] of directories.entries()) {
    const ours = await ourPage(directory);
    const theirs = JSON.parse(pages[i]!) as typeof ours;
    expect([i + 1, theirs]).toEqual([i + 1, ours]);
    for (const family of Object.values(ours)) series += Object.keys(family).length;
  }
  expect(series).toBeGreaterThan(directories.length * 10);
  report('another reader', { directories: directories.length, series, different: 0 });
});
