import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Counter, defaultRegistry, MetricsError, Registry } from '../../../src/index.ts';
import { activate } from '../../../src/core/activation.ts';
import { startApplicationMetrics } from '../../../src/application.ts';
import { attach, type Instrumentation, uninstrument } from '../../../src/instrument/hooks/attach.ts';
import { collectGarbage } from '../../support/heap-used.ts';

/** Instruments a target, and tells what became of it. */
function attachTo(target: object, options: { registry?: Registry; enabled?: boolean }, adapter = 'some'): Seen {
  const seen: Seen = { installed: [], removed: 0 };
  attach(target, adapter, options, (instrumentation) => {
    seen.installed.push(instrumentation);
    return () => seen.removed++;
  });
  return seen;
}

interface Seen {
  readonly installed: Instrumentation[];
  removed: number;
}

/** A registry that nobody has turned on or off. */
function waitingRegistry(): Registry {
  vi.stubEnv('METRICS_ENABLED', 'false');
  const registry = new Registry();
  const never: Seen = attachTo({}, { registry });
  expect(never.installed).toEqual([]);
  return registry;
}

beforeEach(() => vi.stubEnv('METRICS_ENABLED', ''));
afterEach(() => vi.unstubAllEnvs());

describe('the switch', () => {
  test('is on for a registry of the application, unless METRICS_ENABLED says no', () => {
    const registry = new Registry();
    expect(attachTo({}, { registry }).installed).toEqual([{ namespace: '', compat: undefined, registry }]);
    for (const off of ['false', 'False ', '0', 'no', 'off']) {
      vi.stubEnv('METRICS_ENABLED', off);
      expect(attachTo({}, { registry: new Registry() }).installed).toEqual([]);
    }
  });

  test('takes the names from the environment where nobody calls promenade()', () => {
    vi.stubEnv('METRICS_ENABLED', 'true');
    vi.stubEnv('METRICS_NAMESPACE', 'shop');
    vi.stubEnv('METRICS_COMPAT', 'django');
    const registry = new Registry();
    expect(attachTo({}, { registry }).installed).toEqual([{ namespace: 'shop', compat: 'django', registry }]);
  });

  test('waits on the default registry for promenade(), which begins what came before and what comes later', async () => {
    const early = attachTo({}, {});
    const undone = {};
    const never = attachTo(undone, {});
    uninstrument(undone);
    expect(early.installed).toEqual([]);
    const metrics = startApplicationMetrics({ enabled: true, namespace: 'later', http: false, runtime: false }, {});
    const late = attachTo({}, {});
    expect([early.installed, late.installed]).toEqual([
      [{ namespace: 'later', compat: undefined, registry: defaultRegistry }],
      [{ namespace: 'later', compat: undefined, registry: defaultRegistry }],
    ]);
    expect(never.installed).toEqual([]);
    await metrics?.close();
  });

  test('begins all that wait, when one of them can not', () => {
    const registry = waitingRegistry();
    new Counter({ name: 'taken_total', help: 'Taken.', registry });
    attach({}, 'clash', { registry }, () => {
      void new Counter({ name: 'taken_total', help: 'Taken by another.', registry });
      return () => {};
    });
    const other = attachTo({}, { registry });
    expect(() => activate(registry, { namespace: '', compat: undefined })).toThrow(/already defined/);
    expect(other.installed).toHaveLength(1);
  });

  test('holds on to nothing that waits', async () => {
    const registry = waitingRegistry();
    const here = { name: 'here' };
    const seen = attachTo(here, { registry });
    let gone = 0;
    const collected = new FinalizationRegistry(() => gone++);
    for (let i = 0; i < 100; i++) {
      const target = { pool: Array.from({ length: 1000 }, () => i) };
      collected.register(target, i);
      attach(target, 'some', { registry }, () => () => target.pool.length);
    }
    await vi.waitFor(
      () => {
        collectGarbage();
        expect(gone).toBeGreaterThan(90);
      },
      { timeout: 20_000, interval: 50 },
    );
    activate(registry, { namespace: '', compat: undefined });
    expect(seen.installed).toHaveLength(1);
    expect(here.name).toBe('here');
  });

  test('an option decides before it', () => {
    const registry = waitingRegistry();
    expect(attachTo({}, { registry, enabled: true }).installed).toHaveLength(1);
    expect(attachTo({}, { registry: new Registry(), enabled: false }).installed).toEqual([]);
  });
});

describe('a target', () => {
  test('comes back, is instrumented once by each adapter, and again after it was undone', () => {
    const registry = new Registry();
    const target = { name: 'pool' };
    expect(attach(target, 'some', { registry }, () => () => {})).toBe(target);
    expect(attachTo(target, { registry }).installed).toEqual([]);
    expect(attachTo(target, { registry }, 'other').installed).toHaveLength(1);
    uninstrument(target);
    uninstrument(target);
    const again = attachTo(target, { registry });
    expect(again.installed).toHaveLength(1);
    uninstrument(target);
    expect(again.removed).toBe(1);
  });

  test('that was never instrumented is left alone', () => {
    expect(() => uninstrument({})).not.toThrow();
  });

  test('that is not what it seemed is a warning, not an error of the application', () => {
    const registry = new Registry();
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const target = {};
    const closed = (): never => {
      throw new TypeError('The database connection is not open');
    };
    expect(attach(target, 'some', { registry }, closed)).toBe(target);
    expect(warned).toHaveBeenCalledWith(
      "promenade/some can't measure what it was given: The database connection is not open",
      { type: 'MetricsWarning', code: 'WARN_METRICS_NOT_INSTRUMENTED' },
    );
    warned.mockRestore();
    expect(() => uninstrument(target)).not.toThrow();
  });

  test('can be instrumented again after families could not be defined', () => {
    const registry = new Registry();
    const target = {};
    const failing = (): never => {
      throw new MetricsError('ERR_METRICS_DUPLICATE_NAME', 'taken');
    };
    expect(() => attach(target, 'some', { registry }, failing)).toThrow('taken');
    expect(attachTo(target, { registry }).installed).toHaveLength(1);
  });
});
