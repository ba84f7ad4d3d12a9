import prometheusIo from '@prometheus-io/client';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { AggregationTemporality, MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import promClient from 'prom-client';
import { describe, expect, test, vi } from 'vitest';
import { bridgeOpenTelemetry, bridgePromClient } from '../../src/bridges.ts';
import { Counter } from '../../src/core/counter.ts';
import { Registry } from '../../src/core/registry.ts';
import { observeSelf } from '../../src/core/self-metrics.ts';
import { negotiate } from '../../src/exposition/negotiate.ts';

async function page(registry: Registry, accept?: string): Promise<string> {
  return [...negotiate(accept).render(await registry.snapshot())].join('');
}

const help = 'Help.';

describe.each([
  ['prom-client', promClient],
  ['@prometheus-io/client', prometheusIo as unknown as typeof promClient],
])('a registry of %s', (_name, client) => {
  test('is on the page as it writes itself, but for order and the type of summaries', async () => {
    const theirs = new client.Registry();
    const registers = [theirs];
    const counter = new client.Counter({ name: 'hits', help, labelNames: ['code'], registers });
    counter.inc({ code: 200 }, 3);
    counter.inc({ code: 'a"b' });
    new client.Counter({ name: 'jobs_total', help, registers }).inc(2);
    new client.Gauge({ name: 'level', help, registers }).set(-1.5);
    const histogram = new client.Histogram({ name: 'took', help, labelNames: ['a'], buckets: [1, 5], registers });
    for (const value of [0.5, 3, 10]) histogram.observe({ a: 'x' }, value);
    new client.Summary({ name: 'sizes', help, percentiles: [0.5], registers }).observe(4);

    const registry = new Registry();
    bridgePromClient(registry, theirs);
    expect(await page(registry)).toBe(`\
# HELP hits Help.
# TYPE hits counter
hits{code="200"} 3
hits{code="a\\"b"} 1
# HELP jobs_total Help.
# TYPE jobs_total counter
jobs_total 2
# HELP level Help.
# TYPE level gauge
level -1.5
# HELP sizes Help.
# TYPE sizes untyped
sizes{quantile="0.5"} 4
# HELP sizes_count Help.
# TYPE sizes_count untyped
sizes_count 1
# HELP sizes_sum Help.
# TYPE sizes_sum untyped
sizes_sum 4
# HELP took Help.
# TYPE took histogram
took_bucket{a="x",le="1"} 1
took_bucket{a="x",le="5"} 2
took_bucket{a="x",le="+Inf"} 3
took_sum{a="x"} 13.5
took_count{a="x"} 3
`);
    expect(await page(registry, 'application/openmetrics-text;version=1.0.0')).toContain('# TYPE jobs counter\n');
  });

  test('never shows a family twice, and one that clashes is counted', async () => {
    const theirs = new client.Registry();
    new client.Counter({ name: 'jobs_total', help, registers: [theirs] }).inc(7);
    new client.Gauge({ name: 'free', help, registers: [theirs] });
    const registry = new Registry();
    observeSelf(registry);
    new Counter({ name: 'jobs', help, registry }).inc(1);
    const end = bridgePromClient(registry, theirs);
    const text = await page(registry);
    expect(text).toContain('\njobs_total 1\n');
    expect(text).not.toContain('jobs_total 7');
    expect(text).toContain('\nfree 0\n');
    expect(text).toContain('\nmetrics_conflicting_definitions 1\n');
    end();
    expect(await page(registry)).not.toContain('free');
  });
});

test('a registry that fails or hangs costs its own families alone', async () => {
  const registry = new Registry({ collectTimeoutMs: 50 });
  observeSelf(registry);
  new Counter({ name: 'jobs', help, registry }).inc(1);
  bridgePromClient(registry, { getMetricsAsJSON: () => Promise.reject(new Error('broken')) });
  bridgePromClient(registry, { getMetricsAsJSON: () => new Promise(() => {}) });
  bridgePromClient(registry, {
    getMetricsAsJSON: async () => [
      { name: 'good', help, type: 'gauge', values: [{ value: 1, labels: {} }] },
      { name: 'odd', help, type: 'histogram', values: [{ value: 1, labels: { le: 1 }, metricName: 'odd_bucket' }] },
    ],
  });
  const text = await page(registry);
  expect(text).toContain('\njobs_total 1\n');
  expect(text).toContain('\ngood 1\n');
  expect(text).not.toMatch(/^odd/m);
  expect(text).toContain('metrics_collect_errors_total{family="odd"} 1');
  expect(text).toContain('metrics_collect_errors_total{family="prom-client"} 2\n');
});

class Reader extends MetricReader {
  protected override onForceFlush = async (): Promise<void> => {};
  protected override onShutdown = async (): Promise<void> => {};
}

describe('OpenTelemetry', () => {
  test('instruments are on the page, by the names that Prometheus would give them', async () => {
    const reader = new PrometheusExporter({ preventServerStart: true });
    const meter = new MeterProvider({ readers: [reader] }).getMeter('test');
    meter.createCounter('http.requests', { description: 'Requests.' }).add(2, { 'http.method': 'GET', code: 200 });
    meter.createUpDownCounter('queue.size').add(-3);
    meter.createObservableGauge('load', { unit: '1' }).addCallback((result) => result.observe(0.5));
    const advice = { explicitBucketBoundaries: [1, 5] };
    const histogram = meter.createHistogram('http.duration', { unit: 's', description: 'Took.', advice });
    for (const value of [0.5, 3, 10]) histogram.record(value);

    const registry = new Registry();
    bridgeOpenTelemetry(registry, reader);
    expect(await page(registry)).toBe(`\
# HELP http_duration_seconds Took.
# TYPE http_duration_seconds histogram
http_duration_seconds_bucket{le="1"} 1
http_duration_seconds_bucket{le="5"} 2
http_duration_seconds_bucket{le="+Inf"} 3
http_duration_seconds_sum 13.5
http_duration_seconds_count 3
# HELP http_requests_total Requests.
# TYPE http_requests_total counter
http_requests_total{http_method="GET",code="200"} 2
# TYPE load_ratio gauge
load_ratio 0.5
# TYPE queue_size gauge
queue_size -3
`);
  });

  test('what can not be shown is left out and counted', async () => {
    const reader = new Reader({ aggregationTemporalitySelector: () => AggregationTemporality.DELTA });
    new MeterProvider({ readers: [reader] }).getMeter('test').createCounter('deltas').add(1);
    const registry = new Registry();
    observeSelf(registry);
    const failed = vi.spyOn(registry.self!, 'collectFailed');
    bridgeOpenTelemetry(registry, reader);
    expect(await page(registry)).not.toMatch(/^deltas/m);
    expect(failed).toHaveBeenCalledExactlyOnceWith('deltas');
  });
});
