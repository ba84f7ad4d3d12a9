import * as fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { FamilyLines, type KeptLines, type MakeLines } from '../../src/exposition/family-lines.ts';
import type { LabelValues } from '../../src/snapshot/snapshot.ts';

const makeLines = (labels: LabelValues): string[] => [`first ${labels.join()} `, `second ${labels.join()} `];

/** Reads all series; `room` of them are kept. */
function read(series: readonly LabelValues[], old?: KeptLines, room: number = Infinity) {
  const make = vi.fn<MakeLines>(makeLines);
  const reader = new FamilyLines(series, 2, make, old);
  const lines = series.map((_, i) => {
    reader.full = i >= room;
    const start = reader.next();
    return reader.lines.slice(start, start + 2);
  });
  return { lines, made: make.mock.calls.length, kept: reader.toKept() };
}

const [a, b, c, d] = [['a'], ['b'], ['c'], ['d']];

describe('lines of an earlier scrape', () => {
  test('are taken over', () => {
    const { kept } = read([a, b, c]);
    expect(read([a, b, c], kept)).toEqual({ lines: [a, b, c].map(makeLines), made: 0, kept });
  });

  test.each([
    ['added at the front', [b, c], [a, b, c], 1],
    ['added in the middle', [a, c], [a, b, c], 1],
    ['added at the end', [a, b], [a, b, c, d], 2],
    ['gone at the front', [a, b, c], [c], 0],
    ['gone at the end', [a, b, c], [a, b], 0],
    ['exchanged', [a, b, c], [a, ['b'], c], 1],
    ['all new', [a, b], [c, d], 2],
  ])('with series %s', (_case, before, after, made) => {
    const first = read(before);
    const second = read(after, first.kept);
    expect(second.lines).toEqual(after.map(makeLines));
    expect(second.made).toBe(made);
    expect(read(after, second.kept).made).toBe(0);
  });

  test('are kept no longer than their series', () => {
    expect(read([a], read([a, b, c]).kept).kept.lines).toHaveLength(2);
  });

  test('are kept only as far as there is room', () => {
    const { kept } = read([a, b, c, d], undefined, 2);
    expect(kept.lines).toEqual([a, b].flatMap(makeLines));
    expect(read([a, b, c, d], kept, 2)).toMatchObject({ lines: [a, b, c, d].map(makeLines), made: 2 });
  });
});

test('whatever comes and goes, in whatever order, each series has its own lines', () => {
  const pool = Array.from({ length: 12 }, (_, i) => [String(i)]);
  const scrape = fc.record({ series: fc.uniqueArray(fc.constantFrom(...pool)), room: fc.nat(14) });
  fc.assert(
    fc.property(fc.array(scrape, { maxLength: 6 }), (scrapes) => {
      let kept: KeptLines | undefined;
      for (const { series, room } of scrapes) {
        const result = read(series, kept, room);
        expect(result.lines).toEqual(series.map(makeLines));
        kept = result.kept;
      }
    }),
  );
});
