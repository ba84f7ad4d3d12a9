import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Counter, Histogram, Registry } from '../../src/index.ts';
import type { Exemplar } from '../../src/snapshot/exemplar.ts';
import { MAX_EXEMPLARS } from '../../src/store/format/exemplars.ts';
import { MappedStore } from '../../src/store/mapped-store.ts';

let directory: string;
const open: Registry[] = [];

beforeEach(() => {
  directory = fs.mkdtempSync(join(tmpdir(), 'promenade-exemplars-'));
});

afterEach(() => {
  for (const registry of open.splice(0)) registry.close();
  fs.rmSync(directory, { recursive: true });
});

function sharedRegistry(now = 1_700_000_000_000): Registry {
  const clock = { now: () => now, sharedMs: () => now };
  const registry = new Registry({ openStore: () => new MappedStore({ directory, role: 'app' }), clock });
  open.push(registry);
  return registry;
}

function close(registry: Registry): void {
  registry.close();
  open.splice(open.indexOf(registry), 1);
}

async function exemplarsOf(registry: Registry, family: string): Promise<readonly Exemplar[]> {
  const found = (await registry.snapshot()).families.find(({ definition }) => definition.name === family);
  return (found?.exemplars ?? []).flat();
}

const jobs = (registry: Registry): Counter<'kind'> =>
  new Counter({ name: 'jobs_total', help: 'Jobs.', labelNames: ['kind'], registry });

describe('exemplars of several processes', () => {
  test('of each bucket the latest one is shown', async () => {
    const [a, b] = [sharedRegistry(1000), sharedRegistry(2000)].map(
      (registry) => new Histogram({ name: 'size', help: 'Size.', buckets: [1, 10], registry }),
    ) as [Histogram, Histogram];
    a.observe(0.5, { labels: { trace_id: 'a1' } });
    a.observe(5, { labels: { trace_id: 'a2' } });
    b.observe(7, { labels: { trace_id: 'b' } });
    const expected = [
      { place: 0, labels: { trace_id: 'a1' }, value: 0.5, timestamp: 1 },
      { place: 1, labels: { trace_id: 'b' }, value: 7, timestamp: 2 },
    ];
    expect(await exemplarsOf(a.registry, 'size')).toEqual(expected);
    expect(await exemplarsOf(b.registry, 'size')).toEqual(expected);
  });

  test('outlive their process, with every character that an exemplar can have', async () => {
    const registry = sharedRegistry();
    const labels = { a: '😀'.repeat(60), b: 'é\n"\\\u0000', c: '' };
    jobs(registry).labels({ kind: 'x' }).inc(2.5, { labels, timestamp: 1234.5 });
    close(registry);
    const heir = sharedRegistry();
    jobs(heir);
    const expected = [{ place: 0, labels, value: 2.5, timestamp: 1234.5 }];
    expect(await exemplarsOf(heir, 'jobs')).toEqual(expected);
    expect(await exemplarsOf(sharedRegistry(), 'jobs')).toEqual(expected);
  });

  test('go with their series, also from the file', async () => {
    const registry = sharedRegistry();
    const family = jobs(registry);
    family.labels({ kind: 'x' }).inc(1, { labels: { trace_id: 'x' } });
    family.remove({ kind: 'x' });
    family.labels({ kind: 'y' }).inc();
    expect(await exemplarsOf(registry, 'jobs')).toEqual([]);
    close(registry);
    expect(await exemplarsOf(sharedRegistry(), 'jobs')).toEqual([]);
  });

  test('a cleared family begins without', async () => {
    const registry = sharedRegistry();
    const sole = new Counter({ name: 'a_total', help: 'A.', registry });
    sole.inc(1, { labels: {} });
    expect(await exemplarsOf(registry, 'a')).toHaveLength(1);
    sole.clear();
    expect(await exemplarsOf(registry, 'a')).toEqual([]);
  });
});

describe('the file of exemplars', () => {
  const path = (): string => join(directory, 'app-0.exemplars');

  test('is not there before there is an exemplar', () => {
    jobs(sharedRegistry()).labels({ kind: 'x' }).inc();
    expect(fs.existsSync(path())).toBe(false);
  });

  test('is written anew where it was taken away, and the slot with it', async () => {
    const registry = sharedRegistry();
    jobs(registry)
      .labels({ kind: 'x' })
      .inc(1, { labels: { trace_id: 'x' } });
    fs.rmSync(path());
    expect(await exemplarsOf(registry, 'jobs')).toHaveLength(1);
    for (const file of fs.readdirSync(directory)) fs.rmSync(join(directory, file));
    expect(await exemplarsOf(registry, 'jobs')).toHaveLength(1);
    expect(fs.existsSync(path())).toBe(true);
  });

  test('loses what is damaged and nothing else; the numbers stay', async () => {
    const registry = sharedRegistry();
    const family = jobs(registry);
    for (const kind of ['a', 'b', 'c']) family.labels({ kind }).inc(1, { labels: { trace_id: kind } });
    const bytes = fs.readFileSync(path());
    bytes[2 * 640 + 40]! ^= 1;
    fs.writeFileSync(path(), bytes);
    const left = async (): Promise<unknown[]> =>
      (await exemplarsOf(registry, 'jobs')).map(({ labels }) => labels['trace_id']);
    expect(await left()).toEqual(['a', 'c']);
    for (const damage of [Buffer.from('rubbish'), Buffer.alloc(0), Buffer.alloc(640), Buffer.alloc(3000, 0xff)]) {
      fs.writeFileSync(path(), damage);
      expect(await left()).toEqual([]);
    }
    fs.writeFileSync(path(), bytes.subarray(0, 2 * 640));
    expect(await left()).toEqual(['a']);
    expect(registry.status()).toMatchObject({ quarantined: 0 });
    expect((await registry.snapshot()).families.find(({ definition }) => definition.name === 'jobs')!.values).toEqual(
      Float64Array.of(1, 1, 1),
    );
  });

  test('is no longer written to once the slot is given up', async () => {
    const registry = sharedRegistry();
    const handle = jobs(registry).labels({ kind: 'x' });
    handle.inc(1, { labels: { trace_id: 'mine' } });
    close(registry);
    const heir = sharedRegistry();
    jobs(heir)
      .labels({ kind: 'x' })
      .inc(1, { labels: { trace_id: 'its' } });
    handle.inc(1, { labels: { trace_id: 'late' } });
    expect(await exemplarsOf(heir, 'jobs')).toMatchObject([{ labels: { trace_id: 'its' } }]);
  });

  test('does not grow past its bound: the oldest make room', async () => {
    const registry = sharedRegistry();
    const family = new Counter({ name: 'n_total', help: 'N.', labelNames: ['i'], maxSeries: 3000, registry });
    for (let i = 0; i < MAX_EXEMPLARS + 5; i++) family.labels({ i }).inc(1, { labels: { i } });
    expect(fs.statSync(path()).size).toBe((MAX_EXEMPLARS + 1) * 640);
    const shown = (await exemplarsOf(registry, 'n')).map(({ labels }) => Number(labels['i']));
    expect(shown).toHaveLength(MAX_EXEMPLARS);
    expect(Math.min(...shown)).toBe(5);
    expect(Math.max(...shown)).toBe(MAX_EXEMPLARS + 4);
  });
});
