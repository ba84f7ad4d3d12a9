import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { collectedFamily, type CollectedFamily, type Collector, Counter, Gauge, registerApp } from '../../src/index.ts';
import { findSeries, seriesValue } from '../../src/testing.ts';
import { counting, eventually, gate, subject, warnings } from './subject.ts';

const help = 'Help.';

function errorsOf(page: Parameters<typeof seriesValue>[0], collector: string): number | undefined {
  return seriesValue(page, 'app_collector_errors_total', { app: 'ipam', collector });
}

describe('what a collector gives', () => {
  test('is on the first page, as it gave it', async () => {
    const { registry, page } = subject();
    registerApp('ipam', {
      registry,
      collectors: [
        {
          name: 'generator',
          async *collect({ signal }) {
            expect(signal.aborted).toBe(false);
            await sleep(1);
            yield collectedFamily({
              name: 'ipam_prefix_utilisation_ratio',
              help: 'How full prefixes are.',
              unit: 'ratio',
              labelNames: ['vrf', 'family'],
              samples: [
                { labels: { vrf: 'red', family: 4 }, value: 0.5 },
                { labels: { family: 6, vrf: 'blue' }, value: 2n },
                { labels: { family: 4, vrf: 'blue' }, value: Infinity },
              ],
            });
            yield { name: 'ipam_seen_total', help, type: 'counter', samples: [{ value: 7 }] };
          },
        },
        { name: 'list', collect: () => [{ name: 'ipam_list', help, samples: new Set([{ value: 1 }]) }] },
        { name: 'promise', collect: async () => new Set([{ name: 'ipam_promise', help, samples: [] }]) },
        {
          name: 'sync_generator',
          *collect() {
            yield { name: 'ipam_sync', help, labelNames: ['a'], samples: [{ labels: { a: 'x' }, value: -1 }] };
          },
        },
      ],
    });
    const shown = await page();
    const ratios = findSeries(shown, 'ipam_prefix_utilisation_ratio').map(({ labels, value }) => [labels, value]);
    expect(ratios).toEqual([
      [{ vrf: 'blue', family: '4' }, Infinity],
      [{ vrf: 'blue', family: '6' }, 2],
      [{ vrf: 'red', family: '4' }, 0.5],
    ]);
    expect(shown.families.get('ipam_prefix_utilisation_ratio')?.type).toBe('gauge');
    expect(shown.families.get('ipam_seen_total')?.type).toBe('counter');
    expect(seriesValue(shown, 'ipam_seen_total')).toBe(7);
    expect(seriesValue(shown, 'ipam_list')).toBe(1);
    expect(shown.families.has('ipam_promise')).toBe(true);
    expect(seriesValue(shown, 'ipam_sync', { a: 'x' })).toBe(-1);
    for (const collector of ['generator', 'list', 'promise', 'sync_generator']) {
      expect(errorsOf(shown, collector)).toBe(0);
      const labels = { app: 'ipam', collector };
      expect(seriesValue(shown, 'app_collector_last_success_timestamp_seconds', labels)).toBe(1_700_000_000);
      expect(seriesValue(shown, 'app_collector_duration_seconds_count', labels)).toBe(1);
    }
    expect(seriesValue(shown, 'app_enabled', { app: 'ipam' })).toBe(1);
  });

  test('is shown until it is due, and fresh again then', async () => {
    const { registry, page, pass } = subject();
    const minutely = counting('minutely');
    const hourly = { ...counting('hourly'), refreshSeconds: 3600 };
    const always = { ...counting('always'), refreshSeconds: 0 };
    registerApp('ipam', { registry, collectors: [minutely, hourly, always] });
    for (let seconds = 0; seconds < 180; seconds += 20) {
      const shown = await page();
      expect(seriesValue(shown, 'minutely_runs')).toBe(1 + Math.floor(seconds / 60));
      expect(seriesValue(shown, 'hourly_runs')).toBe(1);
      expect(seriesValue(shown, 'always_runs')).toBe(1 + seconds / 20);
      pass(20);
    }
    pass(-10_000); // the clock was set back: better to run again than to wait until it has caught up
    expect(seriesValue(await page(), 'hourly_runs')).toBe(2);
  });

  test('is taken by one run at a time, whatever the number of scrapes', async () => {
    const { registry, page, pass } = subject();
    const { opened, open } = gate();
    let runs = 0;
    const slow: Collector = {
      name: 'slow',
      async *collect() {
        runs++;
        await opened;
        yield { name: 'slow_runs', help, samples: [{ value: runs }] };
      },
    };
    registerApp('ipam', { registry, collectors: [slow, counting('quick')] });
    const first = await Promise.all([page(), page(), page()]);
    for (const shown of first) {
      expect(seriesValue(shown, 'quick_runs')).toBe(1);
      expect(shown.families.has('slow_runs')).toBe(false);
    }
    pass(600);
    const later = await page();
    expect(seriesValue(later, 'quick_runs')).toBe(2);
    expect(runs).toBe(1);
    open();
    await eventually(async () => expect(seriesValue(await page(), 'slow_runs')).toBe(2));
    expect(runs).toBe(2);
  });

  test('keeps its series the same objects while nothing changes', async () => {
    const { registry } = subject();
    const one = (name: string, a: string): Collector => ({
      name,
      collect: () => [{ name: 'both', help, labelNames: ['a'], samples: [{ labels: { a }, value: 1 }] }],
    });
    registerApp('ipam', { registry, collectors: [one('one', 'x'), one('two', 'y')] });
    const series = async (): Promise<readonly unknown[]> =>
      (await registry.snapshot()).families.find(({ definition }) => definition.name === 'both')!.series;
    const before = await series();
    expect(await series()).toBe(before);
    expect(before).toEqual([['x'], ['y']]);
  });
});

describe('a collector that fails', () => {
  const families: Iterable<CollectedFamily> = [{ name: 'ipam_good', help, samples: [{ value: 1 }] }];
  const notFamilies =
    (value: unknown): (() => Iterable<CollectedFamily>) =>
    () =>
      value as Iterable<CollectedFamily>;
  const family = (change: object): (() => Iterable<CollectedFamily>) =>
    notFamilies([...families, { name: 'ipam_bad', help, samples: [{ value: 1 }], ...change }]);
  const sample = (value: unknown): (() => Iterable<CollectedFamily>) =>
    family({ labelNames: ['a'], samples: [{ labels: { a: 'x' }, value: 1 }, value] });
  const cases: Readonly<Record<string, Collector['collect']>> = {
    'throws at once': () => {
      throw new Error('no database');
    },
    'throws what is no error': () => {
      throw 'no database';
    },
    'throws undefined': () => {
      throw undefined;
    },
    rejects: async () => {
      throw new Error('no database');
    },
    'rejects with nothing': () => Promise.reject(),
    'throws half-way': async function* () {
      yield* families;
      throw new Error('no database');
    },
    'gives nothing': notFamilies(undefined),
    'gives null': notFamilies(null),
    'gives a string': notFamilies('ipam_good 1'),
    'gives a number': notFamilies(5),
    'gives an object': notFamilies({ name: 'ipam_good', help, samples: [] }),
    'gives a page': notFamilies(['# TYPE ipam_good gauge', 'ipam_good 1']),
    'gives a map': notFamilies(new Map([['ipam_good', 1]])),
    'gives a list with a hole': notFamilies([...families, undefined]),
    'gives what throws when looked at': notFamilies([
      new Proxy(
        {},
        {
          get() {
            throw new Error('no');
          },
        },
      ),
    ]),
    'gives a family without a name': family({ name: undefined }),
    'gives a bad name': family({ name: 'ipam bad' }),
    'gives a name of another alphabet': family({ name: 'ipam_größe' }),
    'gives no help': family({ help: undefined }),
    'gives an unknown type': family({ type: 'histogram' }),
    'gives a unit that is not in the name': family({ unit: 'seconds' }),
    'gives bad label names': family({ labelNames: ['a b'] }),
    'gives label names that are no list': family({ labelNames: 'a' }),
    'gives a label name twice': family({ labelNames: ['a', 'a'] }),
    'gives no samples': family({ samples: undefined }),
    'gives samples that are a number': family({ samples: 3 }),
    'gives samples that are a string': family({ samples: 'x' }),
    'gives a sample that is a number': family({ samples: [3] }),
    'gives NaN': sample({ labels: { a: 'y' }, value: Number.NaN }),
    'gives no value': sample({ labels: { a: 'y' } }),
    'gives text for a value': sample({ labels: { a: 'y' }, value: '3' }),
    'gives no labels': sample({ value: 3 }),
    'gives null for labels': sample({ labels: null, value: 3 }),
    'gives other labels': sample({ labels: { b: 'y' }, value: 3 }),
    'gives a label too many': sample({ labels: { a: 'y', b: 'y' }, value: 3 }),
    'gives an object for a label': sample({ labels: { a: {} }, value: 3 }),
    'gives a series twice': sample({ labels: { a: 'x' }, value: 3 }),
    'gives a family twice': notFamilies([...families, ...families]),
    'gives a name that another family writes': notFamilies([
      ...families,
      { name: 'ipam_good_total', help, type: 'counter', samples: [{ value: 1 }] },
    ]),
    'gives a falling counter': family({ type: 'counter', samples: [{ value: -1 }] }),
    'gives an infinite counter': family({ type: 'counter', samples: [{ value: Infinity }] }),
    'gives too many series': family({
      labelNames: ['n'],
      samples: Array.from({ length: 20_000 }, (_, n) => ({ labels: { n }, value: n })),
    }),
    'gives too much text': family({
      labelNames: ['n'],
      samples: Array.from({ length: 6000 }, (_, n) => ({ labels: { n: `${n} ${'x'.repeat(1000)}` }, value: n })),
    }),
    'gives samples without end': family({
      labelNames: ['n'],
      samples: {
        *[Symbol.iterator]() {
          for (let n = 0; ; n++) yield { labels: { n }, value: n };
        },
      },
    }),
    'gives a family without end': function* () {
      for (;;) yield { name: 'ipam_endless', help, samples: [] };
    },
    'gives differently named families without end': function* () {
      for (let n = 0; ; n++) yield { name: `ipam_endless_${n}`, help, samples: [] };
    },
  };

  test.each(Object.entries(cases))('because it %s, is left out and counted; the rest is shown', async (_, collect) => {
    const { registry, page, pass } = subject();
    const told = warnings();
    new Gauge({ name: 'own', help, registry }).set(1);
    registerApp('ipam', { registry, collectors: [{ name: 'bad', collect }, counting('good')] });
    for (let run = 1; run <= 2; run++) {
      const shown = await page();
      expect(seriesValue(shown, 'own')).toBe(1);
      expect(seriesValue(shown, 'good_runs')).toBe(run);
      await eventually(async () => expect(errorsOf(await page(), 'bad')).toBe(run));
      expect(errorsOf(shown, 'good')).toBe(0);
      expect(shown.families.has('ipam_bad')).toBe(false);
      pass(60);
    }
    expect(told).toEqual([
      expect.stringContaining('WARN_METRICS_COLLECTOR: The collector bad of the app ipam failed: '),
    ]);
  });

  test('keeps its last good values, and they go when they are too old', async () => {
    const { registry, page, pass } = subject();
    const told = warnings();
    let broken = false;
    registerApp('ipam', {
      registry,
      collectors: [
        {
          name: 'fickle',
          keepSeconds: 300,
          async collect() {
            if (broken) throw new Error('no database');
            return [{ name: 'ipam_fickle', help, samples: [{ value: 5 }] }];
          },
        },
      ],
    });
    await page();
    broken = true;
    for (let minute = 1; minute <= 4; minute++) {
      pass(60);
      const shown = await page();
      expect(seriesValue(shown, 'ipam_fickle')).toBe(5);
      expect(errorsOf(shown, 'fickle')).toBe(minute);
      const success = { app: 'ipam', collector: 'fickle' };
      expect(seriesValue(shown, 'app_collector_last_success_timestamp_seconds', success)).toBe(1_700_000_000);
    }
    pass(60);
    expect((await page()).families.has('ipam_fickle')).toBe(false);
    broken = false;
    pass(60);
    await page();
    await eventually(async () => expect(seriesValue(await page(), 'ipam_fickle')).toBe(5));
    expect(told).toHaveLength(1);
    broken = true;
    pass(60);
    await page();
    expect(told).toHaveLength(2);
  });

  test('because it hangs, is given up after its timeout, and holds up nothing', async () => {
    const { registry, page, pass } = subject();
    const told = warnings();
    const signals: AbortSignal[] = [];
    const hanging = (name: string): Collector => ({
      name,
      timeoutMs: 20,
      collect: ({ signal }) => {
        signals.push(signal);
        return new Promise<never>(() => {});
      },
    });
    const heeding: Collector = {
      name: 'heeding',
      timeoutMs: 20,
      async *collect({ signal }) {
        await sleep(60_000, undefined, { signal });
        yield { name: 'never', help, samples: [] };
      },
    };
    registerApp('ipam', { registry, collectors: [hanging('one'), hanging('two'), heeding, counting('good')] });
    expect(seriesValue(await page(), 'good_runs')).toBe(1);
    for (const name of ['one', 'two', 'heeding']) {
      await eventually(async () => expect(errorsOf(await page(), name)).toBe(1));
    }
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true]);
    expect(told).toHaveLength(3);
    expect(told.join()).toContain('no result within 20 ms');
    // What does not heed its signal may still be at it: it is not started again for a while. What
    // does is.
    pass(60);
    expect(seriesValue(await page(), 'good_runs')).toBe(2);
    await eventually(async () => expect(errorsOf(await page(), 'heeding')).toBe(2));
    expect(signals).toHaveLength(2);
    expect(errorsOf(await page(), 'one')).toBe(1);
  });

  test('late, is not believed, and runs again when it is back', async () => {
    const { registry, page, pass } = subject();
    warnings();
    const late = gate();
    let runs = 0;
    registerApp('ipam', {
      registry,
      collectors: [
        {
          name: 'late',
          timeoutMs: 20,
          async *collect() {
            if (++runs === 1) {
              await late.opened;
              yield { name: 'ipam_late', help, samples: [{ value: -1 }] };
              throw new Error('nobody hears it');
            }
            yield { name: 'ipam_late', help, samples: [{ value: runs }] };
          },
        },
      ],
    });
    await page();
    await eventually(async () => expect(errorsOf(await page(), 'late')).toBe(1));
    late.open();
    await sleep(5);
    expect((await page()).families.has('ipam_late')).toBe(false);
    pass(60);
    await page();
    await eventually(async () => expect(seriesValue(await page(), 'ipam_late')).toBe(2));
  });
});

describe('a family of several collectors', () => {
  const giving = (name: string, family: Partial<CollectedFamily>, a: string): Collector => ({
    name,
    collect: () => [
      { name: 'shared', help, labelNames: ['a'], samples: [{ labels: { a }, value: 1 }], ...family },
      { name: `${name}_own`, help, samples: [{ value: 1 }] },
    ],
  });

  test('is one where they agree', async () => {
    const { registry, page } = subject();
    registerApp('ipam', { registry, collectors: [giving('b', {}, 'y'), giving('a', { help: 'Other.' }, 'z')] });
    registerApp('dcim', { registry, collectors: [giving('a', {}, 'x')] });
    const shown = await page();
    expect(findSeries(shown, 'shared').map(({ labels }) => labels['a'])).toEqual(['x', 'y', 'z']);
    expect(findSeries(shown, 'app_collector_errors_total').every(({ value }) => value === 0)).toBe(true);
  });

  const refused: readonly (readonly [string, Partial<CollectedFamily>, string])[] = [
    ['the same series', {}, 'x'],
    ['another type', { type: 'counter', name: 'shared_total' }, 'y'],
    ['other labels', { labelNames: ['b'], samples: [{ labels: { b: 'y' }, value: 1 }] }, 'y'],
    ['a sample of the same name', { name: 'shared_total', type: 'counter' }, 'y'],
  ];
  test.each(refused)('is refused where they give %s', async (_, family, a) => {
    const { registry, page, pass } = subject();
    const told = warnings();
    registerApp('ipam', { registry, collectors: [giving('b', family, a)] });
    registerApp('dcim', { registry, collectors: [giving('a', {}, 'x')] });
    for (let run = 1; run <= 3; run++) {
      const shown = await page();
      if (run > 1) {
        expect(findSeries(shown, 'shared').map(({ labels }) => labels['a'])).toEqual(['x']);
        expect(shown.families.has('shared_total')).toBe(false);
        expect(errorsOf(shown, 'b')).toBeGreaterThanOrEqual(run - 1);
        expect(seriesValue(shown, 'app_collector_errors_total', { app: 'dcim', collector: 'a' })).toBe(0);
      }
      expect(seriesValue(shown, 'a_own')).toBe(1);
      expect(seriesValue(shown, 'b_own')).toBe(1);
      pass(60);
    }
    expect(told).toEqual([expect.stringMatching(/The collector b of the app ipam failed: shared.* is left out: /)]);
  });

  test("is refused where the application has its own, whatever the collector's order", async () => {
    const { registry, page } = subject();
    const told = warnings();
    new Counter({ name: 'shared', help, registry }).inc(3);
    registerApp('ipam', { registry, collectors: [giving('a', {}, 'x')] });
    const shown = await page();
    expect(seriesValue(shown, 'shared_total')).toBe(3);
    expect(findSeries(shown, 'shared')).toEqual([]);
    expect(seriesValue(shown, 'a_own')).toBe(1);
    expect(errorsOf(shown, 'a')).toBe(1);
    expect(told).toEqual([expect.stringContaining('the application has a metric of that name')]);
  });
});
