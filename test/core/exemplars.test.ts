import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Counter, type ExemplarLabels, Histogram, Registry } from '../../src/index.ts';
import type { Exemplar } from '../../src/snapshot/exemplar.ts';

let registry: Registry;

beforeEach(() => {
  vi.useFakeTimers({ now: 1_700_000_000_000 });
  registry = new Registry({ clock: { now: () => Date.now(), sharedMs: () => Date.now() } });
});

afterEach(() => {
  registry.close();
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

async function exemplarsOf(family: string): Promise<readonly (readonly Exemplar[])[] | undefined> {
  return (await registry.snapshot()).families.find(({ definition }) => definition.name === family)!.exemplars;
}

describe('an exemplar that is given', () => {
  test('is kept for the counter, with the time if it has none of its own', async () => {
    const jobs = new Counter({ name: 'jobs_total', help: 'Jobs.', registry });
    expect(await exemplarsOf('jobs')).toBeUndefined();
    jobs.inc(2, { labels: { trace_id: 'abc', attempt: 3, ok: true } });
    const labels = { trace_id: 'abc', attempt: '3', ok: 'true' };
    expect(await exemplarsOf('jobs')).toEqual([[{ place: 0, labels, value: 2, timestamp: 1_700_000_000 }]]);
    jobs.inc(1, { labels: {}, timestamp: 12.5 });
    expect(await exemplarsOf('jobs')).toEqual([[{ place: 0, labels: {}, value: 1, timestamp: 12.5 }]]);
  });

  test.each([false, true])('is kept for its bucket (with native ones beside: %s)', async (native) => {
    const size = new Histogram({
      name: 'size',
      help: 'Size.',
      buckets: [1, 10],
      registry,
      ...(native && { native: {} }),
    });
    for (const value of [0.5, 1, 7, 100]) size.observe(value, { labels: { v: value } });
    expect((await exemplarsOf('size'))![0]!.map(({ place, value }) => [place, value])).toEqual([
      [0, 1],
      [1, 7],
      [2, 100],
    ]);
  });

  test('of a native histogram is kept for its power of ten, and never for NaN', async () => {
    const size = new Histogram({ name: 'size', help: 'Size.', native: {}, registry });
    for (const value of [0.5, 3, 4, 70, 0, NaN, 5e-324, Infinity]) size.observe(value, { labels: {} });
    const values = (await exemplarsOf('size'))![0]!.map(({ value }) => value);
    expect(values.sort((a, b) => a - b)).toEqual([5e-324, 0.5, 70, Infinity]);
  });

  test('goes through a stopwatch', async () => {
    const wait = new Histogram({ name: 'wait', help: 'Wait.', registry });
    wait.startTimer()({ labels: { trace_id: 'x' } });
    expect(await exemplarsOf('wait')).toMatchObject([[{ labels: { trace_id: 'x' } }]]);
  });

  test.each([
    ['too long', { a: 'x'.repeat(128) }],
    ['a name that is none', { 'a-b': 'x' }],
    ['a reserved name', { __a: 'x' }],
    ['a value that is none', { a: null }],
    ['nothing', undefined],
  ])('is refused, and nothing is counted: %s', async (_what, labels) => {
    const jobs = new Counter({ name: 'jobs_total', help: 'Jobs.', registry });
    const size = new Histogram({ name: 'size', help: 'Size.', registry });
    const exemplar = { labels: labels as unknown as ExemplarLabels };
    const fault = expect.objectContaining({ code: 'ERR_METRICS_INVALID_EXEMPLAR' });
    expect(() => jobs.inc(1, exemplar)).toThrow(fault);
    expect(() => size.observe(1, exemplar)).toThrow(fault);
    expect(() => jobs.inc(1, { labels: {}, timestamp: NaN })).toThrow(fault);
    const [counter, histogram] = (await registry.snapshot()).families;
    expect([...counter!.values, ...histogram!.values].every((value) => value === 0)).toBe(true);
  });

  test('may have 128 code points, whatever they are', () => {
    const jobs = new Counter({ name: 'jobs_total', help: 'Jobs.', registry });
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 100, maxLength: 140 }), (text) => {
        const tooLong = Array.from(text.toWellFormed()).length + 1 > 128;
        const inc = (): void => jobs.inc(1, { labels: { a: text } });
        if (tooLong) expect(inc).toThrow('OpenMetrics allows 128');
        else expect(inc).not.toThrow();
      }),
    );
  });
});

describe('a source', () => {
  test('gives each bucket and each series one exemplar a second at most', async () => {
    const source = vi.fn<() => ExemplarLabels>(() => ({ trace_id: 'x' }));
    const jobs = new Counter({ name: 'jobs_total', help: 'Jobs.', labelNames: ['kind'], registry });
    const [a, b] = [jobs.labels({ kind: 'a' }), jobs.labels({ kind: 'b' })];
    registry.setExemplarSource(source);
    const size = new Histogram({ name: 'size', help: 'Size.', buckets: [1], registry });
    const recordAll = (): void => {
      for (let i = 0; i < 3; i++) {
        a.inc();
        b.inc();
        size.observe(0.5);
        size.observe(5);
      }
    };
    recordAll();
    expect(source).toHaveBeenCalledTimes(4);
    vi.advanceTimersByTime(999);
    recordAll();
    expect(source).toHaveBeenCalledTimes(4);
    vi.advanceTimersByTime(1);
    recordAll();
    expect(source).toHaveBeenCalledTimes(8);
    expect(await exemplarsOf('jobs')).toMatchObject([[{ timestamp: 1_700_000_001 }], [{ labels: { trace_id: 'x' } }]]);
  });

  test('is asked again while it has nothing', async () => {
    const source = vi.fn<() => ExemplarLabels | undefined>();
    registry = new Registry({ exemplarSource: source });
    const jobs = new Counter({ name: 'jobs_total', help: 'Jobs.', registry });
    jobs.inc();
    jobs.inc();
    expect(await exemplarsOf('jobs')).toBeUndefined();
    source.mockReturnValue({ trace_id: 'x' });
    jobs.inc();
    jobs.inc();
    expect(source).toHaveBeenCalledTimes(3);
    expect(await exemplarsOf('jobs')).toHaveLength(1);
  });

  test.each([
    [
      'throws',
      (): ExemplarLabels => {
        throw new Error('source');
      },
    ],
    ['gives what can not be written', (): ExemplarLabels => ({ 'a b': 'x' })],
    ['gives too much', (): ExemplarLabels => ({ a: 'x'.repeat(200) })],
  ])('that %s does no harm', async (_what, source) => {
    registry.setExemplarSource(source);
    const jobs = new Counter({ name: 'jobs_total', help: 'Jobs.', registry });
    jobs.inc(5);
    expect(jobs).toMatchObject({ name: 'jobs' });
    expect((await registry.snapshot()).families[0]).toMatchObject({ values: Float64Array.of(5) });
    expect(await exemplarsOf('jobs')).toBeUndefined();
  });

  test('may itself record', async () => {
    const jobs = new Counter({ name: 'jobs_total', help: 'Jobs.', registry });
    registry.setExemplarSource(() => {
      jobs.inc();
      return { trace_id: 'x' };
    });
    jobs.inc();
    expect((await registry.snapshot()).families[0]!.values).toEqual(Float64Array.of(2));
  });

  test('gives way to an exemplar that is given, and can be taken away', () => {
    const source = vi.fn<() => ExemplarLabels>(() => ({ trace_id: 'x' }));
    const jobs = new Counter({ name: 'jobs_total', help: 'Jobs.', registry });
    registry.setExemplarSource(source);
    jobs.inc(1, { labels: {} });
    registry.setExemplarSource(undefined);
    jobs.inc();
    expect(source).not.toHaveBeenCalled();
  });
});
