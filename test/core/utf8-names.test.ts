import { describe, expect, test } from 'vitest';
import { negotiate } from '../../src/exposition/negotiate.ts';
import { Counter, Gauge, Registry, StateSet } from '../../src/index.ts';
import { parsePage } from '../../src/testing.ts';

const define = (name: string, labelNames: string[] = [], registry = new Registry()): Gauge<string> =>
  new Gauge({ name, help: 'Help.', labelNames, utf8Names: true, registry });

const page = async (registry: Registry, accept?: string): Promise<string> =>
  [...negotiate(accept).render(await registry.snapshot())].join('');

describe('names of any characters', () => {
  test('only where they are asked for', () => {
    const registry = new Registry();
    const fault = expect.objectContaining({ code: 'ERR_METRICS_INVALID_NAME' });
    expect(() => new Gauge({ name: 'a.b', help: 'Help.', registry })).toThrow(fault);
    expect(() => new Gauge({ name: 'a', help: 'Help.', labelNames: ['b.c'], registry })).toThrow('b.c');
    expect(define('a.b', ['b.c'], registry).name).toBe('a.b');
  });

  test.each(['', 'U__a', 'lone \ud800', 'x'.repeat(201)])('not these: %j', (name) => {
    expect(() => define(name)).toThrow(expect.objectContaining({ code: 'ERR_METRICS_INVALID_NAME' }));
    expect(() => define('a', [name])).toThrow(expect.objectContaining({ code: 'ERR_METRICS_INVALID_LABEL' }));
  });

  test('are written as they are, or as the scraper takes them', async () => {
    const registry = new Registry();
    const jobs = new Counter({ name: 'jobs.é', help: 'Jobs.', labelNames: ['kind\n"x"'], utf8Names: true, registry });
    jobs.labels({ 'kind\n"x"': 'a' }).inc();
    expect(await page(registry)).toBe(
      '# HELP jobs___total Jobs.\n# TYPE jobs___total counter\njobs___total{kind__x_="a"} 1\n',
    );
    const quoted = await page(registry, 'text/plain;version=1.0.0;escaping=allow-utf-8');
    expect(quoted).toContain('\n{"jobs.é_total","kind\\n\\"x\\""="a"} 1\n');
    expect([...parsePage(quoted).families.values()][0]!.samples).toEqual([
      { name: 'jobs.é_total', labels: { 'kind\n"x"': 'a' }, value: 1 },
    ]);
    expect(await page(registry, 'text/plain;version=0.0.4;escaping=values')).toContain(
      '\nU__jobs_2e__e9___total{U__kind_a__22_x_22_="a"} 1\n',
    );
  });

  test('that become alike are refused, of families and of labels', () => {
    const registry = new Registry();
    define('a_b', [], registry);
    expect(() => define('a.b', [], registry)).toThrow(expect.objectContaining({ code: 'ERR_METRICS_DUPLICATE_NAME' }));
    expect(() => define('c', ['x.y', 'x_y'])).toThrow('alike');
    expect(
      () => new StateSet({ name: 's.t', help: 'S.', states: ['a'], labelNames: ['s_t'], utf8Names: true, registry }),
    ).toThrow(expect.objectContaining({ code: 'ERR_METRICS_INVALID_LABEL' }));
  });
});
