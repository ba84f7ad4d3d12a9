import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { LabelIndex } from '../../src/snapshot/label-index.ts';

interface Item {
  readonly labelValues: readonly string[];
}

/** Values that a joined key takes for each other, and those with a meaning to JavaScript. */
const VALUES = ['', 'a', 'b', 'a,b', '"', '","', '\\', '\\"', '\0', 'a\0b', '__proto__', 'constructor', '\ud800', '1'];

const itemOf = (...labelValues: string[]): Item => ({ labelValues });
const keyOf = (labelValues: readonly string[]): string => labelValues.map((value) => VALUES.indexOf(value)).join(' ');

test.each([0, 1, 2, 3, 4])('holds what a list of all items holds, whatever comes and goes: %i labels', (labels) => {
  const labelValues = fc.array(fc.constantFrom(...VALUES), { minLength: labels, maxLength: labels });
  const action = fc.record({ labelValues, removes: fc.boolean() });
  let looked = 0;
  fc.assert(
    fc.property(fc.array(action, { minLength: 10, maxLength: 60 }), (actions) => {
      const index = new LabelIndex<Item>();
      const expected = new Map<string, Item>();
      for (const { labelValues: values, removes } of actions) {
        const key = keyOf(values);
        if (removes) {
          expect(index.delete([...values])).toBe(expected.get(key));
          expected.delete(key);
        } else {
          const item = itemOf(...values);
          index.set(item);
          expected.set(key, item);
        }
        for (const { labelValues: any } of actions) expect(index.get([...any])).toBe(expected.get(keyOf(any)));
        expect(index.size).toBe(expected.size);
        expect(new Set(index.values())).toEqual(new Set(expected.values()));
        looked++;
      }
    }),
  );
  expect(looked).toBeGreaterThanOrEqual(1000);
});

test('items that differ in one value only are told apart, at each place', () => {
  const index = new LabelIndex<Item>();
  const items = [itemOf('x', 'y', 'z'), itemOf('w', 'y', 'z'), itemOf('x', 'w', 'z'), itemOf('x', 'y', 'w')];
  for (const item of items) index.set(item);
  for (const item of items) expect(index.get([...item.labelValues])).toBe(item);
  expect(index.get(['w', 'w', 'w'])).toBeUndefined();
  expect(index.get(['w', 'y', 'w'])).toBeUndefined();
  expect(index.get(['x'])).toBeUndefined();
  expect(index.get(['w', 'y', 'z', ''])).toBeUndefined();
});

test('an item that is alone under its first values has no branch, before others came and after they went', () => {
  const index = new LabelIndex<Item>();
  const first = itemOf('GET', '/a', '200');
  index.set(first);
  expect(index.root).toBe(first);
  index.set(itemOf('GET', '/a', '404'));
  expect(index.root).toBeInstanceOf(Map);
  index.delete(['GET', '/a', '404']);
  expect(index.root).toBe(first);
  index.set(itemOf('PUT', '/a', '200'));
  expect((index.root as Map<string, unknown>).get('GET')).toBe(first);
  index.delete(first.labelValues);
  index.delete(['PUT', '/a', '200']);
  expect(index.root).toBeUndefined();
});
