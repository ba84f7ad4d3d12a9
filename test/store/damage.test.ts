import fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { Counter } from '../../src/core/counter.ts';
import { Histogram } from '../../src/core/histogram.ts';
import { Summary } from '../../src/core/summary.ts';
import { surveyDirectory } from '../../src/store/reader/survey.ts';
import { temporaryDirectory } from '../multiprocess/children.ts';
import { readerOf, sumsOn, totalOn, valueOn } from '../multiprocess/page.ts';
import { Process } from './processes.ts';

vi.spyOn(process, 'emitWarning').mockImplementation(() => {});

const SERIES = 300;

function deadSlot(): string {
  const directory = temporaryDirectory();
  const writer = new Process(directory);
  const counter = new Counter({ name: 'kept_total', help: 'Help.', labelNames: ['n'], registry: writer.registry });
  for (let n = 0; n < SERIES; n++) counter.labels({ n }).inc();
  writer.die();
  return directory;
}

/** Where the records of a names file start. */
function recordsOf(names: Buffer): number[] {
  const starts: number[] = [];
  for (let at = 512; names.readUInt32LE(at) !== 0; at += 8 + names.readUInt32LE(at)) starts.push(at);
  return starts;
}

function change(path: string, work: (bytes: Buffer) => void): void {
  const bytes = fs.readFileSync(path);
  work(bytes);
  fs.writeFileSync(path, bytes);
}

describe('a damaged record', () => {
  const damages: [string, (names: Buffer, at: number) => void][] = [
    ['whose length reaches into the zeros', (names, at) => names.writeUInt32LE(40_000, at)],
    ['whose length reaches past the file', (names, at) => names.writeUInt32LE(0x7fffffff, at)],
    ['whose length is 0', (names, at) => names.writeUInt32LE(0, at)],
    ['whose checksum is wrong', (names, at) => names.writeUInt32LE(1, at + 4)],
    ['whose text is overwritten', (names, at) => names.fill(0x5b, at + 8, at + 20)],
    ['that is overwritten with zeros', (names, at) => names.fill(0, at, at + 8 + names.readUInt32LE(at))],
  ];
  test.each(damages)('%s costs that record alone, is counted, and is mended by the next owner', async (_, damage) => {
    const directory = deadSlot();
    const path = join(directory, 'worker-0.names');
    change(path, (names) => damage(names, recordsOf(names)[20]!));
    const reader = readerOf(directory);
    expect(totalOn(await reader.snapshot(), 'kept')).toBe(SERIES - 1);
    expect(reader.status()).toMatchObject({ quarantined: 0, damaged: 1 });
    const { slots } = await surveyDirectory(directory);
    expect(slots.find(({ name }) => name === 'worker-0')).toMatchObject({
      state: 'damaged',
      notes: ['at least 1 records are missing from its names'],
    });
    const next = new Process(directory);
    expect(next.store.slotName).toBe('worker-0');
    expect(totalOn(await next.registry.snapshot(), 'kept')).toBe(SERIES - 1);
    next.die();
    const later = readerOf(directory, 'later');
    expect(totalOn(await later.snapshot(), 'kept')).toBe(SERIES - 1);
    expect(later.status().damaged).toBe(0);
    expect(fs.readdirSync(directory).filter((file) => file.startsWith('worker-0.names.damaged-'))).toHaveLength(1);
  });

  test('that removed a series: a later series in its cells is not shown twice', async () => {
    const directory = temporaryDirectory();
    const writer = new Process(directory);
    const counter = new Counter({ name: 'kept_total', help: 'Help.', labelNames: ['n'], registry: writer.registry });
    for (const n of ['a', 'b']) counter.labels({ n }).inc();
    counter.remove({ n: 'a' });
    counter.labels({ n: 'c' }).inc(7);
    writer.die();
    change(join(directory, 'worker-0.names'), (names) => {
      const at = recordsOf(names).find((start) => names.toString('latin1', start + 8, start + 20).includes('removal'))!;
      names.writeUInt32LE(0, at + 4);
    });
    const page = await readerOf(directory).snapshot();
    expect(['a', 'b', 'c'].map((n) => valueOn(page, 'kept', [n]))).toEqual([undefined, 1, 7]);
  });

  test('under a live owner: the owner rewrites its names', async () => {
    const directory = temporaryDirectory();
    const owner = new Process(directory);
    owner.count(30);
    const fd = fs.openSync(join(directory, 'worker-0.names'), 'r+');
    fs.writeSync(fd, Buffer.from([255, 255]), 0, 2, 700);
    fs.closeSync(fd);
    await vi.waitFor(async () => {
      const { slots } = await surveyDirectory(directory);
      expect(slots[0]).toMatchObject({ state: 'live', notes: [] });
    }, 20_000);
    expect(totalOn(await readerOf(directory).snapshot(), 'requests')).toBe(30);
  });
});

test('every bit of either copy of a header: the slot counts, and inspection says what is damaged', async () => {
  const directory = deadSlot();
  const names = fs.readFileSync(join(directory, 'worker-0.names'));
  let noted = 0;
  for (let bit = 0; bit < 512 * 8; bit += 37) {
    const copy = temporaryDirectory();
    const damaged = Buffer.from(names);
    damaged[bit >> 3]! ^= 1 << (bit & 7);
    fs.writeFileSync(join(copy, 'worker-0.names'), damaged);
    fs.copyFileSync(join(directory, 'worker-0.cells'), join(copy, 'worker-0.cells'));
    noted += (await surveyDirectory(copy)).slots[0]!.notes.length;
    const next = new Process(copy);
    expect(next.store.slotName).toBe('worker-0');
    expect(totalOn(await next.registry.snapshot(), 'kept')).toBe(SERIES);
    next.die();
    expect((await surveyDirectory(copy)).slots[0]!.notes).toEqual([]);
  }
  expect(noted).toBeGreaterThan(100);
});

test('random bytes over the version of a header under a live owner: the owner writes it again', async () => {
  const directory = temporaryDirectory();
  const owner = new Process(directory);
  owner.count(30);
  const before = fs.readFileSync(join(directory, 'worker-0.names')).subarray(0, 512);
  const fd = fs.openSync(join(directory, 'worker-0.names'), 'r+');
  for (const copy of [0, 272]) fs.writeSync(fd, Buffer.from([7, 7, 7, 7]), 0, 4, copy + 8);
  const now = Buffer.alloc(512);
  await vi.waitFor(() => {
    fs.readSync(fs.openSync(join(directory, 'worker-0.names'), 'r'), now, 0, 512, 0);
    expect(now.equals(before)).toBe(true);
  }, 20_000);
  fs.closeSync(fd);
  expect(totalOn(await readerOf(directory).snapshot(), 'requests')).toBe(30);
});

test('every bit of a cell of every kind: numbers stay possible, others stay right, the next owner goes on', async () => {
  const directory = temporaryDirectory();
  const writer = new Process(directory);
  const define = ({ registry }: Process) => ({
    counter: new Counter({ name: 'counted_total', help: 'Help.', registry }),
    classic: new Histogram({ name: 'classic', help: 'Help.', buckets: [1, 2], registry }),
    native: new Histogram({ name: 'native', help: 'Help.', buckets: [1], native: { maxBuckets: 20 }, registry }),
    summary: new Summary({ name: 'summed', help: 'Help.', registry }),
  });
  const { counter, classic, native, summary } = define(writer);
  counter.inc();
  for (const metric of [classic, native, summary]) for (const value of [0, 0.5, 1.5, 3]) metric.observe(value);
  const other = new Counter({ name: 'other_total', help: 'Help.', registry: writer.registry });
  other.inc(11);
  writer.die();
  const cells = fs.readFileSync(join(directory, 'worker-0.cells'));
  const numbers = new Float64Array(cells.buffer, cells.byteOffset, cells.length / 8);
  const used = [...numbers.keys()].filter((cell) => cell >= 8 && numbers[cell] !== 0 && numbers[cell] !== 11);
  expect(used.length).toBeGreaterThan(15);
  let read = 0;
  let damaged = 0;
  for (const cell of used) {
    for (let bit = 0; bit < 64; bit += bit < 48 ? 16 : 1) {
      const copy = temporaryDirectory();
      fs.copyFileSync(join(directory, 'worker-0.names'), join(copy, 'worker-0.names'));
      fs.writeFileSync(join(copy, 'worker-0.cells'), cells);
      change(join(copy, 'worker-0.cells'), (bytes) => (bytes[cell * 8 + (bit >> 3)]! ^= 1 << (bit & 7)));
      const next = read % 4 === 0 ? new Process(copy) : undefined;
      const reader = next ?? new Process(copy, 'reader');
      const page = await reader.registry.snapshot();
      expect(valueOn(page, 'other')).toBe(11);
      for (const [key, value] of sumsOn(page))
        if (/\] (count|bucket)/.test(key)) expect(Number.isSafeInteger(value)).toBe(true);
      expect(Number.isFinite(valueOn(page, 'counted'))).toBe(true);
      damaged += reader.store.status().damaged;
      if (next) {
        const again = define(next);
        again.counter.inc();
        for (const metric of [again.classic, again.native, again.summary]) metric.observe(0);
        await next.registry.snapshot();
      }
      reader.die();
      read++;
    }
  }
  expect(read).toBe(used.length * 19);
  expect(damaged).toBeGreaterThan(read / 10);
});
