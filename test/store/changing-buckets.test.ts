import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Histogram, type HistogramOptions } from '../../src/core/histogram.ts';
import { Registry } from '../../src/core/registry.ts';
import { observeSelf } from '../../src/core/self-metrics.ts';
import { Summary } from '../../src/core/summary.ts';
import { negotiate } from '../../src/exposition/negotiate.ts';
import { countOf } from '../../src/snapshot/quantile.ts';
import type { FamilySnapshot } from '../../src/snapshot/snapshot.ts';
import { MappedStore } from '../../src/store/mapped-store.ts';

type Buckets = Pick<HistogramOptions, 'buckets' | 'native'>;

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'promenade-buckets-'));
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** A process of one release. */
class Release {
  readonly registry: Registry = new Registry({ openStore: () => new MappedStore({ directory, role: 'web' }) });
  readonly took: Histogram<'route'>;

  constructor(buckets: Buckets) {
    // Of two that are defined in one millisecond it does not matter which is the newer.
    for (const start = Date.now(); Date.now() === start;);
    observeSelf(this.registry);
    const { registry } = this;
    this.took = new Histogram({ name: 'took', help: 'Took.', labelNames: ['route'], registry, ...buckets });
  }

  observe(...values: number[]): void {
    for (const value of values) this.took.labels({ route: '/' }).observe(value);
  }

  /** What the page has of the histogram, by sample. */
  async page(): Promise<Map<string, number>> {
    const lines = [...negotiate(undefined).render(await this.registry.snapshot())].join('').split('\n');
    const samples = lines.filter((line) => /^(took|metrics_conflicting)/.test(line));
    return new Map(samples.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]));
  }

  async family(): Promise<FamilySnapshot> {
    const { families } = await this.registry.snapshot();
    return families.find(({ definition }) => definition.name === 'took')!;
  }

  close(): void {
    this.registry.close();
  }
}

const bucket = (le: string): string => `took_bucket{route="/",le="${le}"}`;
const count = 'took_count{route="/"}';
const sum = 'took_sum{route="/"}';

describe('a deploy that changes buckets', () => {
  test('keeps all counts and sums, also on rollback, and no bucket ever falls', async () => {
    const old: Buckets = { buckets: [1, 5, 10] };
    const next: Buckets = { buckets: [1, 2, 10, 20] };
    const seen = new Map<string, number>();
    let observed = 0;
    const releases = [old, next, old, next, { buckets: [3] }, old, next];
    for (const buckets of releases) {
      const release = new Release(buckets);
      for (const values of [[], [0.5, 4, 15, 100]]) {
        release.observe(...values);
        observed += values.length;
        const page = await release.page();
        expect(page.get(count) ?? 0).toBe(observed);
        expect(page.get(sum) ?? 0).toBe((observed / 4) * 119.5);
        expect(page.get('metrics_conflicting_definitions')).toBe(0);
        for (const [name, value] of page) {
          expect([name, value >= (seen.get(name) ?? 0)]).toEqual([name, true]);
          seen.set(name, value);
        }
      }
      release.close();
    }
    expect(observed).toBe(28);
    // Bounds that all of a kind have are exact.
    expect(seen.get(bucket('10'))).toBe(2 * 6 + 1);
  });

  test('adds up processes of both releases, dead or alive', async () => {
    const old = new Release({ buckets: [1, 5, 10] });
    const next = new Release({ buckets: [1, 2, 10] });
    old.observe(0.5, 1.5, 7, 50);
    next.observe(0.5, 1.5, 7, 50);
    for (const process of [old, next]) {
      const page = await process.page();
      expect(
        [count, sum, bucket('1'), bucket('2'), bucket('10'), bucket('+Inf')].map((name) => page.get(name)),
      ).toEqual([8, 118, 2, 3, 6, 8]);
    }
    next.close();
    // The living one's buckets show; what the other counted up to 2 is surely up to 5.
    const page = await old.page();
    expect([bucket('1'), bucket('5'), bucket('10'), count].map((name) => page.get(name))).toEqual([2, 4, 6, 8]);
    old.close();
  });

  test('takes classic counts into native buckets, and back', async () => {
    const classic: Buckets = { buckets: [1, 10] };
    const native: Buckets = { native: { schema: 3 } };
    for (const [i, buckets] of [classic, native, classic, native].entries()) {
      const release = new Release(buckets);
      release.observe(0.5, 5, 50);
      const family = await release.family();
      const observed = 3 * (i + 1);
      const classicCount = family.values.subarray(1).reduce((all, one) => all + one, 0);
      expect([classicCount, family.values[0]]).toEqual([observed, 55.5 * (i + 1)]);
      if (family.sparse) expect(countOf(family.sparse[0]!)).toBe(observed);
      release.close();
    }
  });

  test('keeps a summary whose quantiles changed', async () => {
    for (const [i, quantiles] of [[0.5], [0.5, 0.9], [0.5]].entries()) {
      const registry = new Registry({ openStore: () => new MappedStore({ directory, role: 'web' }) });
      const size = new Summary({ name: 'size', help: 'Size.', quantiles, registry });
      size.observe(8);
      const page = [...negotiate(undefined).render(await registry.snapshot())].join('');
      expect(page).toContain(`size_sum ${8 * (i + 1)}\nsize_count ${i + 1}\n`);
      registry.close();
    }
  });

  test('forgets what is taken off the page, under all buckets', async () => {
    const first = new Release({ buckets: [1] });
    first.observe(0.5);
    first.close();
    const second = new Release({ buckets: [2] });
    second.observe(0.5);
    expect((await second.page()).get(count)).toBe(2);
    second.registry.unregister(second.took);
    expect((await second.page()).get(count)).toBeUndefined();
    second.close();
  });
});
