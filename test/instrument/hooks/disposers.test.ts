import { expect, test } from 'vitest';
import { Disposers, once } from '../../../src/instrument/hooks/disposers.ts';
import { Within } from '../../../src/instrument/hooks/within.ts';

test('disposers run once, the last one first, also if one throws or comes late', () => {
  const ran: string[] = [];
  const disposers = new Disposers();
  disposers.add(() => ran.push('first'));
  disposers.add(
    () => {
      throw new Error('disposer');
    },
    () => ran.push('last'),
  );
  disposers.dispose();
  disposers.dispose();
  expect(ran).toEqual(['last', 'first']);
  disposers.add(() => ran.push('late'));
  expect(ran).toEqual(['last', 'first', 'late']);
});

test('once runs the first time only', () => {
  let runs = 0;
  const run = once(() => void runs++);
  run();
  run();
  expect(runs).toBe(1);
});

test('within is active while a call runs, calls inside it included', () => {
  const within = new Within();
  const seen: boolean[] = [within.active];
  const result = within.run(() => {
    within.run(() => seen.push(within.active));
    seen.push(within.active);
    return 1;
  });
  const thrower = (): never => {
    throw new Error('call');
  };
  expect(() => within.run(thrower)).toThrow('call');
  seen.push(within.active);
  expect([result, ...seen]).toEqual([1, false, true, true, false]);
});
