import { getHeapStatistics } from 'node:v8';
import type * as PromClient from 'prom-client';
import { answerTasks } from '../harness/answer-tasks.ts';
import type { Case, CoreContender } from './contender.ts';

/** What the process of a contender is asked to do. */
export type Task =
  | { readonly kind: 'cases' }
  | { readonly kind: 'run'; readonly case: Case; readonly times: number }
  | { readonly kind: 'allocation'; readonly case: Case; readonly times: number }
  | { readonly kind: 'page' };

/** How each contender is made. */
const CREATE: Readonly<Record<string, () => Promise<CoreContender>>> = {
  promenade: async () => (await import('./promenade.ts')).createContender(),
  'promenade (mapped)': async () => (await import('./promenade.ts')).createContender(),
  'prom-client': async () => (await import('./prom-client.ts')).createContender(await import('prom-client')),
  '@prometheus-io/client': async () =>
    (await import('./prom-client.ts')).createContender(
      (await import('@prometheus-io/client')) as unknown as typeof PromClient,
    ),
  OpenTelemetry: async () => (await import('./opentelemetry.ts')).createContender(),
};

const contender = await CREATE[process.argv[2]!]!();

answerTasks((task: Task) => {
  switch (task.kind) {
    case 'cases':
      return Object.keys(contender.loops);
    case 'run':
      return nanoseconds(() => contender.loops[task.case]!(task.times));
    case 'allocation':
      return allocated(() => contender.loops[task.case]!(task.times)) / task.times;
    case 'page':
      return contender.page();
  }
});

function nanoseconds(work: () => void): number {
  const start = process.hrtime.bigint();
  work();
  return Number(process.hrtime.bigint() - start);
}

/**
 * Bytes; right only if no collection falls in between, for which the process has a young generation
 * of 16 MB from the start.
 */
function allocated(work: () => void): number {
  const measure = (inner: () => void): number => {
    globalThis.gc!();
    const before = getHeapStatistics().used_heap_size;
    inner();
    return getHeapStatistics().used_heap_size - before;
  };
  const own = measure(() => {});
  return Math.max(measure(work) - own, 0);
}
