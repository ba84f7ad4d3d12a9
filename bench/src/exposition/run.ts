import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Child } from '../harness/child.ts';
import type { Watched } from '../harness/loop-watch.ts';
import { assertSamePage, readPage, type Samples } from '../harness/page.ts';
import type { CaseResult, TopicResult } from '../harness/results.ts';
import { scrape } from '../harness/scrape.ts';
import { compare } from '../harness/statistics.ts';
import type { Task } from './process.ts';
import { FAMILIES, LINES } from './workload.ts';

const NAMES = ['promenade', 'promenade (mapped)', 'prom-client', '@prometheus-io/client', 'OpenTelemetry'] as const;
const SCRIPT = new URL('./process.js', import.meta.url);

/** What each contender took in each round. */
type Rounds = ReadonlyMap<string, Watched[]>;

/**
 * What a page of 140,000 lines takes, and for how long it holds the event loop. Every number on it
 * differs from the page before.
 */
export async function run(quick: boolean): Promise<TopicResult> {
  const directory = await mkdtemp(join(tmpdir(), 'promenade-bench-'));
  const fork = (name: string): Child<Task> => new Child<Task>(name, SCRIPT, { env: environment(name, directory) });
  try {
    const results = await measureSteady(NAMES.map(fork), quick);
    assert((await readdir(directory)).length > 0, 'the mapped contender did not open its directory');
    const first = await measureFirst(fork, quick ? 1 : 5);
    return {
      topic: 'exposition',
      about:
        'A page of 140,000 lines: written to a connection that takes everything at once, scraped over HTTP on loopback (until its last byte ' +
        'has come), and the first page of a process. Beside the time of each the longest time for which nothing else could run in the process.',
      results: [...results, ...toCases('first page', first)],
    };
  } finally {
    await rm(directory, { recursive: true });
  }
}

function environment(name: string, directory: string): NodeJS.ProcessEnv {
  const { PROMETHEUS_MULTIPROC_DIR: _, ...heap } = process.env;
  return name === 'promenade (mapped)'
    ? { ...heap, METRICS_ENABLED: 'true', PROMETHEUS_MULTIPROC_DIR: directory }
    : heap;
}

async function measureSteady(children: readonly Child<Task>[], quick: boolean): Promise<CaseResult[]> {
  try {
    const ports = new Map<Child<Task>, number>();
    for (const child of children) ports.set(child, await child.ask<number>({ kind: 'serve' }));
    await assertEqualAnswers(ports);
    const page = await inRounds(children, quick ? 2 : 15, 'page', (child) => child.ask<Watched>({ kind: 'page' }));
    const scraped = await inRounds(children, quick ? 2 : 9, 'scrape over HTTP', async (child) => {
      await child.ask({ kind: 'watch' });
      const start = performance.now();
      await scrape(ports.get(child)!);
      const ms = performance.now() - start;
      return { ms, heldMs: await child.ask<number>({ kind: 'held' }) };
    });
    return [...toCases('page', page), ...toCases('scrape over HTTP', scraped)];
  } finally {
    await Promise.all(children.map((child) => child.stop()));
  }
}

async function assertEqualAnswers(ports: ReadonlyMap<Child<Task>, number>): Promise<void> {
  let expected: Samples | undefined;
  for (const [child, port] of ports) {
    await child.ask({ kind: 'record' });
    const page = readPage(Buffer.concat(await scrape(port)).toString(), FAMILIES);
    assert.equal(page.size, LINES, child.name);
    if (expected) assertSamePage(child.name, page, expected);
    expected ??= page;
  }
  console.log(`exposition: ${ports.size} contenders agree on ${expected!.size} samples`);
}

async function inRounds(
  children: readonly Child<Task>[],
  rounds: number,
  what: string,
  measure: (child: Child<Task>) => Promise<Watched>,
): Promise<Rounds> {
  console.log(`exposition: ${what}`);
  const samples = new Map<string, Watched[]>(children.map(({ name }) => [name, []]));
  // The first rounds warm up.
  for (let round = -5; round < rounds; round++) {
    for (const child of children) {
      await child.ask({ kind: 'record' });
      const sample = await measure(child);
      if (round >= 0) samples.get(child.name)!.push(sample);
    }
  }
  return samples;
}

/** Each in a process that has just counted, and shown nothing yet. */
async function measureFirst(fork: (name: string) => Child<Task>, rounds: number): Promise<Rounds> {
  console.log('exposition: first page');
  const samples = new Map<string, Watched[]>(NAMES.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const name of NAMES) {
      const child = fork(name);
      await child.ask({ kind: 'record' });
      samples.get(name)!.push(await child.ask<Watched>({ kind: 'page' }));
      await child.stop();
    }
  }
  return samples;
}

function toCases(name: string, rounds: Rounds): CaseResult[] {
  const of = (field: keyof Watched): CaseResult['contenders'] =>
    compare([...rounds].map(([contender, samples]) => ({ name: contender, values: samples.map((s) => s[field]) })));
  return [
    { name, unit: 'ms', contenders: of('ms') },
    { name: `${name}: event loop held`, unit: 'ms', contenders: of('heldMs') },
  ];
}
