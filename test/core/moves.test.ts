import { describe, expect, test } from 'vitest';
import { Counter } from '../../src/core/counter.ts';
import { Registry } from '../../src/core/registry.ts';
import { Summary } from '../../src/core/summary.ts';
import { negotiate } from '../../src/exposition/negotiate.ts';

const help = 'Help.';

async function page(registry: Registry): Promise<string> {
  return [...negotiate(undefined).render(await registry.snapshot())].join('');
}

describe('a metric that changes its registry', () => {
  test('takes along what it has counted, and its handles stay good', async () => {
    const [from, to] = [new Registry(), new Registry()];
    const jobs = new Counter({ name: 'jobs', help, labelNames: ['kind'], registry: from });
    const sizes = new Summary({ name: 'sizes', help, quantiles: [0.5], registry: from });
    const handle = jobs.labels({ kind: 'a' });
    handle.inc(2);
    for (const size of [1, 2, 3]) sizes.observe(size);
    to.adopt(jobs);
    to.adopt(sizes);
    handle.inc();
    sizes.observe(4);
    expect(await page(from)).toBe('');
    expect(await page(to)).toMatch(/^jobs_total\{kind="a"\} 3$[^]*^sizes_sum 10\nsizes_count 4$/m);
    expect(jobs.registry).toBe(to);
  });

  test('stays where it is when its name is taken', async () => {
    const [from, to] = [new Registry(), new Registry()];
    const jobs = new Counter({ name: 'jobs', help, registry: from });
    new Counter({ name: 'jobs', help, registry: to });
    jobs.inc(2);
    expect(() => to.adopt(jobs)).toThrow('jobs is already defined in this registry');
    expect(await page(from)).toContain('jobs_total 2\n');
    expect(await page(to)).toContain('jobs_total 0\n');
  });

  test('or leaves it writes to no other metric, and its name is free', async () => {
    const registry = new Registry();
    const gone = new Counter({ name: 'gone', help, labelNames: ['kind'], registry });
    const handle = gone.labels({ kind: 'a' });
    registry.unregister(gone);
    const next = new Counter({ name: 'gone', help, labelNames: ['kind'], registry });
    next.labels({ kind: 'b' }).inc();
    handle.inc(100);
    gone.labels({ kind: 'c' }).inc(100);
    expect(await page(registry)).toBe('# HELP gone_total Help.\n# TYPE gone_total counter\ngone_total{kind="b"} 1\n');
  });
});
