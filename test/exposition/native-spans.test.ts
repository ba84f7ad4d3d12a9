import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { toSpans } from '../../src/exposition/native-spans.ts';

type Side = [index: number, count: number][];

// What Go's client library makes of the same buckets.
test.each<[string, Side, [number, number][], number[]]>([
  ['nothing', [], [], []],
  ['one bucket', [[5, 3]], [[5, 1]], [3]],
  [
    'negative indices',
    [
      [-3, 1],
      [-2, 4],
    ],
    [[-3, 2]],
    [1, 4],
  ],
  [
    'a gap of one',
    [
      [0, 1],
      [2, 3],
    ],
    [[0, 3]],
    [1, 0, 3],
  ],
  [
    'a gap of two',
    [
      [0, 1],
      [3, 3],
    ],
    [[0, 4]],
    [1, 0, 0, 3],
  ],
  [
    'a gap of three',
    [
      [0, 1],
      [4, 3],
    ],
    [
      [0, 1],
      [3, 1],
    ],
    [1, 3],
  ],
  [
    'several runs',
    [
      [-10, 2],
      [-9, 1],
      [0, 7],
      [1, 7],
      [3, 1],
      [100, 5],
    ],
    [
      [-10, 2],
      [8, 4],
      [96, 1],
    ],
    [2, 1, 7, 7, 0, 1, 5],
  ],
  ['a first run behind empty buckets stays a run of its own', [[2, 1]], [[2, 1]], [1]],
])('%s', (_name, buckets, spans, counts) => expect(toSpans(buckets)).toEqual({ spans, counts }));

test('whatever the buckets, they can be read back', () => {
  const side = fc
    .uniqueArray(fc.tuple(fc.integer({ min: -300, max: 300 }), fc.integer({ min: 1, max: 1e6 })), {
      selector: ([index]) => index,
    })
    .map((buckets) => buckets.sort(([a], [b]) => a - b));
  fc.assert(
    fc.property(side, (buckets) => {
      const { spans, counts } = toSpans(buckets);
      const found: Side = [];
      let index = 0;
      let place = 0;
      for (const [i, [offset, length]] of spans.entries()) {
        if (i > 0) expect(offset).toBeGreaterThan(2);
        index += offset;
        for (let k = 0; k < length; k++, index++, place++) if (counts[place] !== 0) found.push([index, counts[place]!]);
      }
      expect(place).toBe(counts.length);
      expect(found).toEqual(buckets);
    }),
  );
});
