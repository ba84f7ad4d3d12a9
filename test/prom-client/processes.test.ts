import { once } from 'node:events';
import { expect, test } from 'vitest';
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
