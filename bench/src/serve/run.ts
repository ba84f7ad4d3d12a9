import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Child } from '../harness/child.ts';
import { assertSamePage, readPage } from '../harness/page.ts';
import type { TopicResult } from '../harness/results.ts';
import { scrape } from '../harness/scrape.ts';
import { compare, type ContenderResult } from '../harness/statistics.ts';
import type { Task } from './process.ts';
import { BUCKETS, HISTOGRAM, SERIES } from './workload.ts';

const SCRIPT = new URL('./process.js', import.meta.url);
const COMMAND = fileURLToPath(new URL('dist/cli/main.js', import.meta.resolve('promenade/package.json')));
/** Longer than a scrape takes, so that all are looked at for the same time. */
const PAUSE_MS = 500;

/**
 * What a scrape costs an application that is at work: when it answers itself, and when
 * `promenade serve` does.
 */
export async function run(quick: boolean): Promise<TopicResult> {
  const directory = await mkdtemp(join(tmpdir(), 'promenade-bench-'));
  const env = { ...process.env, METRICS_ENABLED: 'true', PROMETHEUS_MULTIPROC_DIR: directory };
  const application = new Child<Task>('application', SCRIPT, { env });
  const serving = spawn(process.execPath, [COMMAND, 'serve', '--port=0', directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const own = await application.ask<number>({ kind: 'serve' });
    const other = await portOf(serving);
    await assertEqualAnswers(own, other);
    const scrapes: Readonly<Record<string, () => Promise<unknown>>> = {
      'nobody scrapes': async () => {},
      'promenade serve': () => scrape(other),
      'the application itself': () => scrape(own),
    };
    const rounds = quick ? 2 : 25;
    const spent = await measure(scrapes, rounds, async (ask) => {
      const before = await application.ask<number>({ kind: 'spent' });
      await Promise.all([ask(), delay(PAUSE_MS)]);
      return (await application.ask<number>({ kind: 'spent' })) - before;
    });
    await application.ask({ kind: 'work' });
    const held = await measure(scrapes, rounds, async (ask) => {
      await application.ask({ kind: 'watch' });
      await Promise.all([ask(), delay(PAUSE_MS)]);
      return application.ask<number>({ kind: 'seen' });
    });
    return {
      topic: 'serve',
      about:
        "An application's page of 140,000 lines is scraped: from the application itself, and from `promenade serve` on its directory. The processor time that it " +
        'takes in the half second around the scrape, while it has nothing else to do; and the longest time for which its event loop was held while it makes 5,000 ' +
        'observations every millisecond, which on a busy machine is as long as others had the processor.',
      results: [
        { name: 'processor time of the application', unit: 'ms', contenders: spent },
        { name: 'event loop held in the application', unit: 'ms', contenders: held },
      ],
    };
  } finally {
    serving.kill();
    await once(serving, 'exit');
    await application.stop();
    await rm(directory, { recursive: true });
  }
}

async function measure(
  scrapes: Readonly<Record<string, () => Promise<unknown>>>,
  rounds: number,
  one: (ask: () => Promise<unknown>) => Promise<number>,
): Promise<ContenderResult[]> {
  const samples = new Map<string, number[]>(Object.keys(scrapes).map((name) => [name, []]));
  for (let round = -2; round < rounds; round++) {
    for (const [name, ask] of Object.entries(scrapes)) {
      const value = await one(ask);
      if (round >= 0) samples.get(name)!.push(value);
    }
  }
  return compare([...samples].map(([name, values]) => ({ name, values })));
}

async function portOf(serving: ChildProcess): Promise<number> {
  const [line] = (await once(serving.stdout!, 'data')) as [Buffer];
  return Number(/:(\d+)\/metrics/.exec(String(line))![1]);
}

async function assertEqualAnswers(own: number, other: number): Promise<void> {
  const [expected, found] = await Promise.all(
    [own, other].map(async (port) => readPage(Buffer.concat(await scrape(port)).toString(), [HISTOGRAM.name])),
  );
  assert.equal(expected!.size, SERIES * (BUCKETS.length + 3));
  assertSamePage('promenade serve', found!, expected!);
  console.log(`serve: both agree on ${expected!.size} samples`);
}
