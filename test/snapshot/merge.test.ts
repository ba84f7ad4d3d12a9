import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Merger } from '../../src/snapshot/merge.ts';
import { bucketIndex } from '../../src/snapshot/exponential-buckets.ts';
import { quantileOf } from '../../src/snapshot/quantile.ts';
import type {
  Aggregation,
  FamilyDefinition,
  FamilySnapshot,
  SlotSnapshot,
  SparseBuckets,
} from '../../src/snapshot/snapshot.ts';
import { TimeSlice } from '../../src/time-slice.ts';

const define = (definition: Pick<FamilyDefinition, 'name' | 'type'> & Partial<FamilyDefinition>): FamilyDefinition => ({
  help: 'Help.',
  unit: '',
  labelNames: ['a', 'b'],
  ...definition,
});

const COUNTER = define({ name: 'counted', type: 'counter' });
const HISTOGRAM = define({ name: 'measured', type: 'histogram', bounds: [1, 10] });
const SUMMARY = define({ name: 'sketched', type: 'summary', quantiles: [0.5, 0.99] });

/**
 * What happened in a process: label values, and a small whole number, whose sums are exact in any
 * order.
 */
type Event = readonly [a: string, b: string, value: number];

/** The families of a process to which this happened. */
function slotOf(name: string, events: readonly Event[], live: boolean = true): SlotSnapshot {
  const keys = [...new Set(events.map(([a, b]) => JSON.stringify([a, b])))];
  const series = keys.map((key) => Object.freeze(JSON.parse(key) as string[]));
  const valuesOf = (key: string): number[] =>
    events.filter(([a, b]) => JSON.stringify([a, b]) === key).map(([, , value]) => value);
  const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
  const sketch = (values: readonly number[]): SparseBuckets => {
    const indices = values.filter((value) => value > 0).map((value) => bucketIndex(value, 5));
    const positive = [...new Set(indices)]
      .sort((a, b) => a - b)
      .map((index) => [index, indices.filter((other) => other === index).length] as const);
    return { schema: 5, zeroThreshold: 2 ** -64, zeroCount: values.length - indices.length, positive, negative: [] };
  };
  const family = (
    definition: FamilyDefinition,
    values: (key: string) => number[],
  ): SlotSnapshot['families'][number] => ({
    definition,
    definedAt: 1,
    series,
    values: Float64Array.from(keys.flatMap(values)),
    ...(definition.type === 'summary' && { sparse: keys.map((key) => sketch(valuesOf(key))) }),
  });
  return {
    name,
    live,
    families: [
      family(COUNTER, (key) => [sum(valuesOf(key))]),
      family(HISTOGRAM, (key) => {
        const values = valuesOf(key);
        const within = (low: number, high: number): number => values.filter((v) => v > low && v <= high).length;
        return [sum(values), within(-1, 1), within(1, 10), within(10, Infinity)];
      }),
      family(SUMMARY, (key) => [sum(valuesOf(key))]),
    ],
  };
}

async function merge(...slots: SlotSnapshot[]): Promise<readonly FamilySnapshot[]> {
  return (await new Merger().merge(slots, new TimeSlice(1000))).families;
}

/** A merged page as the input of another merge. */
const asSlot = (name: string, families: readonly FamilySnapshot[]): SlotSnapshot => ({
  name,
  live: true,
  families: families.map((family) => ({ ...family, definedAt: 1 })),
});

const text = fc.constantFrom('', 'x', 'y', 'x,y', '__proto__', '1|2', '<overflow>');
const events = fc.array(fc.tuple(text, text, fc.integer({ min: 0, max: 1000 })), { maxLength: 30 });

describe('the merge of sums', () => {
  test('is that of one process to which it all happened, however it is spread, dead or alive, in whatever order', async () => {
    let series = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(events, { minLength: 1, maxLength: 5 }), fc.boolean(), async (parts, live) => {
        const one = await merge(slotOf('one', parts.flat()));
        const slots = parts.map((part, i) => slotOf(`slot-${i}`, part, live || i % 2 === 0));
        const forth = await merge(...slots);
        expect(await merge(...slots.toReversed())).toEqual(forth);
        expect(forth).toEqual(one);
        series += one[0]!.series.length;
      }),
      { numRuns: 200 },
    );
    expect(series).toBeGreaterThan(1000);
  });

  test('does not depend on what is merged first', async () => {
    await fc.assert(
      fc.asyncProperty(events, events, events, async (a, b, c) => {
        const [x, y, z] = [slotOf('x', a), slotOf('y', b), slotOf('z', c)];
        const left = await merge(asSlot('xy', await merge(x, y)), z);
        const right = await merge(x, asSlot('yz', await merge(y, z)));
        expect(left).toEqual(right);
      }),
      { numRuns: 100 },
    );
    expect.hasAssertions();
  });

  test('is the same with what was kept from the merge before as without', async () => {
    const kept = new Merger();
    await fc.assert(
      fc.asyncProperty(fc.array(events, { minLength: 1, maxLength: 4 }), async (parts) => {
        const slots = parts.map((part, i) => slotOf(`slot-${i}`, part));
        for (let again = 0; again < 2; again++) {
          const { families } = await kept.merge(slots, new TimeSlice(1000));
          expect(families).toEqual(await merge(...slots));
        }
      }),
      { numRuns: 100 },
    );
    expect.hasAssertions();
  });
});

test('quantiles over processes are right to 1.1 %', async () => {
  let checked = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(fc.integer({ min: 1, max: 1e9 }), { minLength: 1, maxLength: 60 }), {
        minLength: 1,
        maxLength: 5,
      }),
      fc.constantFrom(0, 0.1, 0.5, 0.9, 0.99, 1),
      async (parts, quantile) => {
        const slots = parts.map((part, i) =>
          slotOf(
            `s-${i}`,
            part.map((value) => ['', '', value / 1000] as const),
          ),
        );
        const [family] = (await merge(...slots)).filter(({ definition }) => definition.type === 'summary');
        const sorted = parts.flat().sort((a, b) => a - b);
        const exact = sorted[Math.max(Math.ceil(quantile * sorted.length), 1) - 1]! / 1000;
        expect(Math.abs(quantileOf(family!.sparse![0]!, quantile) / exact - 1)).toBeLessThan(0.011);
        checked++;
      },
    ),
    { numRuns: 300 },
  );
  expect(checked).toBeGreaterThanOrEqual(300);
});

describe('the merge of gauges', () => {
  /** A gauge of each process: [value, moment it was set (0: never)]. */
  const gauges = (
    aggregation: Aggregation,
    liveOnly: boolean,
    parts: readonly (readonly [number, number, boolean])[],
  ): SlotSnapshot[] =>
    parts.map(([value, setAt, live], i) => ({
      name: `worker-${i}`,
      live,
      families: [
        {
          definition: define({ name: 'g', type: 'gauge', labelNames: [], aggregation, liveOnly }),
          definedAt: 1,
          series: [Object.freeze([])],
          values: Float64Array.from(['min', 'max', 'mostRecent'].includes(aggregation) ? [value, setAt] : [value]),
        },
      ],
    }));

  // Four processes: one dead, one that never set it.
  const PARTS = [
    [5, 30, true],
    [2, 20, true],
    [0, 0, true],
    [9, 90, false],
  ] as const;

  test.each<[Aggregation, boolean, number]>([
    ['sum', true, 7],
    ['sum', false, 16],
    ['min', true, 2],
    ['min', false, 2],
    ['max', true, 5],
    ['max', false, 9],
    ['mostRecent', true, 5],
    ['mostRecent', false, 9],
  ])('%s, of the living only: %s', async (aggregation, liveOnly, expected) => {
    for (const slots of [gauges(aggregation, liveOnly, PARTS), gauges(aggregation, liveOnly, PARTS).toReversed()]) {
      const [family] = await merge(...slots);
      expect(family!.values[0]).toBe(expected);
      expect(family!.series).toEqual([[]]);
    }
  });

  test('min and max of what is below and above zero, unset ones left out', async () => {
    const below = [
      [-5, 1, true],
      [0, 0, true],
      [-7, 1, true],
    ] as const;
    expect((await merge(...gauges('max', true, below)))[0]!.values[0]).toBe(-5);
    expect((await merge(...gauges('min', true, below)))[0]!.values[0]).toBe(-7);
    const above = below.map(([value, setAt, live]) => [-value, setAt, live] as const);
    expect((await merge(...gauges('min', true, above)))[0]!.values[0]).toBe(5);
  });

  test('all: each process by its name', async () => {
    const [family] = await merge(...gauges('all', true, PARTS));
    expect(family!.definition.labelNames).toEqual(['process']);
    expect(family!.series).toEqual([['worker-0'], ['worker-1'], ['worker-2']]);
    expect([...family!.values]).toEqual([5, 2, 0]);
    expect((await merge(...gauges('all', false, PARTS)))[0]!.series).toHaveLength(4);
  });

  test('a family of the dead alone is not on the page', async () => {
    expect(await merge(...gauges('sum', true, [[1, 1, false]]))).toEqual([]);
  });
});

describe('definitions that contradict each other', () => {
  const part = (name: string, definition: FamilyDefinition, definedAt: number, live = true): SlotSnapshot => ({
    name,
    live,
    families: [
      {
        definition,
        definedAt,
        series: [Object.freeze(definition.labelNames.map(() => 'x'))],
        values: Float64Array.from(definition.type === 'histogram' ? [1, ...definition.bounds!, 1] : [1]),
      },
    ],
  });
  const plain = define({ name: 'f', type: 'counter', labelNames: ['a'] });

  test.each<[string, FamilyDefinition]>([
    ['type', define({ name: 'f', type: 'gauge', labelNames: ['a'], aggregation: 'sum' })],
    ['labels', define({ name: 'f', type: 'counter', labelNames: ['b'] })],
    ['number of labels', define({ name: 'f', type: 'counter', labelNames: ['a', 'b'] })],
    ['a sample’s name', define({ name: 'f_total', type: 'gauge', labelNames: ['a'], aggregation: 'sum' })],
  ])('the older one is left out, and reported: %s', async (_, other) => {
    for (const [mine, theirs] of [
      [1, 2],
      [2, 1],
    ] as const) {
      const { families, conflicts } = await new Merger().merge(
        [part('a', plain, mine), part('b', other, theirs), part('c', plain, mine)],
        new TimeSlice(1000),
      );
      const latest = mine > theirs ? plain : other;
      expect(families.map(({ definition }) => definition)).toEqual([latest]);
      expect(families[0]!.values[0]).toBe(mine > theirs ? 2 : 1);
      expect(conflicts).toHaveLength(mine > theirs ? 1 : 2);
    }
  });

  test('what a living process says counts before what a dead one said later', async () => {
    const other = define({ name: 'f', type: 'counter', labelNames: ['b'] });
    const { families, conflicts } = await new Merger().merge(
      [part('dead', other, 9, false), part('living', plain, 1)],
      new TimeSlice(1000),
    );
    expect(families.map(({ definition }) => definition)).toEqual([plain]);
    expect(conflicts).toEqual([{ family: 'f', slot: 'dead' }]);
  });

  test('bounds that differ are a contradiction, another help is none: the latest is shown', async () => {
    const coarse = define({ name: 'h', type: 'histogram', labelNames: [], bounds: [1, 2] });
    const fine = define({ name: 'h', type: 'histogram', labelNames: [], bounds: [1, 2, 3] });
    expect((await merge(part('a', coarse, 1), part('b', fine, 2))).map(({ definition }) => definition)).toEqual([fine]);
    const reworded = { ...plain, help: 'Other words.' };
    const [family] = await merge(part('a', reworded, 2), part('b', plain, 1));
    expect(family!.definition.help).toBe('Other words.');
    expect(family!.values[0]).toBe(2);
  });
});
