import { Child } from '../harness/child.ts';
import type { CaseResult, TopicResult } from '../harness/results.ts';
import { compare } from '../harness/statistics.ts';
import type { Task } from './process.ts';

const SCRIPT = new URL('./process.js', import.meta.url);

/**
 * What native histograms cost beside classic ones, and a protobuf page beside the text. Each
 * contender has a process of its own, and they take turns.
 */
export async function run(quick: boolean): Promise<TopicResult> {
  return {
    topic: 'native',
    about:
      'An observation on a bound handle, by kind of histogram; and a page of 5,000 classic histograms of 11 buckets through the endpoint, by format.',
    results: [
      await measure(
        'observe',
        'ns',
        1,
        ['classic', 'native', 'classic and native'],
        {
          kind: 'observe',
          times: quick ? 100_000 : 1_000_000,
        },
        quick,
      ),
      await measure('page', 'ms', 1e6, ['text', 'protobuf'], { kind: 'page', times: 1 }, quick),
    ],
  };
}

async function measure(
  name: string,
  unit: string,
  scale: number,
  contenders: readonly string[],
  task: Task,
  quick: boolean,
): Promise<CaseResult> {
  const children = contenders.map((contender) => new Child<Task>(contender, SCRIPT));
  try {
    const samples: number[][] = children.map(() => []);
    const warm = quick ? 2 : 10;
    for (let round = 0; round < warm + (quick ? 5 : 21); round++) {
      for (const [i, child] of children.entries()) {
        const nanoseconds = await child.ask<number>(task);
        if (round >= warm) samples[i]!.push(nanoseconds / scale);
      }
    }
    return { name, unit, contenders: compare(contenders.map((who, i) => ({ name: who, values: samples[i]! }))) };
  } finally {
    await Promise.all(children.map((child) => child.stop()));
  }
}
