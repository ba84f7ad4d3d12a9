import { afterEach, describe, expect, test, vi } from 'vitest';
import { Counter, Gauge, Histogram, Registry, Summary, register } from '../../src/prom-client.ts';

afterEach(() => {
  register.clear();
  vi.useRealTimers();
});

const help = 'Help.';
const aside = { help, registers: [] as Registry[] };

async function valuesOf(metric: Counter | Gauge | Histogram | Summary): Promise<object[]> {
  return (await metric.get()).values;
}

describe('counters', () => {
  test('take a value, labels, both, or labels first', async () => {
    const plain = new Counter({ name: 'plain', ...aside });
    plain.inc();
    plain.inc(2);
    plain.inc(0);
    expect(await valuesOf(plain)).toEqual([{ value: 3, labels: {} }]);

    const labelled = new Counter({ name: 'labelled', ...aside, labelNames: ['method', 'code'] });
    labelled.inc({ method: 'GET', code: 200 });
    labelled.inc({ code: 200, method: 'GET' }, 2);
    labelled.labels('GET', 200).inc(3);
    labelled.labels({ method: 'POST', code: '500' }).inc();
    expect(await valuesOf(labelled)).toEqual([
      { value: 6, labels: { method: 'GET', code: 200 } },
      { value: 1, labels: { method: 'POST', code: '500' } },
    ]);
  });

  test('a label that is left out is as good as empty', async () => {
    const counter = new Counter({ name: 'partial', ...aside, labelNames: ['a', 'b'] });
    counter.inc({ a: 'x' });
    counter.inc({ a: 'x', b: '' });
    counter.inc({});
    expect(await valuesOf(counter)).toEqual([
      { value: 2, labels: { a: 'x' } },
      { value: 1, labels: {} },
    ]);
  });

  test('label sets stay apart that prom-client or its successor merge', async () => {
    const counter = new Counter({ name: 'apart', ...aside, labelNames: ['a', 'b'] });
    counter.inc({ a: '1|2', b: '3' });
    counter.inc({ a: '1', b: '2|3' });
    counter.inc({ a: 'x,b:y' });
    counter.inc({ a: 'x', b: 'y' });
    expect((await valuesOf(counter)).length).toBe(4);
  });

  test('a labels object that is changed later does not rename the series', async () => {
    const counter = new Counter({ name: 'renamed', ...aside, labelNames: ['code'] });
    const labels = { code: 200 };
    counter.inc(labels);
    labels.code = 500;
    expect(await valuesOf(counter)).toEqual([{ value: 1, labels: { code: 200 } }]);
  });

  test.each([
    [-1, Error, 'It is not possible to decrease a counter'],
    ['3', TypeError, 'Value is not a valid number: 3'],
    [Infinity, TypeError, 'Value is not a valid number: Infinity'],
    [NaN, TypeError, 'Value is not a valid number: NaN'],
  ])('refuse %s', async (value, type, message) => {
    const counter = new Counter({ name: 'refusing', ...aside });
    const call = (): void => counter.inc(value as number);
    expect(call).toThrow(type);
    expect(call).toThrow(message);
    expect(await valuesOf(counter)).toEqual([{ value: 0, labels: {} }]);
  });

  test('say which label they do not have, and how many values they need', () => {
    const counter = new Counter({ name: 'strict', ...aside, labelNames: ['a', 'b'] });
    expect(() => counter.inc({ a: '1', c: '2' } as object)).toThrow(
      `Added label "c" is not included in initial labelset: [ 'a', 'b' ]`,
    );
    expect(() => counter.labels('1')).toThrow('Invalid number of arguments (1): "1" for label names (2): "a, b".');
  });

  test('show a series once it has counted, not once it is asked for; a removed one begins anew', async () => {
    const counter = new Counter({ name: 'lazy', ...aside, labelNames: ['a'] });
    const child = counter.labels('x');
    expect(await valuesOf(counter)).toEqual([]);
    child.inc(5);
    counter.remove('x');
    expect(await valuesOf(counter)).toEqual([]);
    child.inc();
    expect(await valuesOf(counter)).toEqual([{ value: 1, labels: { a: 'x' } }]);
    counter.reset();
    expect(await valuesOf(counter)).toEqual([]);
  });

  test('are brought up to date by collect, with themselves as this, before they are read', async () => {
    const counter: Counter = new Counter({
      name: 'collected',
      ...aside,
      async collect() {
        await Promise.resolve();
        this.inc(2);
      },
    });
    expect(await valuesOf(counter)).toEqual([{ value: 2, labels: {} }]);
    expect(await valuesOf(counter)).toEqual([{ value: 4, labels: {} }]);
  });
});

describe('gauges', () => {
  test('go up and down, and take any number', async () => {
    const gauge = new Gauge({ name: 'gauge', ...aside, labelNames: ['a'] });
    gauge.set({ a: '1' }, 10);
    gauge.inc({ a: '1' });
    gauge.dec({ a: '1' }, 3);
    gauge.labels('2').set(-1.5);
    gauge.labels('2').dec();
    gauge.labels('3').inc(Infinity);
    expect(await valuesOf(gauge)).toEqual([
      { value: 8, labels: { a: '1' } },
      { value: -2.5, labels: { a: '2' } },
      { value: Infinity, labels: { a: '3' } },
    ]);
    expect(() => gauge.set({ a: '1' }, '1' as unknown as number)).toThrow('Value is not a valid number: 1');
    expect(() => gauge.inc('1' as unknown as number)).toThrow('Delta is not a valid number: 1');
  });

  test('tell the time, and how long something took', async () => {
    vi.useFakeTimers({ now: 5000 });
    const gauge = new Gauge({ name: 'timed', ...aside, labelNames: ['a', 'b'] });
    gauge.setToCurrentTime({ a: 'now' });
    const stop = gauge.startTimer({ a: 'took' });
    vi.advanceTimersByTime(1500);
    expect(stop({ b: 'x' })).toBe(1.5);
    expect(await valuesOf(gauge)).toEqual([
      { value: 5, labels: { a: 'now' } },
      { value: 1.5, labels: { a: 'took', b: 'x' } },
    ]);
  });

  test('without labels can be removed, until they are set again', async () => {
    const gauge = new Gauge({ name: 'gone', ...aside });
    gauge.set(1);
    gauge.remove();
    expect(await valuesOf(gauge)).toEqual([]);
    gauge.inc();
    expect(await valuesOf(gauge)).toEqual([{ value: 1, labels: {} }]);
  });
});

describe('histograms', () => {
  test('give cumulative buckets, the sum and the count of each series', async () => {
    const histogram = new Histogram({ name: 'h', ...aside, labelNames: ['a'], buckets: [5, 1, 1, Infinity] });
    histogram.observe({ a: 'x' }, 0.5);
    histogram.labels('x').observe(3);
    histogram.observe({ a: 'x' }, 100);
    expect(await valuesOf(histogram)).toEqual([
      { metricName: 'h_bucket', labels: { le: 1, a: 'x' }, value: 1, exemplar: null },
      { metricName: 'h_bucket', labels: { le: 5, a: 'x' }, value: 2, exemplar: null },
      { metricName: 'h_bucket', labels: { le: '+Inf', a: 'x' }, value: 3, exemplar: null },
      { metricName: 'h_sum', labels: { a: 'x' }, value: 103.5 },
      { metricName: 'h_count', labels: { a: 'x' }, value: 3 },
    ]);
  });

  test('show zeros at first, and nothing after a reset until they observe again', async () => {
    const histogram = new Histogram({ name: 'reset', ...aside, buckets: [1] });
    expect((await valuesOf(histogram)).length).toBe(4);
    histogram.reset();
    expect(await valuesOf(histogram)).toEqual([]);
    histogram.observe(0);
    expect((await valuesOf(histogram)).length).toBe(4);
    histogram.zero({});
  });

  test('refuse what is no number, and the label that is theirs', () => {
    const histogram = new Histogram({ name: 'strict', ...aside });
    expect(() => histogram.observe(NaN)).toThrow(new TypeError('Value is not a valid number: NaN'));
    expect(() => new Histogram({ name: 'le', ...aside, labelNames: ['le'] })).toThrow('le is a reserved label keyword');
  });
});

describe('summaries', () => {
  test('give quantiles over everything, the sum and the count', async () => {
    const summary = new Summary({ name: 's', ...aside, labelNames: ['a'], percentiles: [0.5, 0.99] });
    for (let i = 1; i <= 1001; i++) summary.observe({ a: 'x' }, i);
    const values = await valuesOf(summary);
    expect(values.slice(2)).toEqual([
      { metricName: 's_sum', labels: { a: 'x' }, value: 501_501 },
      { metricName: 's_count', labels: { a: 'x' }, value: 1001 },
    ]);
    expect(values[0]).toEqual({ labels: { quantile: 0.5, a: 'x' }, value: expect.closeTo(501, -1) as number });
    expect(values[1]).toEqual({ labels: { quantile: 0.99, a: 'x' }, value: expect.closeTo(991, -1) as number });
  });

  test('forget values that are too old, and drop the series if asked to', async () => {
    vi.useFakeTimers({ now: 0 });
    const options = { ...aside, percentiles: [0.5], maxAgeSeconds: 10, ageBuckets: 5 };
    const kept = new Summary({ name: 'kept', ...options });
    const pruned = new Summary({ name: 'pruned', ...options, pruneAgedBuckets: true });
    kept.observe(1);
    pruned.observe(1);
    vi.advanceTimersByTime(6000);
    kept.observe(3);
    expect((await valuesOf(kept))[0]).toMatchObject({ value: 2 });
    vi.advanceTimersByTime(5000);
    expect((await valuesOf(kept))[0]).toMatchObject({ value: 3 });
    expect(await valuesOf(pruned)).toEqual([]);
    pruned.observe(7);
    expect(await valuesOf(pruned)).toMatchObject([{ value: 7 }, { value: 7 }, { value: 1 }]);
  });

  test('keep their series at zero when they are reset', async () => {
    const summary = new Summary({ name: 'zeroed', ...aside, labelNames: ['a'], percentiles: [0.5] });
    summary.labels('x').observe(5);
    summary.reset();
    expect(await valuesOf(summary)).toMatchObject([{ value: 0 }, { value: 0 }, { value: 0 }]);
  });
});

describe('exemplars', () => {
  const openMetrics = new Registry(Registry.OPENMETRICS_CONTENT_TYPE);

  test('are kept for counters, and by bucket for histograms', async () => {
    vi.useFakeTimers({ now: 2000 });
    const options = { help, registers: [openMetrics], enableExemplars: true, labelNames: ['a'] };
    const counter = new Counter({ name: 'jobs_total', ...options });
    counter.inc({ labels: { a: 'x' }, value: 2, exemplarLabels: { trace_id: 't' } });
    counter.inc({ labels: { a: 'x' } });
    const histogram = new Histogram({ name: 'took', ...options, buckets: [1, 2] });
    histogram.observe({ labels: { a: 'x' }, value: 1.5, exemplarLabels: { trace_id: 'u' } });
    expect(await openMetrics.metrics()).toBe(`\
# HELP jobs Help.
# TYPE jobs counter
jobs_total{a="x"} 3 # {trace_id="t"} 2 2
# HELP took Help.
# TYPE took histogram
took_bucket{le="1",a="x"} 0
took_bucket{le="2",a="x"} 1 # {trace_id="u"} 1.5 2
took_bucket{le="+Inf",a="x"} 1
took_sum{a="x"} 1.5
took_count{a="x"} 1
# EOF
`);
  });

  test('are refused where they can not be shown, and where they are too long', () => {
    const options = { help, enableExemplars: true };
    expect(() => new Counter({ name: 'c', ...options })).toThrow(
      new TypeError('Exemplars are supported only on OpenMetrics registries'),
    );
    const counter = new Counter({ name: 'long', ...options, registers: [openMetrics] });
    expect(() => counter.inc({ exemplarLabels: { id: 'x'.repeat(127) } })).toThrow(RangeError);
  });
});

test.each([
  [undefined, 'constructor expected a config object'],
  [{ name: 'a' }, 'Missing mandatory help parameter'],
  [{ help }, 'Missing mandatory name parameter'],
  [{ name: 'no name', help }, 'Invalid metric name: no name'],
  [{ name: 'a', help, labelNames: ['x', 'a-b', '__c'] }, 'At least one label name is invalid: a-b,__c'],
  [{ name: 'a', help, collect: 1 }, 'Optional "collect" parameter must be a function'],
])('the configuration %o is refused', (config, message) => {
  expect(() => new Counter(config as never)).toThrow(message);
});
