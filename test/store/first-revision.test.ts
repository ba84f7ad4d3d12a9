import { Buffer } from 'node:buffer';
import fs from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Counter } from '../../src/core/counter.ts';
import { encodeRecord, decodeRecords, type NameRecord } from '../../src/store/format/names-log.ts';
import { startOf } from '../../src/snapshot/snapshot.ts';
import { temporaryDirectory } from '../multiprocess/children.ts';
import { familyOn, readerOf, totalOn } from '../multiprocess/page.ts';
import { Process } from './processes.ts';

/** Turns a names file into one that the first revision of the format would have written. */
function toFirstRevision(path: string): number {
  const names = fs.readFileSync(path);
  const old = Buffer.alloc(names.length);
  names.copy(old, 0, 0, 272);
  let at = 512;
  const { records } = decodeRecords(names.subarray(512));
  for (const record of records) {
    const items = record[0] === 'family' ? 5 : record[0] === 'series' ? 4 : record.length;
    const bytes = encodeRecord(record.slice(0, items) as unknown as NameRecord);
    bytes.copy(old, at);
    at += bytes.length;
  }
  fs.writeFileSync(path, old);
  return records.length;
}

test('files of the first revision are read, taken over, and written on in the second', async () => {
  const directory = temporaryDirectory();
  const writer = new Process(directory);
  writer.count(30);
  writer.die();
  const path = join(directory, 'worker-0.names');
  expect(toFirstRevision(path)).toBeGreaterThan(8);
  const reader = readerOf(directory);
  const page = await reader.snapshot();
  expect(totalOn(page, 'requests')).toBe(30);
  expect(reader.status()).toMatchObject({ damaged: 0, quarantined: 0 });
  // Series that do not say when they began have the directory's age.
  expect(startOf(familyOn(page, 'requests'), 0, page.startTimestamp)).toBe(page.startTimestamp);

  const next = new Process(directory);
  expect(next.store.slotName).toBe('worker-0');
  next.count(3);
  const fresh = new Counter({ name: 'fresh_total', help: 'Help.', registry: next.registry });
  fresh.inc();
  const after = await reader.snapshot();
  expect(totalOn(after, 'requests')).toBe(33);
  expect(startOf(familyOn(after, 'fresh'), 0, 0)).toBeGreaterThan(page.startTimestamp);
  expect(fs.readFileSync(path).toString('latin1', 272, 280)).toBe('PRMNDHDR');
});
