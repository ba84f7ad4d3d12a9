import { describe, expect, test } from 'vitest';
import { Counter } from '../../src/core/counter.ts';
import { Gauge } from '../../src/core/gauge.ts';
import { Histogram } from '../../src/core/histogram.ts';
import { Info } from '../../src/core/info.ts';
import { Registry } from '../../src/core/registry.ts';
import { StateSet } from '../../src/core/state-set.ts';
import { Summary } from '../../src/core/summary.ts';
import { countOn, familyOn, seriesOn, valueOn } from '../multiprocess/page.ts';

const HELP = { help: 'Help.' };
const INVALID = expect.objectContaining({ code: 'ERR_METRICS_INVALID_VALUE' }) as Error;
const NO_NUMBERS: readonly unknown[] = ['1', null, true, {}, [], 1n, Symbol('1'), new Date(0)];

describe('what can not be recorded is refused, and changes nothing', () => {
  test('by a counter', async () => {
    const registry = new Registry();
    const counter = new Counter({ name: 'c_total', ...HELP, registry });
    counter.inc(2);
    for (const value of [NaN, Infinity, -Infinity, -1, -Number.MIN_VALUE, ...NO_NUMBERS]) {
      expect(() => counter.inc(value as number)).toThrow(INVALID);
    }
    expect(valueOn(await registry.snapshot(), 'c')).toBe(2);
  });

  test('by a histogram and a summary', async () => {
    const registry = new Registry();
    const histogram = new Histogram({ name: 'h', ...HELP, buckets: [1], registry });
    const summary = new Summary({ name: 's', ...HELP, registry });
    for (const metric of [histogram, summary]) {
      metric.observe(1);
      for (const value of [NaN, Infinity, -Infinity, undefined, ...NO_NUMBERS]) {
        expect(() => metric.observe(value as number)).toThrow(INVALID);
      }
    }
    const page = await registry.snapshot();
    expect(seriesOn(page, 'h')).toEqual([1, 1, 0]);
    expect([valueOn(page, 's'), countOn(page, 's')]).toEqual([1, 1]);
  });

  test('by a gauge', async () => {
    const registry = new Registry();
    const gauge = new Gauge({ name: 'g', ...HELP, registry });
    gauge.set(3);
    for (const value of [undefined, ...NO_NUMBERS]) expect(() => gauge.set(value as number)).toThrow(INVALID);
    for (const value of [NaN, Infinity, ...NO_NUMBERS]) {
      expect(() => gauge.inc(value as number)).toThrow(INVALID);
      expect(() => gauge.dec(value as number)).toThrow(INVALID);
    }
    expect(valueOn(await registry.snapshot(), 'g')).toBe(3);
  });

  test('by a state set: a state that is none', () => {
    const states = new StateSet({ name: 's', ...HELP, states: ['a', 'b'], registry: new Registry() });
    for (const state of ['c', '', 'A', undefined, 0]) expect(() => states.set(state as string)).toThrow(INVALID);
  });
});

test('a gauge takes every number', async () => {
  const registry = new Registry();
  const gauge = new Gauge({ name: 'g', ...HELP, registry });
  for (const value of [NaN, Infinity, -Infinity, Number.MIN_VALUE, Number.MAX_VALUE]) {
    gauge.set(value);
    expect(valueOn(await registry.snapshot(), 'g')).toBe(value);
  }
});

test('counting goes on beyond 2^53 as far as doubles do', async () => {
  const registry = new Registry();
  const counter = new Counter({ name: 'c_total', ...HELP, registry });
  counter.inc(2 ** 53 - 1);
  counter.inc();
  counter.inc(2);
  expect(valueOn(await registry.snapshot(), 'c')).toBe(2 ** 53 + 2);
});

test('a histogram: values on a bound count below it, the sum is to the last bit what was added', async () => {
  const registry = new Registry();
  const bounds = [-1, 0, Number.MIN_VALUE, 0.1, 1, 1e300];
  const histogram = new Histogram({ name: 'h', ...HELP, buckets: [...bounds, Infinity], registry });
  const values = [-2, -1, -0.5, -0, 0, Number.MIN_VALUE, 0.1, 0.1, 0.2, 1, 1e300, 1.1e300];
  let sum = 0;
  for (const value of values) {
    histogram.observe(value);
    sum += value;
  }
  expect(seriesOn(await registry.snapshot(), 'h')).toEqual([sum, 2, 3, 1, 2, 2, 1, 1]);
});

test('a stopwatch and a moment come from the clock of the registry', async () => {
  let nowMs = 5000;
  const registry = new Registry({ clock: { now: () => nowMs, sharedMs: () => nowMs } });
  const histogram = new Histogram({ name: 'h', ...HELP, buckets: [1], registry });
  const summary = new Summary({ name: 's', ...HELP, registry });
  const gauge = new Gauge({ name: 'g', ...HELP, registry });
  const stops = [histogram, summary, gauge].map((metric) => metric.startTimer());
  gauge.setToCurrentTime();
  expect(valueOn(await registry.snapshot(), 'g')).toBe(5);
  nowMs += 1500;
  expect(stops.map((stop) => stop())).toEqual([1.5, 1.5, 1.5]);
  const page = await registry.snapshot();
  expect([valueOn(page, 'h'), valueOn(page, 's'), valueOn(page, 'g')]).toEqual([1.5, 1.5, 1.5]);
});

test('an info says one thing at a time, a state set is in one state unless told otherwise', async () => {
  const registry = new Registry();
  const info = new Info({ name: 'build', ...HELP, labelNames: ['version'], registry });
  info.set({ version: '1' });
  info.set({ version: '2' });
  const states = new StateSet({ name: 'phase', ...HELP, states: ['a', 'b', 'c'], registry });
  states.set('a');
  states.set('b');
  const page = await registry.snapshot();
  expect(familyOn(page, 'build').series).toEqual([['2']]);
  expect(seriesOn(page, 'phase')).toEqual([0, 1, 0]);
  states.set('c', true);
  states.set('b', false);
  expect(seriesOn(await registry.snapshot(), 'phase')).toEqual([0, 0, 1]);
});
