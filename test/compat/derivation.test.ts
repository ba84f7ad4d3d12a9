import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { Derivation } from '../../src/compat/derivation.ts';
import {
  bodyBounds,
  DJANGO_BODY_BUCKETS,
  DJANGO_LATENCY_BUCKETS,
  latencyBounds,
} from '../../src/compat/django-buckets.ts';
import { Counter } from '../../src/core/counter.ts';
import { Histogram } from '../../src/core/histogram.ts';
import { Registry } from '../../src/core/registry.ts';
import { type FamilySnapshot, strideOf } from '../../src/snapshot/snapshot.ts';
import { TimeSlice } from '../../src/time-slice.ts';

async function pageOf(registry: Registry): Promise<Map<string, FamilySnapshot>> {
  return new Map((await registry.snapshot()).families.map((family) => [family.definition.name, family]));
}

const VIEWS: ReadonlyMap<string, string> = new Map();

const BOUNDS = [
  {
    own: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    all: latencyBounds,
    wanted: DJANGO_LATENCY_BUCKETS,
  },
  { own: [0, 256, 1024, 3000], all: bodyBounds, wanted: DJANGO_BODY_BUCKETS },
];

test.each(BOUNDS)(
  'a derived histogram is what one with its bounds would have counted: $own',
  async ({ own, all, wanted }) => {
    const values = fc.oneof(
      fc.double({ min: 0, max: 1e10, noNaN: true }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.constantFrom(...own, ...wanted),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), values), { minLength: 1 }),
        async (observed) => {
          const registry = new Registry();
          const source = new Histogram({
            registry,
            name: 'source',
            help: '',
            labelNames: ['x'],
            buckets: [...all(own, 'django')],
          });
          const expected = new Histogram({ registry, name: 'expected', help: '', buckets: [...wanted] });
          for (const [x, value] of observed) {
            source.labels({ x }).observe(value);
            if (x !== 'c') expected.observe(value);
          }
          const definition = { ...expected.definition, name: 'derived' };
          const toLabels = (value: (label: string) => string): string[] | undefined =>
            value('x') === 'c' ? undefined : [];
          const derivation = new Derivation([{ definition, sources: [{ family: 'source', toLabels }] }], '');
          const page = await pageOf(registry);
          const [derived] = await derivation.derive(page, VIEWS, new TimeSlice());
          expect([...derived!.values].slice(1)).toEqual([...page.get('expected')!.values].slice(1));
          expect(derived!.values[0]).toBeCloseTo(page.get('expected')!.values[0]!, 0);
        },
      ),
      { numRuns: 50 },
    );
  },
);

test('bounds of our own that others asked for stay out of the way', () => {
  expect(latencyBounds([0.2, 3], undefined)).toEqual([0.2, 3]);
  expect(bodyBounds([7], undefined)).toEqual([7]);
  expect(latencyBounds([0.2, 100], 'django')).toEqual([...DJANGO_LATENCY_BUCKETS, 0.2, 100].sort((a, b) => a - b));
});

test('a bucket whose bounds are not the target’s counts in the next higher one, never in a lower', async () => {
  const registry = new Registry();
  const source = new Histogram({ registry, name: 'source', help: '', buckets: [1, 3, 30] });
  for (const value of [0.5, 2, 20, 200]) source.observe(value);
  const definition = { ...source.definition, name: 'derived', bounds: [2, 10] };
  const derivation = new Derivation([{ definition, sources: [{ family: 'source', toLabels: () => [] }] }], '');
  const [derived] = await derivation.derive(await pageOf(registry), VIEWS, new TimeSlice());
  expect([...derived!.values]).toEqual([222.5, 1, 1, 2]);
});

test('series keep their objects as others come, and numbers follow', async () => {
  const registry = new Registry();
  const source = new Counter({ registry, name: 'source', help: '', labelNames: ['x', 'y'] });
  const definition = { ...source.definition, name: 'derived', labelNames: ['x'] };
  const derivation = new Derivation(
    [{ definition, sources: [{ family: 'source', toLabels: (value) => [value('x')] }] }],
    '',
  );
  const derive = async (): Promise<FamilySnapshot> =>
    (await derivation.derive(await pageOf(registry), VIEWS, new TimeSlice()))[0]!;
  source.labels({ x: 'b', y: '1' }).inc(2);
  source.labels({ x: 'b', y: '2' }).inc(3);
  const first = await derive();
  expect([first.series, [...first.values]]).toEqual([[['b']], [5]]);
  source.labels({ x: 'a', y: '1' }).inc(7);
  source.labels({ x: 'b', y: '2' }).inc();
  const second = await derive();
  expect([second.series, [...second.values]]).toEqual([
    [['a'], ['b']],
    [7, 6],
  ]);
  expect(second.series[1]).toBe(first.series[0]);
  source.remove({ x: 'b', y: '1' });
  expect([...(await derive()).values]).toEqual([7, 4]);
});

test('what is not there is left out; what has no labels begins with zero', async () => {
  const registry = new Registry();
  const source = new Counter({ registry, name: 'source', help: '', labelNames: ['x'] });
  const derived = (name: string, family: string, labelNames: string[]) => ({
    definition: { ...source.definition, name, labelNames },
    sources: [{ family, toLabels: (value: (label: string) => string) => labelNames.map(value) }],
  });
  const derivation = new Derivation(
    [derived('sum', 'source', []), derived('by_x', 'source', ['x']), derived('of_nothing', 'missing', [])],
    '',
  );
  const families = await derivation.derive(await pageOf(registry), VIEWS, new TimeSlice());
  expect(families.map(({ definition: { name }, values }) => [name, [...values]])).toEqual([
    ['by_x', []],
    ['sum', [0]],
  ]);
  expect(strideOf(families[1]!.definition)).toBe(1);
});

test('a derivation that throws leaves the page as it is', async () => {
  const registry = new Registry();
  new Counter({ registry, name: 'source', help: '' }).inc();
  registry.addDerivation({ name: 'broken', derive: () => Promise.reject(new Error('no')) });
  expect((await registry.snapshot()).families.map(({ definition }) => definition.name)).toEqual(['source']);
});
