import { Writable } from 'node:stream';
import { expect, test, vi } from 'vitest';
import { Readers } from '../../src/endpoint/readers.ts';

let nowMs = 0;
const limits = { max: 4, maxPerAddress: 2, idleMs: 10_000 };
const make = (): Readers => new Readers(limits, () => nowMs);

/** A response whose reader takes nothing, until it is told to. */
function slowResponse(): { target: Writable; take: () => void } {
  let take = (): void => {};
  const target = new Writable({ highWaterMark: 1, write: (_chunk, _encoding, done) => void (take = done) });
  target.write('page');
  expect(target.writableNeedDrain).toBe(true);
  return { target, take: () => take() };
}

test('an address has a limit, and leaves room for others', () => {
  const readers = make();
  const first = readers.admit('a')!;
  expect(readers.admit('a')).toBeDefined();
  expect(readers.admit('a')).toBeUndefined();
  expect(readers.admit('b')).toBeDefined();
  first.done();
  first.done();
  expect(readers.admit('a')).toBeDefined();
  expect(readers.admit('c')).toBeDefined();
  expect(readers.admit('d')).toBeUndefined();
  expect(readers.admit()).toBeUndefined();
});

test('a reader that takes nothing makes room for one that comes, the one that has waited longest first', () => {
  const readers = make();
  const [older, younger] = [slowResponse(), slowResponse()];
  readers.admit('a')!.reads(older.target);
  nowMs += 100;
  readers.admit('a')!.reads(younger.target);
  expect(readers.admit('a')).toBeUndefined();
  nowMs += 2000;
  expect(readers.admit('a')).toBeDefined();
  expect([older.target.destroyed, younger.target.destroyed]).toEqual([true, false]);
});

test('a page in the making, and one whose reader takes it, are not cut off', async () => {
  const readers = make();
  const response = slowResponse();
  readers.admit('a');
  readers.admit('a')!.reads(response.target);
  nowMs += 5000;
  const drained = new Promise((resolve) => response.target.once('drain', resolve));
  response.take();
  await drained;
  expect(readers.admit('a')).toBeUndefined();
  expect(response.target.destroyed).toBe(false);
});

test('a reader that takes nothing for long is cut off, also where there is room', () => {
  vi.useFakeTimers();
  try {
    const readers = make();
    const response = slowResponse();
    readers.admit('a')!.reads(response.target);
    nowMs += limits.idleMs - 1;
    vi.advanceTimersByTime(limits.idleMs - 1);
    expect(response.target.destroyed).toBe(false);
    nowMs += 1;
    vi.advanceTimersByTime(limits.idleMs / 4);
    expect(response.target.destroyed).toBe(true);
  } finally {
    vi.useRealTimers();
  }
});
