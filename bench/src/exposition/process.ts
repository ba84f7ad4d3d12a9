import type * as PromClient from 'prom-client';
import { answerTasks } from '../harness/answer-tasks.ts';
import { LoopWatch, watched } from '../harness/loop-watch.ts';
import { serveOnLoopback, writeToNowhere } from '../harness/scrape.ts';
import type { PageContender } from './contender.ts';

/**
 * What the process of a contender is asked to do. `watch` and `held` are around a scrape from
 * outside.
 */
export type Task = { readonly kind: 'record' | 'page' | 'serve' | 'watch' | 'held' };

/** How each contender is made. */
const CREATE: Readonly<Record<string, () => Promise<PageContender>>> = {
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
let watch: LoopWatch | undefined;

answerTasks(async ({ kind }: Task) => {
  switch (kind) {
    case 'record':
      return contender.record();
    case 'page':
      return watched(() => writeToNowhere(contender.listener));
    case 'serve':
      return serveOnLoopback(contender.listener);
    case 'watch':
      watch = new LoopWatch();
      return undefined;
    case 'held':
      return watch!.stop();
  }
});
