import { expect, test } from 'vitest';
import { Counter } from '../../src/core/counter.ts';
import { Histogram } from '../../src/core/histogram.ts';
import { countOf } from '../../src/snapshot/quantile.ts';
import type { SlotSnapshot } from '../../src/snapshot/snapshot.ts';
import { DirectoryReader } from '../../src/store/reader/directory-reader.ts';
import { TimeSlice } from '../../src/time-slice.ts';
import { temporaryDirectory } from '../multiprocess/children.ts';
import { Process } from './processes.ts';

/** Lets its writer work at each rest of a reading, as another process does all the time. */
class Interrupted extends TimeSlice {
  readonly #work: () => void;
  rests = 0;

  constructor(work: () => void) {
    super();
    this.#work = work;
  }

  override get spent(): boolean {
    return true;
  }

  override rest(): Promise<void> {
    this.rests++;
    this.#work();
    return Promise.resolve();
  }
}

function readerOf({ store }: Process): DirectoryReader {
  const { path } = store;
  return new DirectoryReader({ path, resetId: undefined, slotNames: () => ['worker-0'] });
}

function familyIn(slots: readonly SlotSnapshot[], name: string) {
  return slots[0]!.families.find(({ definition }) => definition.name === name)!;
}

test('series that come and go between all steps of a reading: none shows the number of another', async () => {
  const process = new Process(temporaryDirectory());
  const { registry } = process;
  const counter = new Counter({ name: 'jobs_total', help: 'Help.', labelNames: ['job'], maxSeries: 1e6, registry });
  // Enough series that a reading rests between them, and a histogram so that it settles.
  const kept = new Histogram({ name: 'sizes', help: 'Help.', labelNames: ['n'], buckets: [1], registry });
  for (let n = 0; n < 600; n++) kept.labels({ n }).observe(1);
  let next = 0;
  const work = (): void => {
    for (let i = 0; i < 3; i++, next++) {
      counter.labels({ job: next }).inc(next + 1);
      if (next >= 40) counter.remove({ job: next - 40 });
    }
  };
  for (let i = 0; i < 20; i++) work();
  const reader = readerOf(process);
  let checked = 0;
  let rests = 0;
  for (let n = 0; n < 300; n++) {
    const slice = new Interrupted(work);
    const jobs = familyIn(await reader.read(slice), 'jobs');
    for (const [i, [job]] of jobs.series.entries()) {
      expect(jobs.values[i]).toBe(Number(job) + 1);
      checked++;
    }
    rests += slice.rests;
    work();
  }
  expect(rests).toBeGreaterThan(300);
  expect(checked).toBeGreaterThan(500);
});

test('native histograms that grow between all steps of a reading: counts and sums agree', async () => {
  const process = new Process(temporaryDirectory());
  const { registry } = process;
  const native = new Histogram({
    name: 'native',
    help: 'Help.',
    labelNames: ['n'],
    buckets: false,
    native: { maxBuckets: 40 },
    registry,
  });
  let made = 0;
  const work = (): void => {
    // All values of a series are equal, so that its sum tells its count; each has other buckets.
    for (let i = 0; i < 3; i++, made++) native.labels({ n: made % 40 }).observe(2 ** ((made % 40) - 20));
  };
  work();
  const reader = readerOf(process);
  let checked = 0;
  for (let n = 0; n < 300; n++) {
    const family = familyIn(await reader.read(new Interrupted(work)), 'native');
    for (const [i, [series]] of family.series.entries()) {
      const count = family.values[2 * i + 1]!;
      expect(family.values[2 * i]! / 2 ** (Number(series) - 20)).toBe(count);
      expect(countOf(family.sparse![i]!)).toBe(count);
      checked++;
    }
  }
  expect(checked).toBeGreaterThan(5000);
});
