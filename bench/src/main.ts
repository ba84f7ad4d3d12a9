import { parseArgs } from 'node:util';
import { keep, print } from './harness/report.ts';
import type { TopicResult } from './harness/results.ts';

type Run = (quick: boolean) => Promise<TopicResult>;

const TOPICS: Readonly<Record<string, () => Promise<{ run: Run }>>> = {
  core: () => import('./core/run.ts'),
  exposition: () => import('./exposition/run.ts'),
  native: () => import('./native/run.ts'),
  multiprocess: () => import('./multiprocess/run.ts'),
  serve: () => import('./serve/run.ts'),
  http: () => import('./http/run.ts'),
  adapters: () => import('./adapters/run.ts'),
  memory: () => import('./memory/run.ts'),
  import: () => import('./import/run.ts'),
};

const { values, positionals } = parseArgs({
  options: { quick: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const unknown = positionals.filter((topic) => !Object.hasOwn(TOPICS, topic));
if (unknown.length > 0) {
  console.error(`no such topic: ${unknown.join(', ')}; there are ${Object.keys(TOPICS).join(', ')}`);
  // Before anything is measured: there is nothing to wait for.
  process.exit(1);
}
const topics = positionals.length > 0 ? positionals : Object.keys(TOPICS);
const start = performance.now();
for (const [i, topic] of topics.entries()) {
  console.log(`${topic} (${i + 1} of ${topics.length})`);
  const { run } = await TOPICS[topic]!();
  const result = await run(values.quick);
  print(result);
  // A quick run shows that everything works; its numbers are nothing to keep.
  if (!values.quick) await keep(result, ['npm run bench', ...(positionals.length > 0 ? ['--', topic] : [])].join(' '));
}
console.log(`${Math.round((performance.now() - start) / 1000)} s`);
