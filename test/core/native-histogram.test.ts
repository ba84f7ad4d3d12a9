import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Histogram, type HistogramOptions } from '../../src/core/histogram.ts';
import type { NativeOptions } from '../../src/core/native-options.ts';
import { Registry } from '../../src/core/registry.ts';
import { MIN_SCHEMA } from '../../src/snapshot/exponential-buckets.ts';
import type { SparseBuckets } from '../../src/snapshot/snapshot.ts';
import { HeapStore } from '../../src/store/heap-store.ts';
import { countBuckets } from '../support/count-buckets.ts';

const ZERO = 2 ** -128;

function histogram(options: Partial<HistogramOptions<never>> = {}) {
  const registry = new Registry();
  const metric = new Histogram({ registry, name: 'h', help: 'Help.', native: {}, ...options });
  const read = async (): Promise<{ values: number[]; sparse: SparseBuckets }> => {
    const family = (await registry.snapshot()).families.find(({ definition }) => definition.name === 'h')!;
    return { values: [...family.values], sparse: family.sparse![0]! };
  };
  return { registry, metric, read };
}

function definitionOf(native: NativeOptions) {
  return histogram({ native }).metric.definition.native!;
}

describe('options', () => {
  test('by default: schema 3, 160 buckets, zero up to 2^-128, no classic buckets', () => {
    const { metric } = histogram();
    expect(metric.definition).toMatchObject({
      bounds: [],
      native: { schema: 3, maxBuckets: 160, zeroThreshold: ZERO },
    });
  });

  // The factors of the specification's table.
  test.each([
    [65_536, -4],
    [256, -3],
    [16, -2],
    [4, -1],
    [2, 0],
    [1.5, 1],
    [Math.SQRT2, 1],
    [1.2, 2],
    [1.1, 3],
    [1.05, 4],
    [1.03, 5],
    [1.015, 6],
    [1.006, 7],
    [1.0028, 8],
    [1.0001, 8],
    [1e300, -4],
  ])('the factor %d is schema %d', (factor, schema) => expect(definitionOf({ factor }).schema).toBe(schema));

  test('the zero threshold is raised to a bound', () => {
    expect(definitionOf({ schema: 0, zeroThreshold: 0.3 }).zeroThreshold).toBe(0.5);
    expect(definitionOf({ schema: 0, zeroThreshold: 0.5 }).zeroThreshold).toBe(0.5);
    expect(definitionOf({ schema: 2, zeroThreshold: 0 }).zeroThreshold).toBe(0);
  });

  test('classic buckets stand beside where they are named', () => {
    expect(histogram({ buckets: [1, 2] }).metric.definition).toMatchObject({ bounds: [1, 2], native: { schema: 3 } });
    expect(histogram({ buckets: false }).metric.definition.bounds).toEqual([]);
  });

  test.each<Partial<HistogramOptions<never>>>([
    { native: { factor: 1 } },
    { native: { factor: NaN } },
    { native: { factor: Infinity } },
    { native: { factor: 2, schema: 0 } },
    { native: { schema: 9 } },
    { native: { schema: -5 } },
    { native: { schema: 1.5 } },
    { native: { maxBuckets: 0 } },
    { native: { maxBuckets: 1.5 } },
    { native: { zeroThreshold: -1 } },
    { native: { zeroThreshold: 5e-324 } },
    { native: { zeroThreshold: Infinity } },
    { buckets: [] },
    { native: undefined, buckets: false } as unknown as Partial<HistogramOptions<never>>,
  ])('%j is refused', (options) => {
    expect(() => histogram(options)).toThrow(expect.objectContaining({ code: 'ERR_METRICS_INVALID_OPTION' }));
  });
});

describe('observing', () => {
  test('positive, negative and zero', async () => {
    const { metric, read } = histogram({ native: { schema: 0 } });
    for (const value of [1, 1.5, 2, 3, -3, -4, 0, -0, ZERO, -ZERO, 2 * ZERO]) metric.observe(value);
    expect(await read()).toEqual({
      values: [0.5 + 2 * ZERO, 11],
      sparse: {
        schema: 0,
        zeroThreshold: ZERO,
        zeroCount: 4,
        positive: [
          [-127, 1],
          [0, 1],
          [1, 2],
          [2, 1],
        ],
        negative: [[2, 2]],
      },
    });
  });

  test('NaN counts in the count and the sum, and in no bucket; infinities have buckets of their own', async () => {
    const { metric, read } = histogram({ native: { schema: 8 } });
    metric.observe(Infinity);
    expect((await read()).values).toEqual([Infinity, 1]);
    for (const value of [NaN, -Infinity, Number.MAX_VALUE]) metric.observe(value);
    const { values, sparse } = await read();
    expect(values).toEqual([NaN, 4]);
    expect(sparse).toMatchObject({
      zeroCount: 0,
      positive: [
        [262_144, 1],
        [262_145, 1],
      ],
      negative: [[262_145, 1]],
    });
  });

  test('beside classic buckets both count, infinities and NaN at the ends', async () => {
    const { metric, read } = histogram({ buckets: [1, 2], native: { schema: 0 } });
    for (const value of [0.5, 1, 1.5, 7, 7, -Infinity, Infinity, NaN]) metric.observe(value);
    const { values, sparse } = await read();
    expect(values.slice(1)).toEqual([3, 1, 4]);
    expect(sparse.positive).toEqual([
      [-1, 1],
      [0, 1],
      [1, 1],
      [3, 2],
      [1025, 1],
    ]);
    expect(sparse.negative).toEqual([[1025, 1]]);
  });

  test('classic buckets alone take finite numbers only, native ones whatever is a number', () => {
    const { registry, metric } = histogram();
    const classic = new Histogram({ registry, name: 'c', help: 'Help.' });
    const invalid = expect.objectContaining({ code: 'ERR_METRICS_INVALID_VALUE' });
    for (const value of [NaN, Infinity]) expect(() => classic.observe(value)).toThrow(invalid);
    for (const value of ['1', undefined, null, 1n]) {
      expect(() => metric.observe(value as unknown as number)).toThrow(invalid);
    }
  });

  test('whatever the values, the buckets are those of the specification, at a resolution that few buckets need', async () => {
    const values = fc.array(
      fc.oneof(fc.double(), fc.double({ min: -10, max: 10 }), fc.constantFrom(0, Infinity, -Infinity)),
      { minLength: 1, maxLength: 200 },
    );
    const options = fc.record({
      schema: fc.integer({ min: MIN_SCHEMA, max: 8 }),
      maxBuckets: fc.integer({ min: 1, max: 40 }),
    });
    await fc.assert(
      fc.asyncProperty(values, options, async (all, native) => {
        const { metric, read } = histogram({ native });
        for (const value of all) metric.observe(value);
        const { values: numbers, sparse } = await read();
        expect(sparse).toEqual(countBuckets(all, sparse.schema, ZERO));
        expect(numbers).toEqual([all.reduce((sum, value) => sum + value, 0), all.length]);
        const populated = (buckets: SparseBuckets): number => buckets.positive.length + buckets.negative.length;
        if (sparse.schema > MIN_SCHEMA) expect(populated(sparse)).toBeLessThanOrEqual(native.maxBuckets);
        // It was not lowered without need.
        if (sparse.schema < native.schema) {
          expect(populated(countBuckets(all, sparse.schema + 1, ZERO))).toBeGreaterThan(native.maxBuckets);
        }
      }),
    );
  });
});

describe('series', () => {
  test('each has a resolution of its own; the page shows the one that it has', async () => {
    const registry = new Registry();
    const metric = new Histogram({
      registry,
      name: 'h',
      help: '',
      labelNames: ['l'],
      native: { schema: 8, maxBuckets: 4 },
    });
    metric.labels({ l: 'a' }).observe(1);
    for (let i = 1; i < 100; i++) metric.labels({ l: 'b' }).observe(i);
    const [family] = (await registry.snapshot()).families;
    expect(family!.series).toEqual([['a'], ['b']]);
    expect(family!.sparse!.map(({ schema }) => schema)).toEqual([8, -2]);
  });

  test('what is removed, cleared or idle begins anew at the full resolution', async () => {
    const registry = new Registry();
    const native = { schema: 8, maxBuckets: 4 };
    const metric = new Histogram({ registry, name: 'h', help: '', labelNames: ['l'], native });
    const bound = metric.labels({ l: 'a' });
    const single = new Histogram({ registry, name: 's', help: '', native });
    for (let i = 1; i < 100; i++) bound.observe(i);
    for (let i = 1; i < 100; i++) single.observe(i);
    metric.remove({ l: 'a' });
    single.clear();
    bound.observe(3);
    single.observe(3);
    for (const { values, sparse } of (await registry.snapshot()).families) {
      expect([...values]).toEqual([3, 1]);
      expect(sparse).toEqual([countBuckets([3], 8, ZERO)]);
    }
  });

  test('the overflow series is on the page once it has counted', async () => {
    const registry = new Registry();
    const metric = new Histogram({ registry, name: 'h', help: '', labelNames: ['l'], native: {}, maxSeries: 1 });
    metric.labels({ l: 'a' }).observe(1);
    expect((await registry.snapshot()).families[0]!.series).toEqual([['a']]);
    metric.labels({ l: 'b' }).observe(1);
    expect((await registry.snapshot()).families[0]!.series).toEqual([['<overflow>'], ['a']]);
  });
});

test('a registry takes native histograms along to another store, and adds them to what is there', async () => {
  const store = new HeapStore();
  const options = { name: 'h', help: '', buckets: [10], native: { schema: 5, maxBuckets: 20 } };
  const definition = new Histogram({ registry: new Registry(), ...options }).definition;
  // What the other store holds already, as a slot that is taken over does: at a lower resolution,
  // with a wider zero bucket.
  const there = store.define({ ...definition, native: { schema: 1, maxBuckets: 20, zeroThreshold: 0.5 } });
  const former = new Registry({ openStore: () => ({ ...open(store), define: () => there }) });
  const first = new Histogram({ registry: former, ...options });
  const before = [0.1, 0.4, 1, 2, 30, -7, NaN];
  for (const value of before) first.observe(value);

  const registry = new Registry();
  const metric = new Histogram({ registry, ...options });
  const own = [0.2, 3, 3, 50, -0.6, Infinity];
  for (const value of own) metric.observe(value);
  registry.moveTo({ ...open(store), define: () => there });
  metric.observe(4);

  const [family] = (await registry.snapshot()).families;
  const all = [...before, ...own, 4];
  expect([...family!.values].slice(1)).toEqual([
    all.filter((value) => value <= 10).length,
    all.filter((value) => !(value <= 10)).length,
  ]);
  expect(family!.sparse).toEqual([countBuckets(all, 1, 0.5)]);
});

/** A store as an object that can be varied. */
function open(store: HeapStore) {
  return {
    startTimestamp: store.startTimestamp,
    shared: store.shared,
    board: store.board,
    define: store.define.bind(store),
    undefine: store.undefine.bind(store),
    intent: store.intent.bind(store),
    read: store.read.bind(store),
    status: store.status.bind(store),
    close: () => {},
  };
}
