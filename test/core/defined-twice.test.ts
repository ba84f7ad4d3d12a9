import { afterEach, describe, expect, test, vi } from 'vitest';
import type { AnyMetric } from '../../src/core/any-metric.ts';
import { Counter } from '../../src/core/counter.ts';
import { Gauge } from '../../src/core/gauge.ts';
import { Histogram } from '../../src/core/histogram.ts';
import { Info } from '../../src/core/info.ts';
import { Registry } from '../../src/core/registry.ts';
import { StateSet } from '../../src/core/state-set.ts';
import { Summary } from '../../src/core/summary.ts';
import { negotiate } from '../../src/exposition/negotiate.ts';

const help = 'Help.';

async function page(registry: Registry): Promise<string> {
  return [...negotiate(undefined).render(await registry.snapshot())].join('');
}

/** Defines a metric, without a type that says which options it has. */
type Make = (options: Record<string, unknown> & { readonly registry: Registry }) => AnyMetric;

const make =
  (Kind: new (options: never) => AnyMetric): Make =>
  (options) =>
    new Kind({ name: 'x', help, labelNames: ['a'], ...options } as never);

/** Each kind, with options that make another family of it. */
const kinds: readonly (readonly [kind: string, make: Make, options: Record<string, unknown>, other: object])[] = [
  ['Counter', make(Counter), {}, { exactName: true }],
  ['Gauge', make(Gauge), { aggregation: 'max' }, { aggregation: 'min' }],
  ['Gauge of the living', make(Gauge), {}, { liveOnly: false }],
  ['Histogram', make(Histogram), { buckets: [1, 2] }, { buckets: [1, 2, 3] }],
  ['native Histogram', make(Histogram), { native: { schema: 3 } }, { native: { schema: 4 } }],
  ['Summary', make(Summary), { quantiles: [0.5] }, { quantiles: [0.5, 0.9] }],
  ['Info', make(Info), {}, { help: 'Other help.' }],
  ['StateSet', make(StateSet), { states: ['on', 'off'] }, { states: ['on'] }],
];

afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

describe.each(kinds)('a %s that is defined twice', (_, define, options, other) => {
  test('is one family with one set of handles', () => {
    const registry = new Registry();
    const [first, second] = [define({ ...options, registry }), define({ ...options, registry })];
    expect(second.labels({ a: '1' })).toBe(first.labels({ a: '1' }));
    expect([...registry.metrics()]).toHaveLength(1);
    first.remove({ a: '1' });
    expect(second.labels({ a: '1' })).toBe(first.labels({ a: '1' }));
  });

  test('throws where an option differs, and says which', () => {
    const registry = new Registry();
    const first = define({ ...options, registry });
    const [changed] = Object.keys(other);
    const attempts: readonly (readonly [string, object])[] = [
      [changed!, other],
      ['help', { help: 'Something else.' }],
      ['labelNames', { labelNames: ['a', 'b'] }],
      ['maxSeries', { maxSeries: 7 }],
      ['idleSeconds', { idleSeconds: 60 }],
    ];
    for (const [option, more] of attempts) {
      expect(() => define({ ...options, ...more, registry })).toThrow(
        expect.objectContaining({
          code: 'ERR_METRICS_DUPLICATE_NAME',
          message: expect.stringMatching(new RegExp(`^\\[?.*x is already defined .*: .*${option} was `)) as string,
        }),
      );
    }
    expect([...registry.metrics()]).toEqual([first]);
  });
});

describe('a family that is defined twice', () => {
  test('counts what both record', async () => {
    const registry = new Registry();
    const define = (): Counter<'where'> => new Counter({ name: 'views_total', help, labelNames: ['where'], registry });
    define().labels({ where: 'home' }).inc();
    define().labels({ where: 'home' }).inc(2);
    expect(await page(registry)).toContain('views_total{where="home"} 3\n');
    const sizes = (): Histogram => new Histogram({ name: 'sizes', help, buckets: [1, 10], registry });
    for (const value of [1, 5, 7]) sizes().observe(value);
    expect(await page(registry)).toMatch(/sizes_sum 13\nsizes_count 3$/m);
  });

  test('runs the newest collect', async () => {
    const registry = new Registry();
    const define = (value: number): Gauge => {
      const gauge: Gauge = new Gauge({ name: 'size', help, registry, collect: () => gauge.set(value) });
      return gauge;
    };
    define(1);
    expect(await page(registry)).toContain('size 1\n');
    define(2);
    expect(await page(registry)).toContain('size 2\n');
    // A second definition without the option says nothing about it.
    new Gauge({ name: 'size', help, registry });
    expect(await page(registry)).toContain('size 2\n');
  });

  test('is named as the user wrote it', () => {
    const registry = new Registry();
    new Counter({ name: 'views_total', help, registry });
    expect(() => new Counter({ name: 'views_total', help, labelNames: ['who'], registry })).toThrow(
      'views_total is already defined in this registry with another definition: labelNames was [] and is ["who"]',
    );
    expect(() => new Gauge({ name: 'views', help, registry })).toThrow('views is already defined');
    expect(() => new Gauge({ name: 'views_total', help, registry })).toThrow(
      'views_total would write views_total, which views_total has taken',
    );
  });

  test('is on one page, and moves to another with both metrics', async () => {
    const [from, to] = [new Registry(), new Registry()];
    const [first, second] = [1, 2].map(() => new Counter({ name: 'jobs', help, registry: from }));
    first!.inc();
    to.adopt(second!);
    first!.inc();
    expect(await page(to)).toContain('jobs_total 2\n');
    expect(await page(from)).toBe('');
    expect([first!.registry, to.has(first!), from.has(first!)]).toEqual([to, true, false]);
    to.unregister(first!);
    expect(await page(to)).toBe('');
  });

  test('is a family of each registry', () => {
    const define = (registry: Registry): Counter<'a'> => new Counter({ name: 'x', help, labelNames: ['a'], registry });
    expect(define(new Registry()).labels({ a: '1' })).not.toBe(define(new Registry()).labels({ a: '1' }));
  });

  test('may have a class of its own that keeps private state', () => {
    const registry = new Registry();
    class Requests extends Counter<'route'> {
      readonly #home = this.labels({ route: '/' });

      constructor() {
        super({ name: 'requests', help, labelNames: ['route'], registry });
      }

      visit(): number {
        this.#home.inc();
        return this.#home.value;
      }
    }
    expect([new Requests().visit(), new Requests().visit()]).toEqual([1, 2]);
  });
});

describe('in development', () => {
  test('the newest definition wins, with one warning a family', async () => {
    vi.stubEnv('NODE_ENV', 'development');
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const registry = new Registry();
    const old = new Counter({ name: 'views_total', help, registry });
    old.inc(5);
    for (const labelNames of [['a'], ['a', 'b'], ['a', 'b', 'c']]) {
      const newest = new Counter({ name: 'views_total', help, labelNames, registry });
      newest.labels(Object.fromEntries(labelNames.map((name) => [name, '1']))).inc();
    }
    old.inc();
    expect((await page(registry)).split('\n').slice(2)).toEqual(['views_total{a="1",b="1",c="1"} 1', '']);
    expect(warned.mock.calls).toEqual([
      [
        expect.stringContaining(
          'views_total was defined again with another definition (labelNames was [] and is ["a"])',
        ),
        expect.objectContaining({ code: 'WARN_METRICS_REDEFINED' }),
      ],
    ]);
  });

  test('the same definition still joins, and a name of another family is still refused', () => {
    vi.stubEnv('NODE_ENV', 'development');
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const registry = new Registry();
    const define = (): Counter<'a'> => new Counter({ name: 'x_total', help, labelNames: ['a'], registry });
    expect(define().labels({ a: '1' })).toBe(define().labels({ a: '1' }));
    expect(() => new Gauge({ name: 'x_total', help, registry })).toThrow(/x_total, which x_total has taken/);
    expect(warned).not.toHaveBeenCalled();
  });

  test('a registry can be told otherwise', () => {
    vi.stubEnv('NODE_ENV', 'development');
    const registry = new Registry({ replaces: false });
    new Counter({ name: 'x', help, registry });
    expect(() => new Gauge({ name: 'x', help, registry })).toThrow('type was counter and is gauge');
  });
});

describe('an option that does not exist', () => {
  test.each([
    ['Counter', make(Counter), { labels: ['x'] }, 'labels (did you mean labelNames?)'],
    ['Counter', make(Counter), { labelnames: ['x'] }, 'labelnames (did you mean labelNames?)'],
    ['Counter', make(Counter), { buckets: [1] }, 'buckets: remove it (there are name, help, labelNames'],
    ['Gauge', make(Gauge), { aggregator: 'sum' }, 'aggregator (did you mean aggregation?)'],
    ['Gauge', make(Gauge), { registers: [] }, 'registers (did you mean registry?)'],
    ['Histogram', make(Histogram), { bucket: [1] }, 'bucket (did you mean buckets?)'],
    [
      'Histogram',
      make(Histogram),
      { native: { maxbuckets: 1 } },
      'native.maxbuckets (did you mean native.maxBuckets?)',
    ],
    ['Summary', make(Summary), { percentiles: [0.5] }, 'percentiles (did you mean quantiles?)'],
    ['Info', make(Info), { description: 'x' }, 'description (did you mean help?)'],
    ['StateSet', make(StateSet), { states: ['a'], state: 'a' }, 'state (did you mean states?)'],
  ] as const)('of a %s is an error that says which was meant', (_, define, options, message) => {
    const registry = new Registry();
    expect(() => define({ ...options, registry })).toThrow(
      expect.objectContaining({
        code: 'ERR_METRICS_INVALID_OPTION',
        message: expect.stringContaining(`x: there is no option ${message}`) as string,
      }),
    );
    expect([...registry.metrics()]).toEqual([]);
  });

  test('is no error while it is undefined, and none of those that exist is refused', () => {
    const registry = new Registry();
    const options = { registry, unit: '', utf8Names: false, maxSeries: 1, idleSeconds: 1, collect: () => {} };
    expect(() => make(Counter)({ ...options, name: 'a', exactName: false, labels: undefined })).not.toThrow();
    expect(() => make(Gauge)({ ...options, name: 'b', aggregation: 'all', liveOnly: true })).not.toThrow();
    const native = { schema: 1, maxBuckets: 10, zeroThreshold: 0, factor: undefined };
    expect(() => make(Histogram)({ ...options, name: 'c', buckets: [1], native })).not.toThrow();
  });
});
