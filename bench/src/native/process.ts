import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { Histogram, type HistogramOptions, Registry } from 'promenade';
import { createEndpoint } from 'promenade/fetch';
import { BOUND, BUCKETS, LABEL_NAMES, labelSet, VALUES } from '../core/workload.ts';
import { answerTasks } from '../harness/answer-tasks.ts';

/**
 * What the process of a contender is asked to do: observe so often, or write so many pages; the
 * answer is nanoseconds.
 */
export type Task =
  | { readonly kind: 'observe'; readonly times: number }
  | { readonly kind: 'page'; readonly times: number };

const PROTOBUF = 'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited';
const SERIES = 500;
const FAMILIES = 10;

/** The contenders: a kind of histogram, or a format. */
const HISTOGRAMS: Readonly<Record<string, Pick<HistogramOptions, 'buckets' | 'native'>>> = {
  classic: { buckets: BUCKETS },
  native: { native: {} },
  'classic and native': { buckets: BUCKETS, native: {} },
};
const ACCEPT: Readonly<Record<string, string>> = { text: 'text/plain;version=0.0.4', protobuf: PROTOBUF };

const name = process.argv[2]!;
const registry = new Registry();

const observe = ((): ((times: number) => void) => {
  const metric = new Histogram({ registry, name: 'seconds', help: '', labelNames: LABEL_NAMES, ...HISTOGRAMS[name] });
  const handles = Array.from({ length: BOUND }, (_, i) => metric.labels(labelSet(i * 4)));
  return (times) => {
    for (let i = 0; i < times; i++) handles[i & 63]!.observe(VALUES[i & 1023]!);
  };
})();

const endpoint = createEndpoint({ enabled: true, registry });

/** A page of classic histograms, which both formats show in full. */
function fillPage(): void {
  for (let family = 0; family < FAMILIES; family++) {
    const metric = new Histogram({ registry, name: `page_${family}_seconds`, help: 'Page.', labelNames: ['route'] });
    for (let i = 0; i < SERIES; i++) metric.labels({ route: `/things/${i}/:id` }).observe(VALUES[i]!);
  }
}

async function writePages(times: number): Promise<void> {
  for (let i = 0; i < times; i++) {
    const response = await endpoint.fetch(
      new Request('http://127.0.0.1/metrics', { headers: { accept: ACCEPT[name]! } }),
    );
    const type = response.headers.get('content-type')!;
    assert(type.startsWith(ACCEPT[name]!.split(';')[0]!), type);
    assert(Buffer.from(await response.arrayBuffer()).length > SERIES * FAMILIES * 100);
  }
}

if (name in ACCEPT) fillPage();

answerTasks(async (task: Task) => {
  const start = process.hrtime.bigint();
  if (task.kind === 'observe') observe(task.times);
  else await writePages(task.times);
  return Number(process.hrtime.bigint() - start) / task.times;
});
