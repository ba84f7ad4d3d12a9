import cluster from 'node:cluster';
import { once } from 'node:events';
import type * as PromClient from 'prom-client';
import { answerTasks } from '../harness/answer-tasks.ts';
import { watched } from '../harness/loop-watch.ts';
import { serveOnLoopback, writeToNowhere } from '../harness/scrape.ts';
import type { ClusterContender } from './contender.ts';
import { createAmounts, SERIES, toSeconds, WORKERS } from './workload.ts';

/** What a cluster's primary is asked to do: `record` has all workers count on in every series. */
export type Task = { readonly kind: 'serve' | 'record' | 'page' };

/** How each contender is made. */
const CREATE: Readonly<Record<string, () => Promise<ClusterContender>>> = {
  promenade: async () => (await import('./promenade.ts')).contender,
  'prom-client': async () => (await import('./prom-client.ts')).createContender(await import('prom-client')),
  '@prometheus-io/client': async () =>
    (await import('./prom-client.ts')).createContender(
      (await import('@prometheus-io/client')) as unknown as typeof PromClient,
    ),
};

const RECORDED = 'recorded';
const contender = await CREATE[process.argv[2]!]!();
if (cluster.isPrimary) await lead();
else work();

async function lead(): Promise<void> {
  const listener = contender.createPage();
  const workers = Array.from({ length: WORKERS }, (_, i) => cluster.fork({ BENCH_WORKER: i + 1 }));
  await Promise.all(workers.map((worker) => once(worker, 'message')));
  answerTasks(async ({ kind }: Task) => {
    switch (kind) {
      case 'serve':
        return serveOnLoopback(listener);
      case 'page':
        return watched(() => writeToNowhere(listener));
      case 'record':
        await Promise.all(
          workers.map(async (worker) => {
            worker.send({ kind: 'record' });
            await recorded(worker);
          }),
        );
        return undefined;
    }
  });
}

/** prom-client sends messages of its own. */
async function recorded(worker: NodeJS.EventEmitter): Promise<void> {
  for (;;) {
    const [message] = (await once(worker, 'message')) as [unknown];
    if (message === RECORDED) return;
  }
}

function work(): void {
  const observe = contender.createSeries();
  const amount = createAmounts(Number(process.env['BENCH_WORKER']));
  process.on('message', (message: { readonly kind?: unknown }) => {
    if (message.kind !== 'record') return;
    for (let i = 0; i < SERIES; i++) observe(i, toSeconds(amount()));
    process.send!(RECORDED);
  });
  process.send!('ready');
}
