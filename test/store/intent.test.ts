import fs from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Counter } from '../../src/core/counter.ts';
import { Gauge } from '../../src/core/gauge.ts';
import { Registry } from '../../src/core/registry.ts';
import { HeapStore } from '../../src/store/heap-store.ts';
import { MAX_PAIRS } from '../../src/store/format/intent.ts';
import type { StoredFamily } from '../../src/store/store.ts';
import { temporaryDirectory } from '../multiprocess/children.ts';
import { readerOf, seriesOn, totalOn, valueOn } from '../multiprocess/page.ts';
import { Process } from './processes.ts';
import { planFirst } from '../support/plan.ts';

function counterOf(process: Process): { counter: Counter<'n'>; family: StoredFamily } {
  const counter = new Counter({ name: 'sent_total', help: 'Help.', labelNames: ['n'], registry: process.registry });
  const family = process.store.define(counter.definition);
  return { counter, family };
}

test('an armed intent counts when its process was killed, for readers and once for the next owner', async () => {
  const directory = temporaryDirectory();
  const writer = new Process(directory);
  const { counter, family } = counterOf(writer);
  for (const n of ['a', 'b']) counter.labels({ n }).inc(10);
  const intent = writer.store.intent();
  expect(writer.store.intent()).toBe(intent);
  for (const n of ['a', 'b']) expect(planFirst(intent, family.allocate([n])!, 11)).toBe(true);
  const reader = readerOf(directory);
  expect(totalOn(await reader.snapshot(), 'sent')).toBe(20);
  intent.arm();
  expect(totalOn(await reader.snapshot(), 'sent')).toBe(20); // It may still be dropped.
  writer.die();
  expect(totalOn(await reader.snapshot(), 'sent')).toBe(22);
  expect(totalOn(await readerOf(directory, 'late').snapshot(), 'sent')).toBe(22);

  const next = new Process(directory);
  counterOf(next).counter.labels({ n: 'a' }).inc();
  expect(totalOn(await reader.snapshot(), 'sent')).toBe(23);
  next.die();
  expect(totalOn(await reader.snapshot(), 'sent')).toBe(23);
  for (let life = 0; life < 3; life++) {
    const again = new Process(directory);
    expect(planFirst(again.store.intent(), counterOf(again).family.allocate(['a'])!, 1000)).toBe(true);
    again.die();
  }
  expect(totalOn(await reader.snapshot(), 'sent')).toBe(23);
});

test('what was planned, dropped or applied is not counted again', async () => {
  const directory = temporaryDirectory();
  for (const end of ['plan', 'drop', 'apply'] as const) {
    const writer = new Process(directory);
    const { counter, family } = counterOf(writer);
    counter.labels({ n: end }).inc();
    const intent = writer.store.intent();
    planFirst(intent, family.allocate([end])!, 2);
    if (end !== 'plan') intent.arm();
    if (end !== 'plan') intent[end]();
    writer.die();
  }
  const page = await readerOf(directory).snapshot();
  expect(['plan', 'drop', 'apply'].map((n) => valueOn(page, 'sent', [n]))).toEqual([1, 1, 2]);
});

test('an intent holds 64 values, and works on the heap too', async () => {
  const store = new HeapStore();
  const registry = new Registry({ openStore: () => store });
  const counter = new Counter({ name: 'sent_total', help: 'Help.', labelNames: ['n'], registry });
  const family = store.define(counter.definition);
  const intent = store.intent();
  for (let n = 0; n < MAX_PAIRS; n++) expect(planFirst(intent, family.allocate([String(n)])!, n)).toBe(true);
  expect(planFirst(intent, family.allocate(['more'])!, 1)).toBe(false);
  intent.arm();
  intent.apply();
  expect(family.allocate(['63'])!.cells[family.allocate(['63'])!.index]).toBe(63);
});

test('a damaged intent is not applied', async () => {
  const directory = temporaryDirectory();
  const writer = new Process(directory);
  const { counter, family } = counterOf(writer);
  counter.labels({ n: 'a' }).inc();
  const intent = writer.store.intent();
  planFirst(intent, family.allocate(['a'])!, 5);
  intent.arm();
  writer.die();
  const path = join(directory, 'worker-0.cells');
  const bytes = fs.readFileSync(path);
  const numbers = new Float64Array(bytes.buffer, bytes.byteOffset, bytes.length / 8);
  numbers[numbers.lastIndexOf(5)] = 9;
  fs.writeFileSync(path, bytes);
  expect(totalOn(await readerOf(directory).snapshot(), 'sent')).toBe(1);
});

test('open amounts are on no page; what a killed process left settles once', async () => {
  const directory = temporaryDirectory();
  const define = ({ registry }: Process) => {
    const labelled = { help: 'Help.', labelNames: ['model'], registry } as const;
    const settled = new Counter({ name: 'rolled_back_total', ...labelled });
    return { settled, open: new Gauge({ name: 'rows_open', ...labelled, settlesInto: 'rolled_back' }) };
  };
  const first = new Process(directory);
  const { settled, open } = define(first);
  settled.labels({ model: 'a' }).inc(2);
  open.labels({ model: 'a' }).inc(3);
  open.labels({ model: 'b' }).inc(4);
  open.labels({ model: 'c' }).inc(1);
  open.labels({ model: 'c' }).dec(1);
  const reader = readerOf(directory);
  const living = await reader.snapshot();
  expect(totalOn(living, 'rolled_back')).toBe(2);
  expect(living.families.some(({ definition }) => definition.name === 'rows_open')).toBe(false);
  first.die();

  const expected = (page: Awaited<ReturnType<Registry['snapshot']>>): void => {
    expect(['a', 'b', 'c'].map((model) => seriesOn(page, 'rolled_back', [model]))).toEqual([[5], [4], undefined]);
    expect(page.families.some(({ definition }) => definition.name === 'rows_open')).toBe(false);
  };
  expected(await reader.snapshot());
  expected(await reader.snapshot());
  for (let life = 0; life < 2; life++) {
    const next = new Process(directory);
    define(next);
    expected(await reader.snapshot());
    next.die();
    expected(await reader.snapshot());
  }
});
