import { describe, expect, test, vi } from 'vitest';
import { createEndpoint } from '../../src/endpoint/endpoint.ts';
import { type App, type Collector, MetricsError, registerApp, registeredApps, Registry } from '../../src/index.ts';
import { findSeries, seriesValue } from '../../src/testing.ts';
import { counting, gate, subject, warnings } from './subject.ts';

const help = 'Help.';

/** Turns metrics on as `promenade()` does, with this environment. */
function turnOn(registry: Registry, environment: Record<string, string>): ReturnType<typeof createEndpoint> {
  return createEndpoint({ registry }, { METRICS_ENABLED: 'true', ...environment });
}

describe('registering', () => {
  const collect = (): [] => [];
  const cases: readonly (readonly [string, string, unknown, string, RegExp])[] = [
    ['a name in capitals', 'IPAM', {}, 'ERR_METRICS_INVALID_NAME', /"IPAM" can not name an app: use small letters/],
    ['an empty name', '', {}, 'ERR_METRICS_INVALID_NAME', /""/],
    ['a path for a name', '../ipam', {}, 'ERR_METRICS_INVALID_NAME', /small letters/],
    ['a name with a dot', 'ipam.a', {}, 'ERR_METRICS_INVALID_NAME', /small letters/],
    ['a name that is too long', 'i'.repeat(65), {}, 'ERR_METRICS_INVALID_NAME', /at most 64/],
    ['no name', undefined as unknown as string, {}, 'ERR_METRICS_INVALID_NAME', /undefined can not name/],
    [
      'the name of another app',
      'dcim',
      { collectors: [{ name: 'a', collect }] },
      'ERR_METRICS_DUPLICATE_NAME',
      /an app dcim is already registered with other collectors: the collectors were none and are a/,
    ],
    ['collectors that are no list', 'ipam', { collectors: {} }, 'ERR_METRICS_INVALID_OPTION', /must be an array/],
    ['a collector without a name', 'ipam', { collectors: [{ collect }] }, 'ERR_METRICS_INVALID_NAME', /a collector/],
    ['null for a collector', 'ipam', { collectors: [null] }, 'ERR_METRICS_INVALID_NAME', /a collector/],
    [
      'a collector that does nothing',
      'ipam',
      { collectors: [{ name: 'a' }] },
      'ERR_METRICS_INVALID_OPTION',
      /the collector a of ipam: collect must be a function/,
    ],
    [
      'two collectors of one name',
      'ipam',
      { collectors: ['a', 'b', 'a'].map((name) => ({ name, collect })) },
      'ERR_METRICS_DUPLICATE_NAME',
      /two collectors a/,
    ],
    ...(
      [
        ['refreshSeconds', -1],
        ['refreshSeconds', '60'],
        ['refreshSeconds', Number.NaN],
        ['timeoutMs', 0],
        ['timeoutMs', Infinity],
        ['keepSeconds', 0],
        ['keepSeconds', 10],
        ['maxSeries', 1e9],
      ] as const
    ).map(
      ([option, value]) =>
        [
          `${option}: ${value}`,
          'ipam',
          { collectors: [{ name: 'a', collect, [option]: value }] },
          'ERR_METRICS_INVALID_OPTION',
          new RegExp(`the collector a of ipam: ${option} must`),
        ] as const,
    ),
  ];
  test.each(cases)('with %s throws, and registers nothing', (_, name, options, code, message) => {
    const registry = new Registry();
    registerApp('dcim', { registry });
    const register = (): unknown => registerApp(name, { registry, ...(options as object) });
    expect(register).toThrow(MetricsError);
    expect(register).toThrow(message);
    expect(register).toThrow(expect.objectContaining({ code }));
    expect(registeredApps(registry).map((app) => app.name)).toEqual(['dcim']);
  });

  test('again with the same collectors is the same app, which runs the newest functions', async () => {
    const registry = new Registry();
    const register = (value: number): App =>
      registerApp('ipam', {
        registry,
        collectors: [
          { name: 'sizes', refreshSeconds: 0, collect: () => [{ name: 'size', help: 'Size.', samples: [{ value }] }] },
        ],
      });
    const [first, second] = [register(1), register(2)];
    const counters = [first, second].map((app) => app.counter({ name: 'handed_out_total', help: 'Handed out.' }));
    for (const counter of counters) counter.inc();
    expect(registeredApps(registry)).toHaveLength(1);
    const { families } = await registry.snapshot();
    const valueOf = (name: string): number | undefined =>
      families.find(({ definition }) => definition.name === name)?.values[0];
    expect([valueOf('size'), valueOf('handed_out')]).toEqual([2, 2]);
    first.unregister();
    expect(registeredApps(registry)).toEqual([]);
  });

  test('again with other options of a collector throws, and replaces in development', () => {
    const register = (registry: Registry, timeoutMs: number): App =>
      registerApp('ipam', { registry, collectors: [{ name: 'sizes', timeoutMs, collect: () => [] }] });
    const strict = new Registry({ replaces: false });
    register(strict, 1000);
    expect(() => register(strict, 2000)).toThrow('timeoutMs of sizes was 1000 and is 2000');
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const lax = new Registry({ replaces: true });
    register(lax, 1000);
    const newest = register(lax, 2000);
    expect(warned.mock.calls).toEqual([
      [expect.stringContaining('the app ipam was registered again'), expect.anything()],
    ]);
    expect(registeredApps(lax)).toHaveLength(1);
    newest.unregister();
    expect(registeredApps(lax)).toEqual([]);
    warned.mockRestore();
  });

  test('is listed, by name, state and collectors', () => {
    const registry = new Registry();
    const endpoint = turnOn(registry, { METRICS_DISABLED_APPS: 'capacity' });
    registerApp('ipam', { registry, collectors: [counting('a'), counting('b')] });
    const capacity = registerApp('capacity', { registry });
    expect(registeredApps(registry)).toEqual([
      { name: 'ipam', enabled: true, collectors: ['a', 'b'] },
      { name: 'capacity', enabled: false, collectors: [] },
    ]);
    expect(capacity.enabled).toBe(false);
    capacity.unregister();
    capacity.unregister();
    expect(registeredApps(registry)).toHaveLength(1);
    return endpoint.close();
  });

  test('is undone by unregister, as if it had never been', async () => {
    const { registry, page } = subject();
    const before = await page();
    const app = registerApp('ipam', { registry, collectors: [counting('a')] });
    const counter = app.counter({ name: 'ipam_allocated', help });
    counter.inc();
    expect((await page()).families.has('ipam_allocated_total')).toBe(true);
    app.unregister();
    const after = await page();
    expect(after.families.has('a_runs')).toBe(false);
    expect(after.families.has('ipam_allocated_total')).toBe(false);
    expect([...before.families.keys()]).toEqual([]);
    counter.inc();
    registerApp('ipam', { registry, collectors: [counting('a')] }).counter({ name: 'ipam_allocated', help });
    const again = await page();
    expect(seriesValue(again, 'a_runs')).toBe(1);
    expect(seriesValue(again, 'ipam_allocated_total')).toBe(0);
  });
});

describe("an app's own metrics", () => {
  test('are on the page, of every kind', async () => {
    const { registry, page } = subject();
    const app = registerApp('ipam', { registry });
    app
      .counter({ name: 'c', help, labelNames: ['a'] })
      .labels({ a: 'x' })
      .inc();
    app.gauge({ name: 'g', help, aggregation: 'max' }).set(2);
    app.histogram({ name: 'h', help, buckets: [1] }).observe(3);
    app.summary({ name: 's', help }).observe(4);
    app.info({ name: 'i', help, labelNames: ['version'] }).set({ version: '1' });
    app.stateSet({ name: 'state', help, states: ['on', 'off'] }).set('on');
    const shown = await page();
    expect(seriesValue(shown, 'c_total', { a: 'x' })).toBe(1);
    expect(seriesValue(shown, 'g')).toBe(2);
    expect(seriesValue(shown, 'h_sum')).toBe(3);
    expect(seriesValue(shown, 's_sum')).toBe(4);
    expect(seriesValue(shown, 'i_info', { version: '1' })).toBe(1);
    expect(findSeries(shown, 'state')).toHaveLength(2);
  });
});

describe('METRICS_DISABLED_APPS', () => {
  const disabled = { METRICS_DISABLED_APPS: ' capacity , ,ipam ' };

  test.each(['before', 'after'])('leaves out an app that registers %s metrics are turned on', async (order) => {
    const { registry, page, pass } = subject();
    const told = warnings();
    if (order === 'after') turnOn(registry, disabled);
    const collectors = ['capacity', 'ipam', 'dcim'].map((name) => counting(name));
    const apps = collectors.map((collector) => registerApp(collector.name, { registry, collectors: [collector] }));
    const counters = apps.map((app) => app.counter({ name: `${app.name}_changes`, help, labelNames: ['a'] }));
    const handles = counters.map((counter) => counter.labels({ a: 'x' }));
    if (order === 'before') turnOn(registry, disabled);
    for (let run = 1; run <= 2; run++) {
      for (const handle of handles) handle.inc();
      const shown = await page();
      expect([...shown.families.keys()].filter((name) => /^(capacity|ipam)_/.test(name))).toEqual([]);
      expect(seriesValue(shown, 'dcim_runs')).toBe(run);
      expect(seriesValue(shown, 'dcim_changes_total', { a: 'x' })).toBe(run);
      expect(apps.map((app) => seriesValue(shown, 'app_enabled', { app: app.name }))).toEqual([0, 0, 1]);
      expect(findSeries(shown, 'app_collector_errors_total').map(({ labels }) => labels['app'])).toEqual(['dcim']);
      pass(60);
    }
    expect(collectors.map(({ runs }) => runs)).toEqual([0, 0, 2]);
    expect(told).toEqual([]);
  });

  test('leaves out what was there before', async () => {
    const { registry, page } = subject();
    warnings();
    const app = registerApp('ipam', { registry, collectors: [counting('prefixes')] });
    const changes = app.counter({ name: 'ipam_changes', help });
    changes.inc(2);
    const first = turnOn(registry, {});
    expect(seriesValue(await page(), 'prefixes_runs')).toBe(1);
    await first.close();
    const second = turnOn(registry, disabled);
    changes.inc();
    const shown = await page();
    expect(shown.families.has('prefixes_runs')).toBe(false);
    expect(shown.families.has('ipam_changes_total')).toBe(false);
    await second.close();
    // And it comes back with all that it counted.
    turnOn(registry, {});
    const back = await page();
    expect(seriesValue(back, 'prefixes_runs')).toBe(1);
    expect(seriesValue(back, 'ipam_changes_total')).toBe(3);
  });

  test('warns once of a name that no app has, when all have had the time to register', async () => {
    const { registry, page } = subject();
    const told = warnings();
    turnOn(registry, { METRICS_DISABLED_APPS: 'ipma,capacity' });
    registerApp('ipam', { registry });
    await Promise.resolve();
    registerApp('capacity', { registry });
    expect(told).toEqual([]);
    await page();
    await page();
    expect(told).toEqual([
      'WARN_METRICS_UNKNOWN_APP: METRICS_DISABLED_APPS names "ipma", which no app is called; there are capacity, ipam.',
    ]);
  });

  test('warns where no app is registered at all', async () => {
    const { registry, page } = subject();
    const told = warnings();
    turnOn(registry, { METRICS_DISABLED_APPS: 'ipam' });
    await page();
    expect(told).toEqual([expect.stringContaining('none is registered')]);
  });
});

test('METRICS_NAMESPACE is before what is said of collectors, and not before what they give', async () => {
  const { registry, page } = subject();
  turnOn(registry, { METRICS_NAMESPACE: 'netbox' });
  registerApp('ipam', { registry, collectors: [counting('a')] });
  const shown = await page();
  const labels = { app: 'ipam', collector: 'a' };
  expect(seriesValue(shown, 'a_runs')).toBe(1);
  expect(seriesValue(shown, 'netbox_app_collector_errors_total', labels)).toBe(0);
  expect([...shown.families.keys()].filter((name) => name.startsWith('app_'))).toEqual([]);
});

test('a family of the application by the name of one of ours costs that family, not the page', async () => {
  const { registry, page } = subject();
  registerApp('mine', { registry }).counter({ name: 'app_collector_errors_total', help }).inc(5);
  registerApp('ipam', { registry, collectors: [counting('a')] });
  const shown = await page();
  expect(seriesValue(shown, 'app_collector_errors_total')).toBe(5);
  expect(seriesValue(shown, 'a_runs')).toBe(1);
});

test('closing the endpoint gives up what runs, without counting it', async () => {
  const { registry, page } = subject();
  const told = warnings();
  const endpoint = turnOn(registry, {});
  const begun = gate();
  let reason: unknown;
  const slow: Collector = {
    name: 'slow',
    collect: ({ signal }) =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject((reason = signal.reason)));
        begun.open();
      }),
  };
  registerApp('ipam', { registry, collectors: [slow] });
  const shown = page();
  await begun.opened;
  await endpoint.close();
  await shown;
  expect((reason as Error).message).toBe('metrics are closed');
  expect(told).toEqual([]);
});
