import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Child } from '../harness/child.ts';
import { assertSamePage, readPage, type Samples } from '../harness/page.ts';
import type { CaseResult, TopicResult } from '../harness/results.ts';
import { compare, median } from '../harness/statistics.ts';
import { type Case, CASES } from './contender.ts';
import type { Task } from './process.ts';

const NAMES = ['promenade', 'promenade (mapped)', 'prom-client', '@prometheus-io/client', 'OpenTelemetry'] as const;
const FAMILIES = ['plain_total', 'requests_total', 'seconds', 'level'];
const SCRIPT = new URL('./process.js', import.meta.url);
/**
 * A young generation as large as a busy server's grows, from the start: what is allocated in one
 * measurement stays until its end.
 */
const EXEC_ARGV = ['--expose-gc', '--min-semi-space-size=16', '--max-semi-space-size=16'];

/** One contender: its process, what it can do, and how often each thing was done. */
interface Runner {
  readonly child: Child<Task>;
  readonly cases: ReadonlySet<Case>;
  readonly done: Map<Case, number>;
}

/**
 * Nanoseconds and bytes of the heap that recording costs. Each contender has a process of its own,
 * and they take turns.
 */
export async function run(quick: boolean): Promise<TopicResult> {
  const directory = await mkdtemp(join(tmpdir(), 'promenade-bench-'));
  const { PROMETHEUS_MULTIPROC_DIR: _, ...heap } = process.env;
  const children = NAMES.map((name) => {
    const env =
      name === 'promenade (mapped)' ? { ...heap, METRICS_ENABLED: 'true', PROMETHEUS_MULTIPROC_DIR: directory } : heap;
    return new Child<Task>(name, SCRIPT, { execArgv: EXEC_ARGV, env });
  });
  try {
    const runners: Runner[] = [];
    for (const child of children) {
      runners.push({ child, cases: new Set(await child.ask<Case[]>({ kind: 'cases' })), done: new Map() });
    }
    assert((await readdir(directory)).length > 0, 'the mapped contender did not open its directory');
    await assertEqualAnswers(runners);
    const results = [];
    for (const name of CASES) {
      console.log(`core: ${name}`);
      results.push(
        await measure(
          name,
          runners.filter(({ cases }) => cases.has(name)),
          quick,
        ),
      );
    }
    for (const runner of runners) await assertAllCounted(runner);
    return {
      topic: 'core',
      about:
        'What recording costs, in nanoseconds and in bytes of the heap: label sets of a small service, each contender in a process of its own.',
      results,
    };
  } finally {
    await Promise.all(children.map((child) => child.stop()));
    await rm(directory, { recursive: true });
  }
}

/**
 * The cases that all have come first, so that the pages of all can be compared; then the others,
 * with those that have them.
 */
async function assertEqualAnswers(runners: readonly Runner[]): Promise<void> {
  const common = CASES.filter((name) => runners.every(({ cases }) => cases.has(name)));
  assert(common.length >= 4, 'the contenders have hardly anything in common');
  await runAndCompare(common, runners);
  const others = CASES.filter((name) => !common.includes(name));
  await runAndCompare(
    others,
    runners.filter(({ cases }) => others.every((name) => cases.has(name))),
  );
}

async function runAndCompare(cases: readonly Case[], runners: readonly Runner[]): Promise<void> {
  let expected: Samples | undefined;
  for (const runner of runners) {
    for (const name of cases) await time(runner, name, 10_000);
    const page = await pageOf(runner);
    if (expected) assertSamePage(runner.child.name, page, expected);
    expected ??= page;
  }
  console.log(`core: ${runners.length} contenders agree on ${expected!.size} samples`);
}

/** Nothing that was measured was left out by a compiler or lost. */
async function assertAllCounted(runner: Runner): Promise<void> {
  const page = await pageOf(runner);
  const done = (...cases: Case[]): number => cases.reduce((all, name) => all + (runner.done.get(name) ?? 0), 0);
  const total = (name: string): number =>
    [...page].reduce((all, [key, value]) => (key.startsWith(`${name} `) ? all + value : all), 0);
  assert.equal(total('plain_total'), done('counter without labels'), runner.child.name);
  assert.equal(total('requests_total'), done('counter bound', 'counter looked up'), runner.child.name);
  assert.equal(total('seconds_count'), done('histogram bound', 'histogram looked up'), runner.child.name);
}

async function pageOf({ child }: Runner): Promise<Samples> {
  return readPage(await child.ask<string>({ kind: 'page' }), FAMILIES);
}

async function measure(name: Case, runners: readonly Runner[], quick: boolean): Promise<CaseResult> {
  const sampleMs = quick ? 5 : 25;
  const rounds = quick ? 5 : 21;
  const times: number[] = [];
  for (const runner of runners) {
    // Warm: optimised, inlined, and as fast as it gets.
    for (let i = 0; i < 10; i++) await time(runner, name, 20_000);
    const perOperation = await time(runner, name, 50_000);
    times.push(Math.ceil((sampleMs * 1e6) / perOperation));
  }
  const samples: number[][] = runners.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const [i, runner] of runners.entries()) samples[i]!.push(await time(runner, name, times[i]!));
  }
  const compared = compare(runners.map(({ child }, i) => ({ name: child.name, values: samples[i]! })));
  const contenders = [];
  for (const [i, runner] of runners.entries()) {
    contenders.push({ ...compared[i]!, bytes: await allocation(runner, name) });
  }
  return { name, unit: 'ns', contenders };
}

/** Nanoseconds an operation. */
async function time(runner: Runner, name: Case, times: number): Promise<number> {
  runner.done.set(name, (runner.done.get(name) ?? 0) + times);
  return (await runner.child.ask<number>({ kind: 'run', case: name, times })) / times;
}

/**
 * Bytes an operation: few enough operations that they stay within the young generation; the lowest
 * of several.
 */
async function allocation(runner: Runner, name: Case): Promise<number> {
  const times = 4000;
  const bytes: number[] = [];
  for (let i = 0; i < 5; i++) {
    runner.done.set(name, (runner.done.get(name) ?? 0) + times);
    bytes.push(await runner.child.ask<number>({ kind: 'allocation', case: name, times }));
  }
  return Math.round(median(bytes));
}
