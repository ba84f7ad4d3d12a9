import fs from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { Counter } from '../../src/core/counter.ts';
import { Gauge } from '../../src/core/gauge.ts';
import { Histogram } from '../../src/core/histogram.ts';
import { Summary } from '../../src/core/summary.ts';
import type { SlotFamily } from '../../src/snapshot/snapshot.ts';
import { MIN_SCHEMA } from '../../src/snapshot/exponential-buckets.ts';
import { coarsen } from '../../src/snapshot/sparse-buckets.ts';
import { strideOf } from '../../src/snapshot/snapshot.ts';
import { listSlots } from '../../src/store/files/slot-files.ts';
import { DirectoryReader } from '../../src/store/reader/directory-reader.ts';
import { TimeSlice } from '../../src/time-slice.ts';
import { temporaryDirectory } from '../multiprocess/children.ts';
import { report, scale } from '../multiprocess/drill.ts';
import { Process } from './processes.ts';
import { Replay, Tape } from './tape.ts';
import { planFirst } from '../support/plan.ts';

vi.spyOn(process, 'emitWarning').mockImplementation(() => {});

/** All numbers, by family and series; exemplars apart. */
type State = ReadonlyMap<string, string>;

function stateOf(families: readonly SlotFamily[]): Map<string, string> {
  const state = new Map<string, string>();
  for (const { definition, series, values, sparse } of families) {
    const stride = strideOf(definition);
    for (const [i, labels] of series.entries()) {
      const numbers = [...values.subarray(i * stride, (i + 1) * stride)];
      // Of a native histogram, an observation and the halving after it are two steps.
      const buckets = sparse && (definition.native ? coarsen(sparse[i]!, MIN_SCHEMA) : sparse[i]);
      state.set(`${definition.name}${JSON.stringify(labels)}`, JSON.stringify([numbers, buckets ?? null]));
    }
  }
  return state;
}

function exemplarsOf(families: readonly SlotFamily[]): string[] {
  return families.flatMap(({ exemplars = [] }) => exemplars.flat().map(({ labels }) => JSON.stringify(labels)));
}

/** A fresh reader's look at a directory; what it saw of damage. */
async function look(directory: string): Promise<{ state: State; exemplars: string[]; damage: number }> {
  const reader = new DirectoryReader({
    path: directory,
    resetId: undefined,
    slotNames: () => listSlots(directory),
  });
  const slots = await reader.read(new TimeSlice());
  const families = slots.flatMap((slot) => slot.families);
  const damage = reader.quarantined + reader.damaged + reader.unreadable;
  return { state: stateOf(families), exemplars: exemplarsOf(families), damage };
}

function define({ registry }: Process) {
  const all = { help: 'Help.', registry } as const;
  const text = 'x'.repeat(900);
  return {
    text,
    counter: new Counter({ name: 'c_total', labelNames: ['n'], maxSeries: 1e5, ...all }),
    wide: new Histogram({ name: 'wide', labelNames: ['n'], buckets: Array.from({ length: 500 }, (_, i) => i), ...all }),
    classic: new Histogram({ name: 'classic', buckets: [1, 2], ...all }),
    native: new Histogram({ name: 'native', buckets: [1], native: { maxBuckets: 6 }, ...all }),
    summary: new Summary({ name: 's', ...all }),
    settled: new Counter({ name: 'settled_total', labelNames: ['n'], ...all }),
    open: new Gauge({ name: 'open', labelNames: ['n'], settlesInto: 'settled', ...all }),
  };
}

/**
 * The steps of a slot's life, each of which is all there or not at all. A step that takes over has a
 * new process.
 */
function stepsOf(directory: string): { name: string; run: () => void }[] {
  let process!: Process;
  let metrics!: ReturnType<typeof define>;
  const start = (): void => {
    process = new Process(directory);
    metrics = define(process);
  };
  const each = (name: string, count: number, run: (i: number) => void) =>
    Array.from({ length: count }, (_, i) => ({ name, run: () => run(i) }));
  return [
    { name: 'claim', run: start },
    ...each('publish and count', 6, (n) => metrics.counter.labels({ n }).inc(n + 1)),
    ...each('observe', 6, (i) => {
      metrics.classic.observe(i / 2);
    }),
    ...each('observe natively, halving', 12, (i) => metrics.native.observe(2 ** (i - 3) * (i % 3 === 2 ? -1 : 1))),
    ...each('observe a summary', 6, (i) => metrics.summary.observe(i * 3)),
    ...each('exemplar', 4, (i) => metrics.counter.labels({ n: i }).inc(1, { labels: { trace_id: `t${i}` } })),
    ...each('grow the cells', 17, (n) => metrics.wide.labels({ n }).observe(n)),
    ...each('grow the names', 70, (n) => metrics.counter.labels({ n: `${metrics.text}${n}` }).inc(n + 1)),
    ...each('remove', 3, (n) => metrics.counter.remove({ n })),
    ...each('reuse', 3, (n) => metrics.counter.labels({ n: `again ${n}` }).inc(7)),
    ...each('intent', 3, (i) => {
      const family = process.store.define(metrics.counter.definition);
      const intent = process.store.intent();
      const cell = family.allocate(['5'])!;
      const other = family.allocate(['again 1'])!;
      planFirst(intent, cell, cell.cells[cell.index]! + 1);
      planFirst(intent, other, other.cells[other.index]! + i);
      intent.arm();
      intent.apply();
    }),
    ...each('open amounts', 4, (i) => metrics.open.labels({ n: i % 2 }).inc(3)),
    { name: 'take over', run: () => (process.die(), start()) },
    ...each('count on', 3, () => metrics.counter.labels({ n: 5 }).inc()),
    ...each('observe natively again', 4, (i) => metrics.native.observe(3 + i)),
    // Many removals, until the names are rewritten without history.
    ...each('rewrite the names', 260, (i) => {
      const n = `${metrics.text} passing ${i >> 1}`;
      if (i % 2 === 0) metrics.counter.labels({ n });
      else metrics.counter.remove({ n });
    }),
    { name: 'die', run: () => process.die() },
  ];
}

test('every prefix of what a writer does, with each write cut at each page, reads as before or after', async () => {
  const directory = temporaryDirectory();
  const tape = new Tape();
  const marks: { name: string; end: number }[] = [];
  try {
    for (const { name, run } of stepsOf(directory)) {
      run();
      marks.push({ name, end: tape.changes.length });
    }
  } finally {
    tape.stop();
  }

  const replay = new Replay(temporaryDirectory());
  const root = temporaryDirectory();
  let before: Awaited<ReturnType<typeof look>> = { state: new Map(), exemplars: [], damage: 0 };
  let at = 0;
  let prefixes = 0;
  let owners = 0;
  const ownerEach = scale(40, 5);
  for (const { name, end } of marks) {
    const seen: Awaited<ReturnType<typeof look>>[] = [];
    for (; at < end; at++) {
      replay.apply(tape.changes[at]!);
      seen.push(await look(replay.directory));
      prefixes++;
      if (prefixes % ownerEach !== 0) continue;
      // The next owner finds the same, and counts on.
      const copy = join(root, String(prefixes));
      fs.cpSync(replay.directory, copy, { recursive: true });
      const owner = new Process(copy);
      const found = await look(copy);
      expect([name, [...found.state]]).toEqual([name, expect.arrayContaining([...seen.at(-1)!.state])]);
      owner.count(1);
      owner.die();
      expect((await look(copy)).damage).toBe(0);
      fs.rmSync(copy, { recursive: true });
      owners++;
    }
    const after = seen.at(-1) ?? before;
    for (const { state, exemplars, damage } of seen) {
      expect([name, damage]).toEqual([name, 0]);
      for (const key of new Set([...state.keys(), ...before.state.keys()])) {
        const value = state.get(key);
        const allowed = [before.state.get(key), after.state.get(key), born(key)];
        // A series that this step makes may show before its first number.
        if (before.state.has(key)) allowed.pop();
        if (!allowed.includes(value)) expect([name, key, value]).toEqual([name, key, allowed]);
      }
      for (const one of exemplars) expect([...before.exemplars, ...after.exemplars]).toContain(one);
    }
    before = after;
  }
  replay.close();
  // What is left at the end is what a sum by hand says.
  expect(JSON.parse(before.state.get('c["5"]')!)).toEqual([[6 + 3 + 3], null]);
  expect(JSON.parse(before.state.get('c["again 1"]')!)).toEqual([[7 + 0 + 1 + 2], null]);
  expect(JSON.parse(before.state.get('settled["0"]')!)).toEqual([[6], null]);
  expect(JSON.parse(before.state.get('classic[]')!)).toEqual([[7.5, 3, 2, 1], null]);
  expect(new Set(marks.map(({ name }) => name)).size).toBeGreaterThan(13);
  expect(prefixes).toBeGreaterThan(1000);
  expect(owners).toBeGreaterThan(20);
  report('every prefix', { prefixes, steps: marks.length, 'next owners': owners, wrong: 0 });
});

/** A series whose numbers are all zero, by its family. */
function born(key: string): string | undefined {
  if (/^(c|settled)\[/.test(key)) return '[[0],null]';
  if (key.startsWith('wide')) return JSON.stringify([Array.from({ length: 502 }, () => 0), null]);
  return undefined;
}
