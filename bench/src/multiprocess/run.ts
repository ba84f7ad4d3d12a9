import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Child } from '../harness/child.ts';
import type { Watched } from '../harness/loop-watch.ts';
import { assertSamePage, readPage, type Samples } from '../harness/page.ts';
import type { CaseResult, TopicResult } from '../harness/results.ts';
import { scrape } from '../harness/scrape.ts';
import { compare } from '../harness/statistics.ts';
import { measureDeadSlots } from './dead-slots.ts';
import type { Task } from './process.ts';
import { BUCKETS, HISTOGRAM, SERIES } from './workload.ts';

const NAMES = ['promenade', 'prom-client', '@prometheus-io/client'] as const;
const SCRIPT = new URL('./process.js', import.meta.url);

/**
 * What a page takes that adds up many processes: a cluster's workers, and processes that have
 * ended.
 */
export async function run(quick: boolean): Promise<TopicResult> {
  return {
    topic: 'multiprocess',
    about:
      "A cluster's primary shows what 8 idle workers have counted: 1,000 histogram series of 14 lines each. And a process that has " +
      'counted nothing itself shows what 256 ended ones have, 4,000 counter series each: its first page, and its later ones.',
    results: [...(await measureCluster(quick)), ...(await measureDeadSlots(quick))],
  };
}

async function measureCluster(quick: boolean): Promise<CaseResult[]> {
  const directory = await mkdtemp(join(tmpdir(), 'promenade-bench-'));
  const env = { ...process.env, METRICS_ENABLED: 'true', PROMETHEUS_MULTIPROC_DIR: directory };
  const children = NAMES.map((name) => new Child<Task>(name, SCRIPT, { env }));
  try {
    await assertEqualAnswers(children);
    console.log('multiprocess: 8 processes');
    const samples = new Map<string, Watched[]>(NAMES.map((name) => [name, []]));
    for (let round = -3; round < (quick ? 2 : 15); round++) {
      for (const child of children) {
        await child.ask({ kind: 'record' });
        const sample = await child.ask<Watched>({ kind: 'page' });
        if (round >= 0) samples.get(child.name)!.push(sample);
      }
    }
    const of = (field: keyof Watched): CaseResult['contenders'] =>
      compare([...samples].map(([name, all]) => ({ name, values: all.map((sample) => sample[field]) })));
    return [
      { name: '8 processes', unit: 'ms', contenders: of('ms') },
      { name: '8 processes: event loop held in the primary', unit: 'ms', contenders: of('heldMs') },
    ];
  } finally {
    await Promise.all(children.map((child) => child.stop()));
    await rm(directory, { recursive: true });
  }
}

async function assertEqualAnswers(children: readonly Child<Task>[]): Promise<void> {
  let expected: Samples | undefined;
  for (const child of children) {
    await child.ask({ kind: 'record' });
    const page = Buffer.concat(await scrape(await child.ask<number>({ kind: 'serve' }))).toString();
    const samples = readPage(page, [HISTOGRAM.name]);
    assert.equal(samples.size, SERIES * (BUCKETS.length + 3), child.name);
    if (expected) assertSamePage(child.name, samples, expected);
    expected ??= samples;
  }
  console.log(`multiprocess: ${children.length} contenders agree on ${expected!.size} samples`);
}
