import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { AggregatorRegistry } from '../../src/prom-client.ts';
import { environment, kill, startFixture, temporaryDirectory } from '../multiprocess/children.ts';

function sample(page: string, name: string): number {
  const line = page.split('\n').find((text) => text.startsWith(`${name} `));
  return Number(line?.slice(name.length));
}

const unshared = { ...process.env, METRICS_ENABLED: '', PROMETHEUS_MULTIPROC_DIR: '', NODE_OPTIONS: '' };

test('register.metrics() is exact over all processes of a directory, dead or alive', async () => {
  // prom-client's API has no switch: using it is enough.
  const env = environment(temporaryDirectory(), { METRICS_ENABLED: '' });
  const children = [1, 2, 3].map(() => startFixture('prom-client.cjs', ['count'], { env }));
  await Promise.all(children.map((child) => once(child, 'message')));
  await kill(children[0]!);
  children[1]!.send('page');
  const [page] = (await once(children[1]!, 'message')) as [string];
  expect(sample(page, 'jobs{kind="a"}')).toBe(300);
  expect(sample(page, 'took_seconds_bucket{le="1"}')).toBe(3);
  expect(sample(page, 'took_seconds_sum')).toBe(1.5);
  // A gauge shows live processes alone.
  expect(sample(page, 'own')).toBe(2);
});

test.each([
  ['cluster', 400, 'a worker that was killed'],
  ['threads', 300, 'a thread that was terminated'],
])('the primary of a %s tells all, with %s of %s', async (kind, jobs) => {
  const primary = startFixture('prom-client.cjs', [kind], { env: unshared });
  const [page] = (await once(primary, 'message')) as [string];
  expect(sample(page, 'jobs{kind="a"}')).toBe(jobs);
  expect(sample(page, 'took_seconds_count')).toBe(jobs / 100);
});

describe('numbers that an application adds up itself, from what each process tells', () => {
  /** A process that tells its numbers after it has counted so many jobs. */
  async function start(load: number, env: NodeJS.ProcessEnv): Promise<(jobs: number) => Promise<object[]>> {
    const child = startFixture('prom-client.cjs', ['reports', String(load)], { env });
    await once(child, 'message');
    const ask = async (jobs: number): Promise<object[]> => {
      child.send(jobs);
      const [json] = (await once(child, 'message')) as [object[]];
      return json;
    };
    return Object.assign(ask, { kill: () => kill(child) });
  }

  async function total(jsons: readonly (readonly object[])[], name: string): Promise<number> {
    return sample(await AggregatorRegistry.aggregate(jsons).metrics(), name);
  }

  test('are counted once, whoever tells them and however late', async () => {
    const env = environment(temporaryDirectory());
    const [a, b] = [await start(1, env), await start(2, env)];
    const stale = await a(5);
    await b(5);
    const two = [await a(0), await b(0)];
    expect(await total(two, 'jobs{kind="a"}')).toBe(10);
    expect(await total(two, 'took_seconds_count')).toBe(2);
    expect(await total(two, 'connections')).toBe(6);
    expect(await total(two, 'load')).toBe(1.5);
    expect(await total([stale, two[1]!], 'jobs{kind="a"}')).toBe(10);
    expect(await total([two[1]!, stale], 'jobs{kind="a"}')).toBe(10);
    const c = await start(3, env);
    await c(5);
    expect(await total([await a(0), await b(0), await c(0)], 'jobs{kind="a"}')).toBe(15);
    await (c as unknown as { kill(): Promise<unknown> }).kill();
    const left = [await a(0), await b(0)];
    expect(await total(left, 'jobs{kind="a"}')).toBe(15);
    expect(await total(left, 'connections')).toBe(6);
    // A process that counts elsewhere comes on top.
    const elsewhere = await start(4, environment(temporaryDirectory()));
    expect(await total([...left, await elsewhere(5)], 'jobs{kind="a"}')).toBe(20);
  });
});

test('label values that are no strings have the text that prom-client writes, in every process', async () => {
  const env = environment(temporaryDirectory());
  const children = ['count', 'look'].map((what) => startFixture('prom-client.cjs', ['labels', what], { env }));
  await Promise.all(children.map((child) => once(child, 'message')));
  for (const child of children) {
    child.send('page');
    const [page] = (await once(child, 'message')) as [string];
    expect(page.split('\n').filter((line) => line.startsWith('c_total{'))).toEqual([
      'c_total{b="left out"} 1',
      'c_total{a="1,2",b="false"} 1',
      'c_total{a="its text",b="object"} 1',
      'c_total{a="null",b="null"} 1',
      'c_total{a="undefined",b="by position"} 1',
      'c_total{a="undefined",b="undefined"} 1',
    ]);
  }
});
