import { describe, expect, test } from 'vitest';
import { Counter } from '../../src/core/counter.ts';
import { Registry } from '../../src/core/registry.ts';
import { observeSelf } from '../../src/core/self-metrics.ts';
import { familyOn, seriesOn, totalOn, valueOn } from '../multiprocess/page.ts';

const HELP = { help: 'Help.' };

interface Counted<L extends string> {
  readonly counter: Counter<L>;
  readonly registry: Registry;
  readonly page: () => Promise<(readonly [labels: readonly string[], value: number])[]>;
}

/** A counter with these labels, and its page as label values and value. */
function counted<L extends string>(labelNames: readonly L[]): Counted<L> {
  const registry = new Registry();
  const counter = new Counter({ name: 'c_total', ...HELP, labelNames, registry });
  const page: Counted<L>['page'] = async () => {
    const { series, values } = familyOn(await registry.snapshot(), 'c');
    return series.map((labels, i) => [labels, values[i]!]);
  };
  return { counter, registry, page };
}

describe('label sets', () => {
  test('that other libraries merge are told apart', async () => {
    const { counter, page } = counted(['a', 'b']);
    const sets = [
      ['1|2', '3'],
      ['1', '2|3'],
      ['x,b:y', ''],
      ['x', 'y'],
      ['x', ',b:y'],
      ['', 'x'],
      ['x', ''],
      ['","', ''],
      ['"', '","'],
      ['["a"', '"b"]'],
      ['\0', 'a\0'],
      ['\0a', '\0'],
    ];
    for (const [i, [a, b]] of sets.entries()) for (let k = 0; k <= i; k++) counter.labels({ a: a!, b: b! }).inc();
    const series = await page();
    expect(series).toHaveLength(sets.length);
    for (const [labels, value] of series) expect(sets[value - 1]).toEqual(labels);
  });

  test('of any value that a name of JavaScript can have', async () => {
    const { counter, page } = counted(['a', 'constructor']);
    const values = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'prototype', 'length', '', 'undefined'];
    for (const a of values) for (const constructor of values) counter.labels({ a, constructor }).inc();
    const series = await page();
    expect(series).toHaveLength(values.length ** 2);
    expect(series.every(([, value]) => value === 1)).toBe(true);
  });

  test('keep their values when the object that gave them is changed', async () => {
    const { counter, page } = counted(['a']);
    const labels = { a: 'before' };
    const handle = counter.labels(labels);
    labels.a = 'after';
    handle.inc();
    counter.labels(labels).inc(2);
    expect(await page()).toEqual([
      [['after'], 2],
      [['before'], 1],
    ]);
    expect(Object.isFrozen(handle.labelValues)).toBe(true);
  });

  test('are the same whatever order their names come in, and whether values are text or not', async () => {
    const { counter, page } = counted(['a', 'b']);
    expect(counter.labels({ a: '1', b: 'true' })).toBe(counter.labels({ b: true, a: 1 }));
    counter.labels({ b: 'true', a: 1 }).inc();
    expect(await page()).toEqual([[['1', 'true'], 1]]);
  });

  test('are well-formed: lone surrogates become what they would be when written', async () => {
    const { counter, page } = counted(['a']);
    for (const a of ['x\ud800', 'x\udc00', 'x\ufffd', 'x\u{1f600}']) counter.labels({ a }).inc();
    expect(await page()).toEqual([
      [['x\u{1f600}'], 1],
      [['x\ufffd'], 3],
    ]);
  });

  test.each([
    ['ASCII', 'x'.repeat(1 << 20), 'x'.repeat(1024)],
    ['two bytes', 'é'.repeat(1 << 19), 'é'.repeat(512)],
    ['three bytes', '€'.repeat(1 << 19), '€'.repeat(341)],
    ['four bytes', '\u{1f600}'.repeat(1 << 18), '\u{1f600}'.repeat(256)],
    ['four bytes, off by one', `x${'\u{1f600}'.repeat(1 << 18)}`, `x${'\u{1f600}'.repeat(255)}`],
    ['lone surrogates', '\ud800'.repeat(1 << 19), '\ufffd'.repeat(341)],
    ['just short enough', 'x'.repeat(1024), 'x'.repeat(1024)],
  ])('are cut at 1 KiB between two characters, and that is counted: %s', async (_, given, kept) => {
    const { counter, registry, page } = counted(['a']);
    observeSelf(registry);
    counter.labels({ a: given }).inc();
    counter.labels({ a: given }).inc();
    expect(await page()).toEqual([[[kept], 2]]);
    expect(Buffer.byteLength(kept)).toBeLessThanOrEqual(1024);
    expect(totalOn(await registry.snapshot(), 'metrics_truncated_values')).toBe(given === kept ? 0 : 2);
  });

  test.each([
    ['none', undefined],
    ['null', null],
    ['a string', 'a'],
    ['a name is missing', { a: '1' }],
    ['a name too many', { a: '1', b: '2', c: '3' }],
    ['an unknown name', { a: '1', c: '2' }],
    ['undefined', { a: '1', b: undefined }],
    ['null as a value', { a: '1', b: null }],
    ['an object as a value', { a: '1', b: {} }],
    ['an array', ['1', '2']],
    ['a symbol as a value', { a: '1', b: Symbol('b') }],
    ['a bigint as a value', { a: '1', b: 2n }],
    ['a function as a value', { a: '1', b: String }],
  ])('that are wrong are refused: %s', async (_, labels) => {
    const { counter, page } = counted(['a', 'b']);
    counter.labels({ a: '1', b: '2' });
    for (let again = 0; again < 2; again++) {
      expect(() => counter.labels(labels as never)).toThrow(
        expect.objectContaining({ code: 'ERR_METRICS_INVALID_LABEL' }) as Error,
      );
    }
    expect(await page()).toHaveLength(1);
  });
});

describe('the limit of series', () => {
  test('what is past it counts in one series, the total stays right, and that is counted', async () => {
    const registry = new Registry();
    observeSelf(registry);
    const counter = new Counter({ name: 'c_total', ...HELP, labelNames: ['a', 'b'], maxSeries: 5, registry });
    for (let n = 0; n < 100; n++) counter.labels({ a: n, b: 'x' }).inc();
    const page = await registry.snapshot();
    expect(familyOn(page, 'c').series).toHaveLength(6);
    expect(totalOn(page, 'c')).toBe(100);
    expect(valueOn(page, 'c', ['<overflow>', '<overflow>'])).toBe(95);
    expect(seriesOn(page, 'metrics_overflowed_series', ['c_total'])).toEqual([95]);
    // A series that goes makes room.
    counter.remove({ a: 0, b: 'x' });
    counter.labels({ a: 'new', b: 'x' }).inc();
    expect(valueOn(await registry.snapshot(), 'c', ['new', 'x'])).toBe(1);
  });

  test('is 2,000 unless something else is said', async () => {
    const { counter, page } = counted(['a']);
    for (let a = 0; a < 3000; a++) counter.labels({ a }).inc();
    expect(await page()).toHaveLength(2001);
  });
});

describe('removal', () => {
  test('a handle whose series was removed brings it back with what it records next', async () => {
    const { counter, page } = counted(['a']);
    const handle = counter.labels({ a: 'x' });
    handle.inc(5);
    counter.remove({ a: 'x' });
    expect(await page()).toEqual([]);
    handle.inc();
    expect(await page()).toEqual([[['x'], 1]]);
    expect(counter.labels({ a: 'x' })).toBe(handle);
  });

  test('of two handles on a series that came back both count in it', async () => {
    const { counter, page } = counted(['a']);
    const old = counter.labels({ a: 'x' });
    counter.remove({ a: 'x' });
    const fresh = counter.labels({ a: 'x' });
    fresh.inc(1);
    old.inc(2);
    fresh.inc(4);
    expect(await page()).toEqual([[['x'], 7]]);
    counter.clear();
    expect(await page()).toEqual([]);
    old.inc(1);
    fresh.inc(1);
    expect(await page()).toEqual([[['x'], 2]]);
  });

  test('of what is not there changes nothing', async () => {
    const { counter, page } = counted(['a']);
    counter.labels({ a: 'x' }).inc();
    counter.remove({ a: 'y' });
    counter.remove({ a: '<overflow>' });
    expect(await page()).toEqual([[['x'], 1]]);
  });

  test('series that nothing was recorded to for so long go; others stay', async () => {
    let nowMs = 1;
    const registry = new Registry({ clock: { now: () => nowMs, sharedMs: () => nowMs } });
    const counter = new Counter({ name: 'c_total', ...HELP, labelNames: ['a'], idleSeconds: 10, registry });
    const [busy, idle] = ['busy', 'idle'].map((a) => counter.labels({ a }));
    const series = async (): Promise<string[]> => familyOn(await registry.snapshot(), 'c').series.flat();
    idle!.inc();
    for (let seconds = 0; seconds < 20; seconds++) {
      busy!.inc();
      expect(await series()).toContain('busy');
      nowMs += 1000;
    }
    expect(await series()).toEqual(['busy']);
    idle!.inc();
    expect(await series()).toEqual(['busy', 'idle']);
    expect(valueOn(await registry.snapshot(), 'c', ['idle'])).toBe(1);
    expect(valueOn(await registry.snapshot(), 'c', ['busy'])).toBe(20);
  });
});
