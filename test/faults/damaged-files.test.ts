import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import { Counter } from '../../src/core/counter.ts';
import { fallen, readerOf, sumsOn, totalOn, valueOn } from '../multiprocess/page.ts';
import { temporaryDirectory } from '../multiprocess/children.ts';
import { report, scale } from '../multiprocess/drill.ts';
import { Process } from '../store/processes.ts';

// What is put aside is told in a warning, once each: hundreds of them here.
vi.spyOn(process, 'emitWarning').mockImplementation(() => {});

const TIMES = 30;

/** A directory with one dead slot that has counted, and its two files' contents. */
function deadSlot(): {
  directory: string;
  names: Buffer;
  cells: Buffer;
  put: (names: Buffer, cells: Buffer) => string;
} {
  const directory = temporaryDirectory();
  const writer = new Process(directory);
  writer.count(TIMES);
  writer.die();
  const names = fs.readFileSync(join(directory, 'worker-0.names'));
  const cells = fs.readFileSync(join(directory, 'worker-0.cells'));
  let copies = 0;
  const root = temporaryDirectory();
  /** A fresh directory with such files. */
  const put = (namesBytes: Buffer, cellsBytes: Buffer): string => {
    const copy = join(root, String(copies++));
    fs.mkdirSync(copy);
    fs.writeFileSync(join(copy, 'worker-0.names'), namesBytes);
    fs.writeFileSync(join(copy, 'worker-0.cells'), cellsBytes);
    return copy;
  };
  return { directory, names, cells, put };
}

/** How many of a names file's bytes say something. */
function usedBytes(names: Buffer): number {
  let end = names.length;
  while (names[end - 1] === 0) end--;
  return end;
}

test(
  'a flipped bit anywhere in the names: one record is lost at the most, and it is told',
  { timeout: 120_000 },
  async () => {
    const { names, cells, put } = deadSlot();
    const used = usedBytes(names);
    const step = scale(3, 1);
    let flips = 0;
    let gaps = 0;
    for (let at = 0; at < used + 64; at += step) {
      const damaged = Buffer.from(names);
      damaged[at]! ^= 1 << (at % 8);
      const directory = put(damaged, cells);
      const reader = new Process(directory, 'reader');
      new Counter({ name: 'mine_total', help: 'Help.', registry: reader.registry }).inc(7);
      const page = await reader.registry.snapshot();
      expect(valueOn(page, 'mine')).toBe(7);
      const { quarantined, damaged: missing } = reader.store.status();
      expect(quarantined).toBe(0);
      // The records of two of three series are there at the least, unless it was the family's.
      const found = totalOn(page, 'requests');
      if (found < TIMES) expect(missing).toBeGreaterThan(0);
      if (missing > 0) gaps++;
      if (missing === 1) expect([TIMES, (TIMES * 2) / 3]).toContain(found);
      // A new owner can do with it, and what it counts is right whatever was lost.
      const next = new Process(directory);
      const fresh = new Counter({ name: 'fresh_total', help: 'Help.', labelNames: ['n'], registry: next.registry });
      for (let n = 0; n < 40; n++) fresh.labels({ n }).inc();
      expect(totalOn(await reader.registry.snapshot(), 'fresh')).toBe(40);
      next.die();
      reader.die();
      flips++;
    }
    expect(flips).toBeGreaterThan(used / step);
    expect(gaps).toBeGreaterThan(flips / 4);
    report('bits flipped in names', { flips, 'with a record lost': gaps, 'put aside': 0, 'pages failed': 0 });
  },
);

test('a flipped bit anywhere in the cells: the page comes', { timeout: 120_000 }, async () => {
  const { names, cells, put } = deadSlot();
  let used = cells.length;
  while (cells[used - 1] === 0) used--;
  let flips = 0;
  let aside = 0;
  for (let at = 0; at < used + 64; at += scale(5, 1)) {
    const damaged = Buffer.from(cells);
    damaged[at]! ^= 1 << (at % 8);
    const reader = new Process(put(names, damaged), 'reader');
    const page = await reader.registry.snapshot();
    if (at < 64) expect(totalOn(page, 'requests')).toBe(TIMES);
    for (const value of sumsOn(page).values()) expect(Number.isFinite(value)).toBe(true);
    aside += reader.store.status().quarantined;
    reader.die();
    flips++;
  }
  expect(flips).toBeGreaterThan(100);
  expect(aside).toBe(0);
  report('bits flipped in cells', { flips, 'put aside': aside, 'pages failed': 0 });
});

const FOREIGN: Readonly<Record<string, Buffer>> = {
  'zero length': Buffer.alloc(0),
  'one byte': Buffer.from('x'),
  zeros: Buffer.alloc(65_536),
  text: Buffer.from('# HELP not ours\n'.repeat(10_000)),
  'a database': Buffer.concat([Buffer.from('SQLite format 3\0'), Buffer.alloc(65_520, 7)]),
  noise: Buffer.from(Array.from({ length: 65_536 }, (_, i) => (i * 7919) % 251)),
};

test.each(Object.keys(FOREIGN))('a foreign file in the place of names or cells: %s', async (what) => {
  const { names, cells, put } = deadSlot();
  for (const directory of [put(FOREIGN[what]!, cells), put(names, FOREIGN[what]!)]) {
    const reader = new Process(directory, 'reader');
    expect(totalOn(await reader.registry.snapshot(), 'requests')).toBe(0);
    expect(reader.store.status().quarantined).toBe(1);
    const owner = new Process(directory);
    owner.count(TIMES);
    expect(totalOn(await reader.registry.snapshot(), 'requests')).toBe(TIMES);
    expect(reader.store.status().quarantined).toBe(1);
    owner.die();
    reader.die();
  }
});

test('files cut anywhere: the page comes', { timeout: 120_000 }, async () => {
  const { names, cells, put } = deadSlot();
  const used = usedBytes(names);
  const cuts = [...Array(scale(40, 400)).keys()].map((i, _, { length }) => Math.floor((i * (used + 40)) / length));
  for (const cut of cuts) {
    for (const directory of [put(names.subarray(0, cut), cells), put(names, cells.subarray(0, cut))]) {
      const reader = new Process(directory, 'reader');
      expect([0, TIMES]).toContain(totalOn(await reader.registry.snapshot(), 'requests'));
      const owner = new Process(directory);
      owner.count(TIMES);
      expect([TIMES, 2 * TIMES]).toContain(totalOn(await reader.registry.snapshot(), 'requests'));
      owner.die();
      reader.die();
    }
  }
  expect(cuts.length).toBeGreaterThanOrEqual(40);
});

test('what has our names and is no file at all', async () => {
  const directory = temporaryDirectory();
  const reader = readerOf(directory);
  const writer = new Process(directory);
  writer.count(TIMES);

  fs.mkdirSync(join(directory, 'worker-1.names'));
  fs.mkdirSync(join(directory, 'worker-1.cells'));
  fs.mkdirSync(join(directory, 'worker-2.cells'));
  fs.symlinkSync('/nowhere', join(directory, 'worker-3.names'));
  fs.symlinkSync('/dev/zero', join(directory, 'worker-4.names'));
  fs.symlinkSync('worker-5.names', join(directory, 'worker-5.names'));
  fs.symlinkSync('/etc/passwd', join(directory, 'worker-6.names'));
  execFileSync('mkfifo', [join(directory, 'worker-7.names')]);
  const server = createServer().listen(join(directory, 'worker-8.names'));
  onTestFinished(() => void server.close());
  fs.mkdirSync(join(directory, 'x.tmp'));
  fs.utimesSync(join(directory, 'x.tmp'), 0, 0);
  fs.mkdirSync(join(directory, 'y.damaged-1'));
  fs.writeFileSync(join(directory, 'metrics.db'), 'not ours');
  const passwd = fs.readFileSync('/etc/passwd');

  for (let i = 0; i < 3; i++) expect(totalOn(await reader.snapshot(), 'requests')).toBe(TIMES);
  // Newcomers find their place beside all that, and count.
  const others = Array.from({ length: 4 }, () => new Process(directory));
  for (const other of others) other.count(TIMES);
  expect(totalOn(await reader.snapshot(), 'requests')).toBe(5 * TIMES);
  expect(new Set(others.map(({ store }) => store.slotName)).size).toBe(4);
  expect(fs.readFileSync(join(directory, 'metrics.db'), 'utf8')).toBe('not ours');
  expect(fs.readFileSync('/etc/passwd')).toEqual(passwd);
});

test('damage to a dead slot: who had read it keeps counting it', async () => {
  for (const file of ['worker-0.names', 'worker-0.cells']) {
    const { directory } = deadSlot();
    const knew = new Process(directory, 'reader');
    const before = sumsOn(await knew.registry.snapshot());
    expect(before.size).toBeGreaterThan(10);
    fs.writeFileSync(join(directory, file), 'damaged');
    fs.rmSync(join(directory, file));
    fs.writeFileSync(join(directory, file), 'damaged');
    const owner = new Process(directory);
    for (const process of [knew, owner]) await process.registry.snapshot();
    owner.count(1);
    const after = sumsOn(await knew.registry.snapshot());
    expect(fallen(before, after)).toEqual([]);
    expect(totalOn(await knew.registry.snapshot(), 'requests')).toBe(TIMES + 1);
    expect(knew.store.status().quarantined + owner.store.status().quarantined).toBe(1);
    knew.die();
    owner.die();
  }
});

/**
 * What may happen to a live slot's files that its owner can't but notice (cells cut short under a
 * map are a SIGBUS: no one can mend that).
 */
const LIVE_DAMAGE: Readonly<Record<string, (directory: string) => void>> = {
  'names overwritten': (directory) => fs.writeFileSync(join(directory, 'worker-0.names'), 'damaged'),
  'names cut': (directory) => fs.truncateSync(join(directory, 'worker-0.names'), 300),
  'names emptied': (directory) => fs.truncateSync(join(directory, 'worker-0.names'), 0),
  'a record flipped': (directory) => flip(join(directory, 'worker-0.names'), 600),
  'the header flipped': (directory) => flip(join(directory, 'worker-0.names'), 30),
  'the header of the cells flipped': (directory) => flip(join(directory, 'worker-0.cells'), 20),
  'cells replaced': (directory) => {
    fs.rmSync(join(directory, 'worker-0.cells'));
    fs.writeFileSync(join(directory, 'worker-0.cells'), 'damaged');
  },
  'names replaced': (directory) => {
    fs.rmSync(join(directory, 'worker-0.names'));
    fs.writeFileSync(join(directory, 'worker-0.names'), 'damaged');
  },
  'names replaced by a directory': (directory) => {
    fs.rmSync(join(directory, 'worker-0.names'));
    fs.mkdirSync(join(directory, 'worker-0.names'));
  },
  'cells replaced by a directory': (directory) => {
    fs.rmSync(join(directory, 'worker-0.cells'));
    fs.mkdirSync(join(directory, 'worker-0.cells'));
  },
};

function flip(path: string, at: number): void {
  const fd = fs.openSync(path, 'r+');
  const byte = Buffer.alloc(1);
  fs.readSync(fd, byte, 0, 1, at);
  byte[0]! ^= 4;
  fs.writeSync(fd, byte, 0, 1, at);
  fs.closeSync(fd);
}

test.each(Object.keys(LIVE_DAMAGE))('damage to a live slot heals, and no sum falls: %s', async (what) => {
  const directory = temporaryDirectory();
  const owner = new Process(directory);
  owner.count(TIMES);
  const knew = new Process(directory, 'reader');
  let before = sumsOn(await knew.registry.snapshot());
  LIVE_DAMAGE[what]!(directory);
  const counter = owner.registry.get('requests') as Counter<'method' | 'path'>;
  let scrapes = 0;
  for (const deadline = Date.now() + 1300; Date.now() < deadline; scrapes++) {
    counter.labels({ method: 'GET', path: `/new ${scrapes % 5}` }).inc();
    const now = sumsOn(await knew.registry.snapshot());
    expect(fallen(before, now)).toEqual([]);
    before = now;
    await delay(50);
  }
  expect(scrapes).toBeGreaterThan(2);
  // One who comes now reads the files from their start, and may be the first to find the damage:
  // its owner mends that too.
  const late = readerOf(directory, 'late');
  await vi.waitFor(async () => expect(totalOn(await late.snapshot(), 'requests')).toBe(TIMES + scrapes), 10_000);
  owner.die();
  expect(totalOn(await readerOf(directory, 'later').snapshot(), 'requests')).toBe(TIMES + scrapes);
});

test.each([
  ['empty', ''],
  ['null', 'null'],
  ['a number', '1'],
  ['something else', '{"format":"other"}'],
  ['half of it', '{"format":"promenade","version":1,"cre'],
])('a damaged directory.json is made anew: %s', async (_, content) => {
  const directory = temporaryDirectory();
  fs.writeFileSync(join(directory, 'directory.json'), content);
  const process = new Process(directory);
  process.count(TIMES);
  const page = await process.registry.snapshot();
  expect(totalOn(page, 'requests')).toBe(TIMES);
  expect(Math.abs(page.startTimestamp - Date.now() / 1000)).toBeLessThan(60);
});

test('files of a later version are left alone, and not counted', async () => {
  const { names, cells, put } = deadSlot();
  const later = Buffer.from(names);
  for (const copy of [0, 272]) later.writeUInt32LE(99, copy + 8);
  const directory = put(later, cells);
  fs.writeFileSync(
    join(directory, 'directory.json'),
    '{"format":"promenade","version":99,"createdAt":86400000,"more":true}\n',
  );
  const process = new Process(directory);
  expect(process.store.slotName).toBe('worker-1');
  process.count(1);
  const page = await process.registry.snapshot();
  expect(totalOn(page, 'requests')).toBe(1);
  expect(page.startTimestamp).toBe(86_400);
  expect(process.store.status().quarantined).toBe(0);
  expect(fs.readFileSync(join(directory, 'worker-0.names'))).toEqual(later);
  expect(fs.readFileSync(join(directory, 'worker-0.cells'))).toEqual(cells);
  expect(fs.readFileSync(join(directory, 'directory.json'), 'utf8')).toContain('"version":99');
});

test('a last record that was cut at any byte is ignored, and cut off by the next owner', async () => {
  const directory = temporaryDirectory();
  const writer = new Process(directory);
  const counter = new Counter({ name: 'kept_total', help: 'Help.', labelNames: ['n'], registry: writer.registry });
  for (let n = 0; n < 5; n++) counter.labels({ n }).inc();
  const before = usedBytes(fs.readFileSync(join(directory, 'worker-0.names')));
  counter.labels({ n: 'the last' });
  writer.die();
  const names = fs.readFileSync(join(directory, 'worker-0.names'));
  const cells = fs.readFileSync(join(directory, 'worker-0.cells'));
  const after = usedBytes(names);
  expect(after - before).toBeGreaterThan(20);

  const root = temporaryDirectory();
  for (let end = before; end < after; end++) {
    const copy = join(root, String(end));
    fs.mkdirSync(copy);
    // The space behind it was there, and zero: files are filled before they are written.
    fs.writeFileSync(join(copy, 'worker-0.names'), Buffer.from(names).fill(0, end));
    fs.writeFileSync(join(copy, 'worker-0.cells'), cells);
    const reader = new Process(copy, 'reader');
    expect(totalOn(await reader.registry.snapshot(), 'kept')).toBe(5);
    const next = new Process(copy);
    const again = new Counter({ name: 'kept_total', help: 'Help.', labelNames: ['n'], registry: next.registry });
    again.labels({ n: 'another' }).inc();
    again.labels({ n: 1 }).inc();
    const page = await reader.registry.snapshot();
    expect(totalOn(page, 'kept')).toBe(7);
    expect(valueOn(page, 'kept', ['1'])).toBe(2);
    expect(reader.store.status().quarantined + next.store.status().quarantined).toBe(0);
    expect(next.store.slotName).toBe('worker-0');
    next.die();
    reader.die();
  }
});
