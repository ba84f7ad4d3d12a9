import { afterEach, describe, expect, test, vi } from 'vitest';
import { defaultRegistry } from '../../src/core/default-registry.ts';
import { Counter as CoreCounter } from '../../src/core/counter.ts';
import { negotiate } from '../../src/exposition/negotiate.ts';
import client, * as api from '../../src/prom-client.ts';
import {
  AggregatorRegistry,
  aggregators,
  collectDefaultMetrics,
  Counter,
  exponentialBuckets,
  Gauge,
  Histogram,
  linearBuckets,
  Registry,
  register,
  Summary,
  validateMetricName,
} from '../../src/prom-client.ts';

afterEach(() => {
  register.clear();
  register.setContentType(Registry.PROMETHEUS_CONTENT_TYPE);
});

const help = 'Help.';

async function page(accept?: string): Promise<string> {
  return [...negotiate(accept).render(await defaultRegistry.snapshot())].join('');
}

describe('a registry of its own', () => {
  test('writes its metrics in the order of their registration', async () => {
    const registry = new Registry();
    const registers = [registry];
    new Gauge({ name: 'z', help: 'Line\nbreak \\.', registers }).set(NaN);
    new Counter({ name: 'a', help, registers, labelNames: ['x'] }).inc({ x: 'a"b\\c\nd' });
    expect(await registry.metrics()).toBe(`\
# HELP z Line\\nbreak \\\\.
# TYPE z gauge
z NaN

# HELP a Help.
# TYPE a counter
a{x="a\\"b\\\\c\\nd"} 1
`);
    expect(await registry.getSingleMetricAsString('a')).toBe(
      '# HELP a Help.\n# TYPE a counter\na{x="a\\"b\\\\c\\nd"} 1',
    );
    expect(await page()).toBe('');
  });

  test('adds default labels where a sample does not have them', async () => {
    const registry = new Registry();
    registry.setDefaultLabels({ app: 'shop', a: 'default' });
    const counter = new Counter({ name: 'c', help, registers: [registry], labelNames: ['a'] });
    const histogram = new Histogram({ name: 'h', help, registers: [registry], buckets: [1], labelNames: ['a'] });
    counter.inc({ a: 'own' });
    counter.inc({});
    histogram.observe({ a: 'own' }, 1);
    const lines = (await registry.metrics()).split('\n');
    expect(lines).toContain('c{a="own",app="shop"} 1');
    expect(lines).toContain('c{app="shop",a="default"} 1');
    expect(lines).toContain('h_bucket{le="1",app="shop",a="own"} 1');
    const [json] = await registry.getMetricsAsJSON();
    expect(json!.values.map(({ labels }) => labels)).toEqual([
      { a: 'own', app: 'shop' },
      { a: 'default', app: 'shop' },
    ]);
    expect((await counter.get()).values[1]!.labels).toEqual({});
  });

  test('knows its metrics by name, and only one by each', async () => {
    const registry = new Registry();
    const counter = new Counter({ name: 'c', help, registers: [registry], aggregator: 'max' });
    expect(() => new Gauge({ name: 'c', help, registers: [registry] })).toThrow(
      'A metric with the name c has already been registered.',
    );
    expect(registry.getSingleMetric('c')).toBe(counter);
    expect(registry.getMetricsAsArray()).toEqual([counter]);
    expect(registry.getMetricsAsArray('sum')).toEqual([]);
    expect((await registry.getMetricsAsJSON('max')).map(({ name }) => name)).toEqual(['c']);
    registry.removeSingleMetric('c');
    expect(registry.getSingleMetric('c')).toBeUndefined();
    expect(await registry.metrics()).toBe('\n');
  });

  test('takes whatever can be read like a metric', async () => {
    const registry = new Registry();
    registry.registerMetric({
      name: 'other',
      get: () => ({ name: 'other', help, type: 'gauge', values: [{ value: 1, labels: { a: 'b' } }] }),
    });
    expect(await registry.metrics()).toBe('# HELP other Help.\n# TYPE other gauge\nother{a="b"} 1\n');
  });

  test('resets all metrics', async () => {
    const registry = new Registry();
    const registers = [registry];
    new Counter({ name: 'c', help, registers }).inc(3);
    new Summary({ name: 's', help, registers }).observe(3);
    registry.resetMetrics();
    expect((await registry.getMetricsAsJSON()).flatMap(({ values }) => values.map(({ value }) => value))).toEqual(
      Array.from({ length: 10 }, () => 0),
    );
  });

  test('throws what a metric throws when it is read', async () => {
    const registry = new Registry();
    const collect = (): Promise<void> => Promise.reject(new Error('no database'));
    new Gauge({ name: 'g', help, registers: [registry], collect });
    await expect(registry.metrics()).rejects.toThrow('no database');
    await expect(registry.getMetricsAsJSON()).rejects.toThrow('no database');
  });

  test('has one of two content types', () => {
    expect(() => new Registry('text/html' as never)).toThrow(new TypeError('Content type text/html is unsupported'));
    expect(() => register.setContentType('text/html' as never)).toThrow('Content type text/html is unsupported');
    expect(api.contentType).toBe(api.prometheusContentType);
    register.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
    expect([api.contentType, client.contentType]).toEqual([api.openMetricsContentType, api.openMetricsContentType]);
  });

  test('merges with others of its content type', async () => {
    const registries = [new Registry(), new Registry()];
    for (const [i, registry] of registries.entries()) new Gauge({ name: `g${i}`, help, registers: [registry] }).set(i);
    expect(await Registry.merge(registries).metrics()).toBe(
      '# HELP g0 Help.\n# TYPE g0 gauge\ng0 0\n\n# HELP g1 Help.\n# TYPE g1 gauge\ng1 1\n',
    );
    expect(() => Registry.merge([registries[0]!, registries[0]!, new Registry()])).not.toThrow();
    registries[1]!.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
    expect(() => Registry.merge(registries)).toThrow('Registers can only be merged if they have the same content type');
  });

  test('is made of what several processes gave, each metric by its aggregator', async () => {
    const gave = (value: number): object[] =>
      ['sum', 'first', 'min', 'max', 'average', 'omit'].map((aggregator) => ({
        name: aggregator,
        help,
        type: 'gauge',
        aggregator,
        values: [
          { value, labels: { a: '1|2', b: '3' } },
          { value: value * 2, labels: { b: '2|3', a: '1' } },
        ],
      }));
    const merged = AggregatorRegistry.aggregate([gave(1), gave(4)]);
    const values = Object.fromEntries(
      (await merged.getMetricsAsJSON()).map((metric) => [metric.name, metric.values.map(({ value }) => value)]),
    );
    expect(values).toEqual({ sum: [5, 10], first: [1, 2], min: [1, 2], max: [4, 8], average: [2.5, 5] });
    expect(() => Registry.aggregate([[{ name: 'x', help, type: 'gauge', aggregator: 'median' }]])).toThrow(
      "'median' is not a defined aggregator.",
    );
    expect(Object.keys(aggregators).sort()).toEqual(['average', 'first', 'max', 'min', 'omit', 'sum']);
  });
});

describe('the global registry', () => {
  test('is the page: exact names, in every format', async () => {
    new Counter({ name: 'hits', help }).inc(1);
    new Counter({ name: 'jobs_total', help }).inc(2);
    new Gauge({ name: 'jobs', help }).set(3);
    const text = '# HELP hits Help.\n# TYPE hits counter\nhits 1\n';
    expect(await page()).toBe(
      `${text}# HELP jobs Help.\n# TYPE jobs gauge\njobs 3\n# HELP jobs_total Help.\n# TYPE jobs_total counter\njobs_total 2\n`,
    );
    expect(await page('application/openmetrics-text;version=1.0.0')).toContain('# TYPE hits unknown\n');
    register.removeSingleMetric('jobs');
    expect(await page('application/openmetrics-text;version=1.0.0')).toContain('# TYPE jobs counter\n');
  });

  test('shows what others have put on the page, until it is cleared', async () => {
    const other = new CoreCounter({ name: 'native_total', help, labelNames: ['a'] });
    other.labels({ a: 'x' }).inc(2);
    expect(await register.metrics()).toBe(
      '# HELP native_total Help.\n# TYPE native_total counter\nnative_total{a="x"} 2\n',
    );
    expect((await register.getMetricsAsJSON())[0]).toMatchObject({ name: 'native_total', values: [{ value: 2 }] });
    register.clear();
    expect(await register.metrics()).toBe('\n');
    expect(await page()).toContain('native_total{a="x"} 2\n');
    defaultRegistry.unregister(other);
  });

  test('takes a metric in with what it has counted, and lets it go with it; its children go on', async () => {
    const counter = new Counter({ name: 'c', help, registers: [], labelNames: ['a'] });
    const child = counter.labels('x');
    child.inc(2);
    register.registerMetric(counter);
    child.inc();
    expect(await page()).toContain('c{a="x"} 3\n');
    register.clear();
    expect(await page()).toBe('');
    child.inc();
    new Counter({ name: 'c', help, labelNames: ['a'] }).inc({ a: 'y' });
    expect((await counter.get()).values).toEqual([{ value: 4, labels: { a: 'x' } }]);
    expect(await page()).toBe('# HELP c Help.\n# TYPE c counter\nc{a="y"} 1\n');
  });

  test('counts aside what has a name that the page has already, and says so', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const other = new CoreCounter({ name: 'taken_total', help });
    const counter = new Counter({ name: 'taken_total', help });
    counter.inc(5);
    expect(warn).toHaveBeenCalledExactlyOnceWith(expect.stringContaining('taken_total is not on the metrics page'), {
      code: 'WARN_METRICS_NOT_ON_PAGE',
    });
    expect(await page()).toContain('taken_total 0\n');
    expect((await counter.get()).values).toEqual([{ value: 5, labels: {} }]);
    defaultRegistry.unregister(other);
    warn.mockRestore();
  });

  test('puts what it is given from elsewhere on the page', async () => {
    register.registerMetric({
      name: 'elsewhere',
      get: () => ({ name: 'elsewhere', help, type: 'gauge', values: [{ value: 1, labels: { a: 'b' } }] }),
    });
    expect(await page()).toBe('# HELP elsewhere Help.\n# TYPE elsewhere gauge\nelsewhere{a="b"} 1\n');
    expect(await register.metrics()).toBe('# HELP elsewhere Help.\n# TYPE elsewhere gauge\nelsewhere{a="b"} 1\n');
    register.removeSingleMetric('elsewhere');
    expect(await page()).toBe('');
  });

  test('puts its default labels on the page, where a series does not have them', async () => {
    register.setDefaultLabels({ app: 'shop', a: 1 });
    new Counter({ name: 'c', help, labelNames: ['a'] }).inc({ a: 'own' });
    new Histogram({ name: 'h', help, buckets: [1] }).observe(1);
    new CoreCounter({ name: 'native_total', help }).inc(2);
    expect(await page()).toContain('c{a="own",app="shop"} 1\n');
    expect(await page()).toContain('h_bucket{app="shop",a="1",le="1"} 1\n');
    expect(await page()).toContain('native_total{app="shop",a="1"} 2\n');
    expect(await register.metrics()).toContain('native_total{app="shop",a="1"} 2\n');
    expect(() => register.setDefaultLabels({ 'a-b': 1 })).toThrow('"a-b" is no label name');
    defaultRegistry.unregister(defaultRegistry.get('native_total')!);
    register.clear();
    new Gauge({ name: 'g', help }).set(1);
    expect(await page()).toBe('# HELP g Help.\n# TYPE g gauge\ng 1\n');
  });

  test('hands exemplars over to the page', async () => {
    register.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
    const options = { help, enableExemplars: true };
    new Counter({ name: 'jobs_total', ...options }).inc({ value: 2, exemplarLabels: { trace_id: 't', n: 1 } });
    const histogram = new Histogram({ name: 'took', ...options, buckets: [1] });
    histogram.observe({ value: 0.5, exemplarLabels: { trace_id: 'u' } });
    histogram.observe({ value: 5, exemplarLabels: { 'no-name': 'v' } });
    const text = await page('application/openmetrics-text;version=1.0.0');
    expect(text).toMatch(/^jobs_total 2 # \{trace_id="t",n="1"\} 2 [\d.]+$/m);
    expect(text).toMatch(/^took_bucket\{le="1.0"\} 1 # \{trace_id="u"\} 0.5 [\d.]+$/m);
    expect(text).toMatch(/^took_bucket\{le="\+Inf"\} 2$/m);
  });

  test('throws what collect throws; the page does not', async () => {
    let broken = true;
    new Gauge({
      name: 'moody',
      help,
      collect() {
        if (broken) throw new Error('not now');
        this.set(7);
      },
    });
    await expect(register.metrics()).rejects.toThrow('not now');
    expect(await page()).toContain('moody 0\n');
    broken = false;
    expect(await register.metrics()).toContain('moody 7\n');
  });
});

describe('default metrics', () => {
  test('are the runtime families, shared with whoever measures them too', async () => {
    collectDefaultMetrics();
    collectDefaultMetrics();
    const names = (await register.getMetricsAsJSON()).map(({ name }) => name);
    expect(names).toContain('process_cpu_seconds_total');
    expect(names).toContain('nodejs_version_info');
    expect(new Set(names).size).toBe(names.length);
    expect((await register.getSingleMetric('process_resident_memory_bytes')!.get()).values[0]!.value).toBeGreaterThan(
      1e6,
    );
    expect(collectDefaultMetrics.metricsList).toContain('gc');
    register.clear();
    expect(await page()).toBe('');
    collectDefaultMetrics();
    expect(await page()).toContain('\nprocess_cpu_seconds_total ');
  });

  test('can have a prefix, labels and a registry', async () => {
    const registry = new Registry();
    collectDefaultMetrics({ register: registry, prefix: 'my_', labels: { app: 1 } });
    const metrics = await registry.getMetricsAsJSON();
    expect(metrics.length).toBeGreaterThan(20);
    for (const { name, values } of metrics) {
      expect(name).toMatch(/^my_/);
      for (const { labels } of values) expect(labels).toMatchObject({ app: 1 });
    }
    expect(await page()).toBe('');
    expect(() => collectDefaultMetrics(5 as never)).toThrow('config must be null, undefined, or an object');
  });
});

test('bucket helpers', () => {
  expect(linearBuckets(0, 2.5, 3)).toEqual([0, 2.5, 5]);
  expect(exponentialBuckets(0.1, 10, 4)).toEqual([0.1, 1, 10, 100]);
  expect(() => linearBuckets(0, 1, 0)).toThrow('Linear buckets needs a positive count');
  expect(() => exponentialBuckets(0, 2, 1)).toThrow('Exponential buckets needs a positive start');
  expect(() => exponentialBuckets(1, 1, 1)).toThrow('Exponential buckets needs a factor greater than 1');
  expect(() => exponentialBuckets(1, 2, 0)).toThrow('Exponential buckets needs a positive count');
});

test('names are checked', () => {
  expect(['a', 'a:b_1', '1a', 'a-b', ''].map(validateMetricName)).toEqual([true, true, false, false, false]);
});
