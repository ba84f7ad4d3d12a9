import fs from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { temporaryDirectory } from '../multiprocess/children.ts';
import { readerOf, totalOn } from '../multiprocess/page.ts';
import { Process } from './processes.ts';

vi.spyOn(process, 'emitWarning').mockImplementation(() => {});

/** Lets the opening of files that match fail, until the test ends or it is called again. */
function failing(code: string, pattern: RegExp): () => void {
  const { openSync } = fs;
  const spy = vi.spyOn(fs, 'openSync').mockImplementation((path, ...more) => {
    if (pattern.test(String(path))) throw Object.assign(new Error(`${code}: no`), { code, path });
    return openSync(path, ...more);
  });
  onTestFinished(() => spy.mockRestore());
  return () => spy.mockRestore();
}

const CODES = ['EMFILE', 'ENFILE', 'EIO', 'ENOMEM', 'EINTR', 'EACCES'];

test.each(CODES)('%s at a scrape: what was read before stays, and nothing is put aside', async (code) => {
  const directory = temporaryDirectory();
  const writer = new Process(directory);
  writer.count(30);
  const reader = readerOf(directory);
  expect(totalOn(await reader.snapshot(), 'requests')).toBe(30);
  for (const pattern of [/worker-0\.names$/, /worker-0\.cells$/]) {
    writer.count(1);
    const mend = failing(code, pattern);
    const page = await reader.snapshot();
    expect(totalOn(page, 'requests')).toBeGreaterThanOrEqual(30);
    expect(reader.status().slots.filter(({ live }) => live)).toHaveLength(2);
    mend();
  }
  expect(totalOn(await reader.snapshot(), 'requests')).toBe(32);
  expect(fs.readdirSync(directory).filter((file) => file.includes('damaged'))).toEqual([]);
});

test.each(CODES.filter((code) => code !== 'EACCES'))('%s where nothing is known yet: no page', async (code) => {
  const directory = temporaryDirectory();
  const writer = new Process(directory);
  writer.count(30);
  const reader = readerOf(directory);
  const mend = failing(code, /worker-0\.(names|cells)$/);
  await expect(reader.snapshot()).rejects.toMatchObject({ code: 'ERR_METRICS_STORE_UNREADABLE' });
  mend();
  expect(totalOn(await reader.snapshot(), 'requests')).toBe(30);
});

test('a slot that may not be read is told, and the page shows the others', async () => {
  const directory = temporaryDirectory();
  const writer = new Process(directory);
  writer.count(30);
  const other = new Process(directory);
  other.count(3);
  const reader = readerOf(directory);
  const mend = failing('EACCES', /worker-0\.names$/);
  expect(totalOn(await reader.snapshot(), 'requests')).toBe(3);
  expect(reader.status().unreadable).toBe(1);
  mend();
  expect(totalOn(await reader.snapshot(), 'requests')).toBe(33);
  expect(reader.status().unreadable).toBe(0);
});

test('a start without a free descriptor fails, and puts no slot aside', async () => {
  const directory = temporaryDirectory();
  const before = new Process(directory);
  before.count(30);
  before.die();
  const mend = failing('EMFILE', /worker-0\.cells$/);
  expect(() => new Process(directory)).toThrow(expect.objectContaining({ code: 'ERR_METRICS_STORE_DIRECTORY' }));
  mend();
  const next = new Process(directory);
  expect(next.store.slotName).toBe('worker-0');
  expect(totalOn(await next.registry.snapshot(), 'requests')).toBe(30);
});

test('only our own files are deleted, and no directories', () => {
  const directory = temporaryDirectory();
  const long = new Date(0);
  const make = (name: string): void => {
    fs.writeFileSync(join(directory, name), 'theirs');
    fs.utimesSync(join(directory, name), long, long);
  };
  const own = '01234567-89ab-4cde-8f01-23456789abcd.tmp';
  for (const name of ['upload.tmp', 'x.damaged-1', 'data.names', own]) make(name);
  fs.mkdirSync(join(directory, 'worker-7.exemplars'));
  fs.mkdirSync(join(directory, 'a-1.names.damaged-1'));
  const held = join(directory, '11111111-89ab-4cde-8f01-23456789abcd.tmp');
  fs.writeFileSync(held, 'held');
  const holder = new Process(temporaryDirectory());
  void holder;
  const started = new Process(directory);
  expect(fs.existsSync(join(directory, own))).toBe(false);
  started.die();
  const reset = new Process(directory);
  reset.die();
  for (const name of ['upload.tmp', 'x.damaged-1', 'data.names', 'worker-7.exemplars', 'a-1.names.damaged-1']) {
    expect([name, fs.existsSync(join(directory, name))]).toEqual([name, true]);
  }
  // A young temporary file may be a live starter's.
  expect(fs.existsSync(held)).toBe(true);
});

test('a starter whose temporary file was swept away makes it again', async () => {
  const directory = temporaryDirectory();
  const { linkSync } = fs;
  let swept = 0;
  const spy = vi.spyOn(fs, 'linkSync').mockImplementation((from, to) => {
    if (String(to).endsWith('.names') && swept++ === 0) fs.rmSync(from);
    linkSync(from, to);
  });
  onTestFinished(() => spy.mockRestore());
  const started = new Process(directory);
  started.count(3);
  expect(swept).toBe(2);
  expect(totalOn(await started.registry.snapshot(), 'requests')).toBe(3);
});
