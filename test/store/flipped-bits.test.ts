import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Counter } from '../../src/core/counter.ts';
import { Gauge } from '../../src/core/gauge.ts';
import { Histogram } from '../../src/core/histogram.ts';
import { Registry } from '../../src/core/registry.ts';
import { observeSelf } from '../../src/core/self-metrics.ts';
import { StateSet } from '../../src/core/state-set.ts';
import { Summary } from '../../src/core/summary.ts';
import { negotiate } from '../../src/exposition/negotiate.ts';
import type { Snapshot } from '../../src/snapshot/snapshot.ts';
import { HEADER_CELLS } from '../../src/store/format/cells-file.ts';
import { MappedStore } from '../../src/store/mapped-store.ts';
import { ReadOnlyStore } from '../../src/store/reader/read-only-store.ts';

const FORMATS: readonly string[] = [
  'text/plain;version=0.0.4',
  'text/plain;version=1.0.0',
  'application/openmetrics-text;version=1.0.0',
  'application/openmetrics-text;version=2.0.0-rc0',
  'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited',
];
const FAMILIES: readonly string[] = ['bytes', 'depth', 'latency', 'size', 'wait'];

let directory: string;
let cellsPath: string;
let intact: Buffer;
/** Cells that hold something. */
let cells: readonly number[];

/** One family of each way to lie in cells, and what to record in all of them. */
function define(registry: Registry): () => void {
  const help = 'Help.';
  const bytes = new Counter({ name: 'bytes', help, registry });
  const depth = new Gauge({ name: 'depth', help, aggregation: 'max', liveOnly: false, registry });
  const latency = new Histogram({ name: 'latency', help, buckets: [1], registry });
  const mode = new StateSet({ name: 'mode', help, states: ['on', 'off'], registry });
  const size = new Summary({ name: 'size', help, quantiles: [0.5], registry });
  const wait = new Histogram({ name: 'wait', help, native: {}, registry });
  return () => {
    bytes.inc();
    depth.set(3);
    mode.set('on');
    for (const value of [0, 0.5, 2]) {
      latency.observe(value);
      size.observe(value);
      wait.observe(value);
    }
  };
}

function open(): Registry {
  return new Registry({ openStore: () => new MappedStore({ directory, role: 'web' }) });
}

function readers(): Registry {
  const registry = new Registry({ openStore: () => new ReadOnlyStore(directory) });
  observeSelf(registry);
  return registry;
}

/** The families' samples in text, and a check that every format can write them. */
function samplesOf(snapshot: Snapshot): Map<string, readonly string[]> {
  let bytes = 0;
  for (const accept of FORMATS) {
    const exposition = negotiate(accept);
    for (const chunk of exposition.render(snapshot)) bytes += chunk.length;
  }
  expect(bytes).toBeLessThan(100_000);
  const lines = [...negotiate(undefined).render(snapshot)].join('').split('\n');
  const samples = new Map<string, readonly string[]>();
  for (const name of FAMILIES) {
    samples.set(
      name,
      lines.filter((line) => line.startsWith(name) && line[0] !== '#'),
    );
  }
  return samples;
}

function damagedIn({ families }: Snapshot): number {
  return families.find(({ definition }) => definition.name === 'metrics_store_damaged_entries')!.values[0]!;
}

/** Calls back for each cell and bit, with that bit flipped in the file. */
async function flipAll(of: readonly number[], visit: (cell: number, bit: number) => Promise<void>): Promise<number> {
  let flips = 0;
  for (const cell of of) {
    for (let bit = 0; bit < 64; bit++) {
      const bytes = Buffer.from(intact);
      bytes[cell * 8 + (bit >> 3)]! ^= 1 << (bit & 7);
      writeFileSync(cellsPath, bytes);
      await visit(cell, bit);
      flips++;
    }
  }
  return flips;
}

function expectCounts(samples: ReadonlyMap<string, readonly string[]>): void {
  for (const line of [...samples.values()].flat()) {
    const value = Number(line.slice(line.lastIndexOf(' ') + 1));
    if (/_(count|bucket)/.test(line)) expect([line, Number.isSafeInteger(value) && value >= 0]).toEqual([line, true]);
  }
}

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'promenade-bits-'));
  cellsPath = join(directory, 'web-0.cells');
  const registry = open();
  define(registry)();
  registry.close();
  intact = readFileSync(cellsPath);
  const numbers = new Float64Array(intact.buffer, intact.byteOffset, intact.length / 8);
  const holds = (cell: number): boolean => cell >= HEADER_CELLS && numbers[cell] !== 0;
  cells = [...numbers.keys()].filter(holds);
  expect(cells.length).toBeGreaterThan(15);
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe('one flipped bit in any cell', () => {
  test('hangs no reader and no format, and shows in one family at the most', async () => {
    writeFileSync(cellsPath, intact);
    const whole = samplesOf(await readers().snapshot());
    expect([...whole.values()].every((lines) => lines.length > 0)).toBe(true);
    let left = 0;
    const flips = await flipAll(cells, async (cell, bit) => {
      const snapshot = await readers().snapshot();
      const samples = samplesOf(snapshot);
      expectCounts(samples);
      const changed = FAMILIES.filter((name) => samples.get(name)!.join() !== whole.get(name)!.join());
      expect([cell, bit, changed.length <= 1]).toEqual([cell, bit, true]);
      // A number that can't be is shown as none, and counted.
      left += damagedIn(snapshot);
    });
    expect(flips).toBe(cells.length * 64);
    expect(left).toBeGreaterThan(100);
  }, 400_000);

  test('lets the next owner go on, and its page be read', async () => {
    const flips = await flipAll(cells, async (cell, bit) => {
      const registry = open();
      const record = define(registry);
      record();
      const snapshot = await registry.snapshot();
      const samples = samplesOf(snapshot);
      expectCounts(samples);
      expect([cell, bit, FAMILIES.filter((name) => samples.get(name)!.length === 0)]).toEqual([cell, bit, []]);
      registry.close();
    });
    expect(flips).toBe(cells.length * 64);
  }, 400_000);
});
