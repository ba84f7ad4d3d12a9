import { afterEach, expect, test, vi } from 'vitest';
import { instrumentCache } from '../../src/adapters/cache/cache.ts';
import { instrumentJob } from '../../src/adapters/job/job/job.ts';
import { startApplicationMetrics } from '../../src/application.ts';
import { nameViews } from '../../src/compat/django-views.ts';
import { setMigrations } from '../../src/compat/django-migrations.ts';
import { Counter } from '../../src/core/counter.ts';
import { Registry } from '../../src/core/registry.ts';
import { DatabaseRecorder } from '../../src/instrument/database/recorder.ts';
import { attach } from '../../src/instrument/hooks/attach.ts';
import type { SettingsOptions } from '../../src/settings/settings.ts';
import type { FamilyDefinition } from '../../src/snapshot/snapshot.ts';

afterEach(() => vi.unstubAllEnvs());

/** What an application hands over, each beside something that it counts. */
function instrument(registry: Registry): { readonly use: () => Promise<void> } {
  const cache = instrumentCache({ get: (_key: string) => 1, set() {}, delete() {} }, { cache: 'pages', registry });
  const job = instrumentJob('nightly', async () => {}, { registry });
  attach({}, 'database', { registry }, (instrumentation) => {
    DatabaseRecorder.of(instrumentation).database('default', 'postgresql');
    return () => {};
  });
  nameViews({ '/devices/:id': 'dcim:device' }, { registry });
  setMigrations({ applied: 12, unapplied: 0, registry });
  return {
    use: async () => {
      cache.get('x');
      await job();
    },
  };
}

interface Page {
  readonly definitions: readonly FamilyDefinition[];
  readonly counts: readonly number[];
}

async function pageOf(order: 'before' | 'after', settings: SettingsOptions): Promise<Page> {
  const registry = new Registry();
  new Counter({ name: 'depot_orders_total', help: 'Of the application.', registry }).inc();
  new Counter({ name: 'cache_misses_of_the_application', help: 'Of the application.', registry }).inc();
  const start = (): (() => Promise<void>) => {
    const metrics = startApplicationMetrics({ enabled: true, runtime: false, registry, ...settings })!;
    return () => metrics.close();
  };
  let stop: () => Promise<void>;
  if (order === 'before') {
    const { use } = instrument(registry);
    await use();
    stop = start();
    await use();
  } else {
    stop = start();
    const { use } = instrument(registry);
    await use();
    await use();
  }
  const { families } = await registry.snapshot();
  await stop();
  const prefix = settings.namespace === undefined ? '' : `${settings.namespace}_`;
  const total = (name: string): number =>
    families.find(({ definition }) => definition.name === prefix + name)!.values.reduce((sum, value) => sum + value, 0);
  return {
    definitions: families.map(({ definition }) => definition),
    counts: [total('cache_gets'), total('job_started')],
  };
}

test.each<[settings: SettingsOptions, environment: Record<string, string>]>([
  [{}, {}],
  [{ namespace: 'depot' }, {}],
  [{ namespace: 'depot', compat: 'django' }, {}],
  [{ compat: 'django' }, {}],
  [{ namespace: 'depot' }, { METRICS_ENABLED: 'true', METRICS_NAMESPACE: 'other_' }],
  [{ namespace: 'depot' }, { METRICS_ENABLED: 'true', METRICS_COMPAT: 'django' }],
])('instrumenting before promenade(%o) gives the page of instrumenting after it, with %o', async (settings, env) => {
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  const after = await pageOf('after', settings);
  const before = await pageOf('before', settings);
  expect(before.definitions).toEqual(after.definitions);
  expect(before.counts).toEqual([2, 2]);
  expect(after.counts).toEqual([2, 2]);
  const names = after.definitions.map(({ name }) => name);
  expect(names.length).toBeGreaterThan(12);
  expect(names).toContain('cache_misses_of_the_application');
  const { namespace = '' } = settings;
  expect(names.filter((name) => /^(other|depot)_[a-z_]*cache_gets/.test(name))).toEqual(
    namespace === '' ? [] : [`${namespace}_cache_gets`],
  );
});

test('two registries have names of their own', async () => {
  const [one, other] = [new Registry(), new Registry()];
  instrument(one);
  instrument(other);
  const stops = [
    startApplicationMetrics({ enabled: true, runtime: false, registry: one, namespace: 'a' }),
    startApplicationMetrics({ enabled: true, runtime: false, registry: other, namespace: 'b' }),
  ];
  expect([one.get('a_cache_gets') !== undefined, other.get('b_cache_gets') !== undefined]).toEqual([true, true]);
  for (const metrics of stops) await metrics!.close();
});
