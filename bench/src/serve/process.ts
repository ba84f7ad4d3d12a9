import { defaultRegistry, Histogram } from 'promenade';
import { createEndpoint } from 'promenade/http';
import { answerTasks } from '../harness/answer-tasks.ts';
import { LoopWatch } from '../harness/loop-watch.ts';
import { serveOnLoopback } from '../harness/scrape.ts';
import { BUCKETS, createAmounts, HISTOGRAM, LABEL_NAMES, labelSet, SERIES, toSeconds } from './workload.ts';

/**
 * What the application is asked to do: `watch` begins to look at its event loop, `seen` says for
 * how long it was held at most, `spent` how much processor time it has taken so far; in ms.
 */
export type Task = { readonly kind: 'serve' | 'work' | 'watch' | 'seen' | 'spent' };

const histogram = new Histogram({ ...HISTOGRAM, labelNames: LABEL_NAMES, buckets: BUCKETS, maxSeries: SERIES });
const bound = Array.from({ length: SERIES }, (_, i) => histogram.labels(labelSet(i)));
const amount = createAmounts(1);
const { handler } = createEndpoint({ enabled: true, registry: defaultRegistry });
let watch: LoopWatch | undefined;
let at = 0;

/** Some 0.2 ms of what an application does while it is scraped. */
function work(): void {
  for (let i = 0; i < 5000; i++) bound[at++ % SERIES]!.observe(toSeconds(amount()));
}

for (let i = 0; i < 10; i++) work();
answerTasks(async ({ kind }: Task) => {
  switch (kind) {
    case 'serve':
      return serveOnLoopback(handler);
    case 'work':
      setInterval(work, 1);
      return undefined;
    case 'watch':
      watch = new LoopWatch();
      return undefined;
    case 'seen':
      return watch!.stop();
    case 'spent': {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1000;
    }
  }
});
