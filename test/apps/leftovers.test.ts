import { expect, onTestFinished, test, vi } from 'vitest';
import { createEndpoint } from '../../src/endpoint/endpoint.ts';
import { type Collector, registerApp, Registry } from '../../src/index.ts';
import { MappedStore } from '../../src/store/mapped-store.ts';
import { findSeries, scrape } from '../../src/testing.ts';
import { temporaryDirectory } from '../multiprocess/children.ts';
import { warnings } from './subject.ts';

/** The time of day, and the timer by which processes look between scrapes, are the test's. */
function time(): { pass: (seconds: number) => Promise<void>; clock: { now: () => number; sharedMs: () => number } } {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  onTestFinished(() => void vi.useRealTimers());
  let now = 1_700_000_000_000;
  return {
    clock: { now: () => now, sharedMs: () => now / 1000 },
    async pass(seconds) {
      now += seconds * 1000;
      await vi.advanceTimersByTimeAsync(5000);
      // What was begun then comes to its end.
      for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
    },
  };
}

const giving = (name: string): Collector => ({
  name,
  collect: () => [{ name: 'shared', help: 'Help.', labelNames: ['a'], samples: [{ labels: { a: 'x' }, value: 1 }] }],
});

test('what a collector gave that an app no longer has makes way for the one that took its place', async () => {
  const told = warnings();
  const { clock, pass } = time();
  const directory = temporaryDirectory();
  /** A process of one release, with its own collectors. */
  const release = (
    collectors: readonly Collector[],
  ): { registry: Registry; end: () => Promise<void>; board: MappedStore['board'] } => {
    const store = new MappedStore({ directory, role: 'web' });
    const registry = new Registry({ clock, openStore: () => store });
    registerApp('ipam', { registry, collectors });
    const endpoint = createEndpoint({ registry }, { METRICS_ENABLED: 'true' });
    const end = async (): Promise<void> => {
      await endpoint.close();
      registry.close();
    };
    onTestFinished(end);
    return { registry, end, board: store.board };
  };

  const old = release([giving('a_old'), giving('kept')]);
  await scrape(old.registry);
  expect(old.board.names()).toEqual(['ipam.a_old', 'ipam.kept']);
  await old.end();

  const next = release([giving('b_new')]);
  await pass(60);
  // Another process may have the old one still.
  expect(next.board.names()).toEqual(['ipam.a_old', 'ipam.b_new', 'ipam.kept']);
  expect(findSeries(await scrape(next.registry), 'shared')).toHaveLength(1);
  expect(told.at(-1)).toContain('b_new of the app ipam failed: shared is left out');
  await pass(80);
  expect(next.board.names()).toEqual(['ipam.b_new']);
  const refused = told.length;
  await pass(80);
  expect(findSeries(await scrape(next.registry), 'shared')).toHaveLength(1);
  expect(told).toHaveLength(refused);
});

test('what an app gave that nobody registers any more is shown as long as it may be, and then removed', async () => {
  warnings();
  const { clock, pass } = time();
  const directory = temporaryDirectory();
  const open = (app: string): { registry: Registry; store: MappedStore } => {
    const store = new MappedStore({ directory, role: 'web' });
    const registry = new Registry({ clock, openStore: () => store });
    registerApp(app, { registry, collectors: [giving(`of_${app}`)] });
    return { registry, store };
  };
  const before = open('removed');
  await scrape(before.registry);
  before.registry.close();

  const { registry, store } = open('ipam');
  const endpoint = createEndpoint({ registry }, { METRICS_ENABLED: 'true' });
  onTestFinished(() => endpoint.close());
  await pass(590);
  expect(store.board.names()).toContain('removed.of_removed');
  await pass(700);
  expect(store.board.names()).toEqual(['ipam.of_ipam']);
  registry.close();
});
