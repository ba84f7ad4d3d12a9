import { expect, test } from 'vitest';
import { Histogram } from '../../src/core/histogram.ts';
import { Registry } from '../../src/core/registry.ts';
import { MIN_SCHEMA } from '../../src/snapshot/exponential-buckets.ts';
import { countOf } from '../../src/snapshot/quantile.ts';
import type { FamilyDefinition, SparseBuckets } from '../../src/snapshot/snapshot.ts';
import { CellAllocator } from '../../src/store/tables/cell-allocator.ts';
import { FamilyTable } from '../../src/store/tables/family-table.ts';
import { HeapStore } from '../../src/store/heap-store.ts';
import { CHUNK_CELLS } from '../../src/store/format/cells-file.ts';
import { cellsOf } from '../../src/store/format/layout.ts';
import { readNativeHistogram } from '../../src/store/format/native-histogram.ts';
import { type Journal, StoreFamily } from '../../src/store/tables/store-family.ts';
import { countBuckets } from '../support/count-buckets.ts';

/**
 * One thing that a process does which SIGKILL leaves done or not: a store to a cell, or a record.
 */
type Step = (cells: Float64Array, blocks: Map<number, number>) => void;

const CELL = 0;

/** Records every store that a histogram makes, in order, with where each observation begins. */
class Tape {
  readonly steps: Step[] = [];
  readonly observed: number[] = [];
  readonly #observe: (value: number) => void;
  readonly definition: FamilyDefinition;

  constructor(options: { buckets: number[] | false; native: { schema: number; maxBuckets: number } }) {
    const all = { name: 'h', help: '', ...options };
    this.definition = new Histogram({ registry: new Registry(), ...all }).definition;
    const allocator = new CellAllocator([], 0, () => this.#record(new Float64Array(CHUNK_CELLS)));
    const journal: Journal = {
      series: () => true,
      restart: () => true,
      removal: () => true,
      blocks: (_family, _labels, keys, cells) => {
        this.steps.push((_, blocks) => keys.forEach((key, i) => blocks.set(key, cells[i]!)));
        return true;
      },
      unblock: (_family, _labels, keys) => {
        this.steps.push((_, blocks) => keys.forEach((key) => blocks.delete(key)));
        return true;
      },
    };
    const table = new FamilyTable(1, this.definition, 0, allocator.allocate(cellsOf(this.definition))!);
    const family = new StoreFamily(table, allocator, journal);
    const store = new HeapStore();
    store.define = () => family;
    const metric = new Histogram({ registry: new Registry({ openStore: () => store }), ...all });
    this.#observe = (value) => metric.observe(value);
  }

  observe(value: number): void {
    this.observed.push(this.steps.length);
    this.#observe(value);
  }

  /** `first`: the number of the first of these cells. */
  #record(cells: Float64Array, first: number = 0): Float64Array {
    const steps = this.steps;
    const store = (at: number, value: number): void => {
      cells[at] = value;
      steps.push((copy) => (copy[first + at] = value));
    };
    const part = (from: number, to: number): Float64Array => this.#record(cells.subarray(from, to), first + from);
    return new Proxy(cells, {
      get(target, property) {
        if (property === 'subarray') return part;
        if (property === 'fill') {
          return (value: number, from: number, to: number) => {
            for (let i = from; i < to; i++) store(i, value);
          };
        }
        if (property === 'set') {
          return (values: Float64Array, offset: number) => values.forEach((value, i) => store(offset + i, value));
        }
        return target[property as unknown as number];
      },
      set(_, property, value: number) {
        store(Number(property), value);
        return true;
      },
    });
  }
}

interface Reading {
  readonly values: readonly number[];
  readonly sparse: SparseBuckets;
}

function expected(definition: FamilyDefinition, values: readonly number[], schema: number): Reading {
  const bounds = definition.bounds!;
  const counts = Array.from({ length: bounds.length + 1 }, () => 0);
  for (const value of values) {
    const bucket = bounds.findIndex((bound) => value <= bound);
    counts[bucket < 0 ? bounds.length : bucket]!++;
  }
  const sum = values.reduce((total, value) => total + value, 0);
  return { values: [sum, ...counts], sparse: countBuckets(values, schema, definition.native!.zeroThreshold) };
}

function read(definition: FamilyDefinition, cells: Float64Array, blocks: ReadonlyMap<number, number>): Reading {
  const values = new Float64Array(definition.bounds!.length + 2);
  const ranges = new Map([...blocks].map(([key, index]) => [key, { cells, index }]));
  const { buckets, behind } = readNativeHistogram(definition, cells, CELL, ranges, values, 0);
  expect(behind).toBe(false);
  return { values: [...values], sparse: buckets };
}

/** What the next owner of the cells reads after one more observation. */
async function takeOver(
  definition: FamilyDefinition,
  cells: Float64Array,
  blocks: ReadonlyMap<number, number>,
  value: number,
): Promise<Reading> {
  const table = new FamilyTable(1, definition, 0, CELL);
  for (const [key, cell] of blocks) table.fallback.blocks.set(key, cell);
  const family = new StoreFamily(
    table,
    new CellAllocator([cells], CHUNK_CELLS / 2, () => new Float64Array(CHUNK_CELLS)),
  );
  const store = new HeapStore();
  store.define = () => family;
  const registry = new Registry({ openStore: () => store });
  const { bounds, native, name } = definition;
  new Histogram({ registry, name, help: '', buckets: bounds!.length > 0 ? bounds! : false, native: native! }).observe(
    value,
  );
  return read(definition, cells, table.fallback.blocks);
}

const many = (count: number): number[] =>
  Array.from({ length: count }, (_, i) => (i % 5 === 0 ? -1 : 1) * 1.3 ** (i % 37));

test.each([
  ['alone', { buckets: false as const, native: { schema: 4, maxBuckets: 12 } }],
  ['beside classic buckets', { buckets: [1, 10, 100], native: { schema: 4, maxBuckets: 12 } }],
])(
  'wherever a process is killed, its readers and the next owner find each observation whole or not at all: %s',
  { timeout: 120_000 },
  async (_name, options) => {
    const tape = new Tape(options);
    const values = [0, 1, ...many(90), NaN, Infinity, 0, -Infinity, 5];
    for (const value of values) tape.observe(value);
    const { definition, steps, observed } = tape;
    expect(steps.length).toBeGreaterThan(700);

    const cells = new Float64Array(CHUNK_CELLS);
    const blocks = new Map<number, number>();
    let done = 0;
    let undone = 0;
    let lowest = definition.native!.schema;
    for (const [i, step] of steps.entries()) {
      // The state before this step: an observation is begun, and may be committed.
      const begun = observed.findLastIndex((start) => start <= i) + 1;
      const reading = read(definition, cells, blocks);
      const count = reading.values.slice(1).reduce((sum, bucket) => sum + bucket, 0);
      expect(count).toBeGreaterThanOrEqual(Math.max(done, begun - 1));
      expect(count).toBeLessThanOrEqual(begun);
      expect(reading).toEqual(expected(definition, values.slice(0, count), reading.sparse.schema));
      expect(reading.sparse.schema).toBeLessThanOrEqual(lowest);
      if (count < begun) undone++;
      done = count;
      lowest = reading.sparse.schema;
      if (i % 3 === 0) {
        const next = await takeOver(definition, cells.slice(), blocks, 7.5);
        expect(next).toEqual(expected(definition, [...values.slice(0, count), 7.5], next.sparse.schema));
      }
      step(cells, blocks);
    }
    expect(undone).toBeGreaterThan(values.length);
    expect(lowest).toBeLessThan(definition.native!.schema - 2);
    expect(lowest).toBeGreaterThanOrEqual(MIN_SCHEMA);
  },
);

test.each([
  ['alone', false as const],
  ['beside classic buckets', [2, 5]],
])('who knows too few blocks is told so, and gets numbers that agree: %s', (_name, buckets) => {
  const tape = new Tape({ buckets, native: { schema: 4, maxBuckets: 12 } });
  const values = many(60);
  for (const value of values) tape.observe(value);
  const cells = new Float64Array(CHUNK_CELLS);
  const blocks = new Map<number, number>();
  // What a reader knows that read the names at some moment, and reads the cells later.
  let known: ReadonlyMap<number, number> = new Map();
  let behind = 0;
  for (const [i, step] of tape.steps.entries()) {
    step(cells, blocks);
    if (i % 200 === 0) known = new Map(blocks);
    const numbers = new Float64Array(tape.definition.bounds!.length + 2);
    const ranges = new Map([...known].map(([key, index]) => [key, { cells, index }]));
    const reading = readNativeHistogram(tape.definition, cells, CELL, ranges, numbers, 0);
    const whole = read(tape.definition, cells, blocks);
    const count = numbers.slice(1).reduce((sum, bucket) => sum + bucket, 0);
    expect(countOf(reading.buckets)).toBe(count);
    if (reading.behind) behind++;
    else expect({ values: [...numbers], sparse: reading.buckets }).toEqual(whole);
  }
  expect(behind).toBeGreaterThan(50);
});

test('a definition of a lower resolution lowers what is there, one of a higher leaves it', async () => {
  const tape = new Tape({ buckets: false, native: { schema: 4, maxBuckets: 160 } });
  const values = many(20);
  for (const value of values) tape.observe(value);
  const cells = new Float64Array(CHUNK_CELLS);
  const blocks = new Map<number, number>();
  for (const step of tape.steps) step(cells, blocks);
  for (const [schema, found] of [
    [2, 2],
    [8, 4],
  ] as const) {
    const definition = { ...tape.definition, native: { ...tape.definition.native!, schema } };
    const next = await takeOver(definition, cells.slice(), blocks, 7.5);
    expect(next).toEqual(expected(definition, [...values, 7.5], found));
  }
});
