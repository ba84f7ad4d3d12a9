import { beforeAll, describe, expect, test } from 'vitest';
import { Counter } from '../../src/core/counter.ts';
import { Gauge } from '../../src/core/gauge.ts';
import { Histogram } from '../../src/core/histogram.ts';
import { Info } from '../../src/core/info.ts';
import { Registry } from '../../src/core/registry.ts';
import { StateSet } from '../../src/core/state-set.ts';
import { Summary } from '../../src/core/summary.ts';
import { negotiate } from '../../src/exposition/negotiate.ts';
import { expectNoDuplicates } from '../support/duplicates.ts';
import { expectPromtoolAccepts, noForeignParsers, parseWithPython } from '../support/foreign-parsers.ts';

/** A page as an application has it, from live metrics of every kind. */
describe('the page of a registry', () => {
  let text = '';
  let openMetrics = '';

  beforeAll(async () => {
    const registry = new Registry();
    const labelNames = ['route'] as const;
    const help = 'What it is.';
    const requests = new Counter({ registry, name: 'requests', help, labelNames });
    const connections = new Gauge({ registry, name: 'connections', help, labelNames });
    const latest = new Gauge({ registry, name: 'latest', help, aggregation: 'mostRecent' });
    const duration = new Histogram({ registry, name: 'duration_seconds', help, labelNames, unit: 'seconds' });
    const size = new Summary({ registry, name: 'size_bytes', help, labelNames, unit: 'bytes', quantiles: [0.5, 0.99] });
    const phase = new StateSet({ registry, name: 'phase', help, states: ['idle', 'busy'] });
    new Info({ registry, name: 'build_info', help, labelNames: ['version'] }).set({ version: '1.2.3' });
    for (const route of ['/', '/a"b\\c\nd', '', '漢字']) {
      requests.labels({ route }).inc();
      requests.labels({ route }).inc();
      connections.labels({ route }).set(-1.5);
      duration.labels({ route }).observe(0.3);
      size.labels({ route }).observe(1000);
    }
    latest.set(5);
    phase.set('busy');
    const snapshot = await registry.snapshot();
    text = [...negotiate(undefined).render(snapshot)].join('');
    openMetrics = [...negotiate('application/openmetrics-text;version=1.0.0').render(snapshot)].join('');
    registry.close();
  });

  test('has nothing twice', () => {
    expectNoDuplicates(text);
    expectNoDuplicates(openMetrics);
    expect(text.match(/^requests_total\{/gm)).toHaveLength(4);
  });

  test.skipIf(noForeignParsers)('is accepted by promtool', () => expectPromtoolAccepts(text));

  test.skipIf(noForeignParsers).each(['text', 'openmetrics'] as const)(
    "is read by Python's parser: %s",
    async (format) => {
      const parsed = await parseWithPython(format === 'text' ? text : openMetrics, format);
      const samples = parsed.flatMap((family) => family.samples);
      expect(samples).toContainEqual({ name: 'requests_total', labels: { route: '/a"b\\c\nd' }, value: 2 });
      expect(samples).toContainEqual({
        name: 'duration_seconds_bucket',
        labels: { route: '漢字', le: '+Inf' },
        value: 1,
      });
      expect(samples).toContainEqual({ name: 'duration_seconds_sum', labels: { route: '' }, value: 0.3 });
      expect(samples).toContainEqual({ name: 'build_info', labels: { version: '1.2.3' }, value: 1 });
      expect(samples).toContainEqual({ name: 'phase', labels: { phase: 'busy' }, value: 1 });
    },
  );
});
