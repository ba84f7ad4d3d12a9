import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LagWindow } from '../../src/runtime/lag-window.ts';

describe('a window of lags', () => {
  test('is all zero as long as nothing was measured', () => {
    expect(new Set(Object.values(new LagWindow(100, 10, 0).statistics()))).toEqual(new Set([0]));
  });

  test('measures from the moment at which the timer was due', () => {
    const window = new LagWindow(100, 10, 1000);
    window.fire(1103);
    window.fire(1204);
    window.fire(1303.5); // half a millisecond early
    expect(window.statistics()).toMatchObject({ latest: 0, min: 0, max: 3, mean: 4 / 3, p50: 1, p90: 3, p99: 3 });
    expect(window.statistics().stddev).toBeCloseTo(Math.sqrt(14 / 9));
  });

  test('has a lag for each moment that a standstill lets pass', () => {
    const window = new LagWindow(100, 10, 0);
    window.fire(350); // due at 100, and then at 200 and 300
    expect(window.statistics()).toMatchObject({ latest: 250, min: 50, max: 250, mean: 150, p50: 150 });
  });

  test('forgets what is older than its size', () => {
    const window = new LagWindow(100, 3, 0);
    window.fire(150);
    for (const now of [250, 350, 450]) window.fire(now);
    expect(window.statistics()).toMatchObject({ min: 0, max: 0 });
  });

  test('takes a standstill of any length in the time of one window', () => {
    const window = new LagWindow(100, 3, 0);
    window.fire(1e15);
    expect(window.statistics()).toMatchObject({ latest: 1e15 - 100, max: 1e15 - 100, min: 1e15 - 300 });
  });

  test('tells of any lags what sorting them tells', () => {
    const lag = fc.integer({ min: 0, max: 99 });
    fc.assert(
      fc.property(fc.array(lag, { minLength: 1, maxLength: 60 }), (lags) => {
        const window = new LagWindow(100, 30, 0);
        let now = 0;
        for (const one of lags) window.fire((now += 100 + one));
        const kept = lags.slice(-30).sort((a, b) => a - b);
        const mean = kept.reduce((sum, one) => sum + one, 0) / kept.length;
        const statistics = window.statistics();
        expect(statistics).toMatchObject({ latest: lags.at(-1), min: kept[0], max: kept.at(-1) });
        expect(statistics.mean).toBeCloseTo(mean);
        for (const [name, q] of [
          ['p50', 0.5],
          ['p90', 0.9],
          ['p99', 0.99],
        ] as const) {
          const below = kept.filter((one) => one <= statistics[name]).length;
          expect(kept).toContain(statistics[name]);
          expect(below / kept.length).toBeGreaterThanOrEqual(q);
        }
      }),
    );
  });
});
